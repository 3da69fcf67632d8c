//! Plimsoll over jemalloc.

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

fn main() {
    peers::run();
}
