//! `cap` over jemalloc, without a limit.

use cap::Cap;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Cap<Jemalloc> = Cap::new(Jemalloc, usize::MAX);

fn main() {
    peers::run();
}
