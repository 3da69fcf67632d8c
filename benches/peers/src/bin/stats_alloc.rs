//! `stats_alloc` over jemalloc.

use stats_alloc::StatsAlloc;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: StatsAlloc<Jemalloc> = StatsAlloc::new(Jemalloc);

fn main() {
    peers::run();
}
