//! Plimsoll over jemalloc, built with the heap profile, which nobody has started.

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

fn main() {
    peers::run();
}
