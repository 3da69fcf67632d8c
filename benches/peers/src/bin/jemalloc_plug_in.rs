//! Bare jemalloc as plimsoll's feature `plug_in` has it built, so that it can be opened at run time.

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    peers::run();
}
