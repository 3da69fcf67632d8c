//! Bare jemalloc, built with the features that plimsoll builds it with: what all ratios are to.

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    peers::run();
}
