//! `accounting-allocator` over jemalloc.

use accounting_allocator::AccountingAlloc;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: AccountingAlloc<Jemalloc> = AccountingAlloc::with_allocator(Jemalloc);

fn main() {
    peers::run();
}
