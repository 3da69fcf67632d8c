//! Bare jemalloc as `tikv-jemallocator` comes by default: without `stats`.

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    peers::run();
}
