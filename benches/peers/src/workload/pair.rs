//! 64 bytes allocated and freed. An operation is such a pair.

use super::Workload;
use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;

const LAYOUT: Layout = Layout::new::<[u64; 8]>();

pub(super) fn workload() -> Workload {
    Workload::of_each_thread(1, |_, repeats| (0..repeats).for_each(|_| pair()))
}

/// `black_box` has the pointer escape, so that the compiler cannot leave the pair out.
#[inline(always)]
fn pair() {
    // SAFETY: the size is not zero, and what is freed was just allocated with the same layout.
    unsafe { dealloc(black_box(alloc(LAYOUT)), LAYOUT) }
}
