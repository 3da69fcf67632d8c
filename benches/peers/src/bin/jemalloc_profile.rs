//! jemalloc with its own heap profile on. The harness sets `_RJEM_MALLOC_CONF`, which jemalloc reads as it starts.

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    peers::run();
}
