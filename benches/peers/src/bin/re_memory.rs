//! `re_memory`'s accounting allocator over jemalloc, its tracking of call stacks on with the default options.

use re_memory::AccountingAllocator;
use re_memory::accounting_allocator::set_tracking_callstacks;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: AccountingAllocator<Jemalloc> = AccountingAllocator::new(Jemalloc);

fn main() {
    set_tracking_callstacks(true);
    peers::run();
}
