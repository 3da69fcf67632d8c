//! 64 bytes allocated and freed. An operation is such a pair. In variants: of a size that the compiler does not know,
//! zeroed, and of 4 KiB.

use super::Workload;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::hint::black_box;

const LAYOUT: Layout = Layout::new::<[u64; 8]>();

pub(super) fn workload() -> Workload {
    Workload::of_each_thread(1, |_, repeats| (0..repeats).for_each(|_| pair()))
}

/// Of a size that is known only when the program runs.
pub(super) fn of_size(layout: Layout) -> Workload {
    Workload::of_each_thread(1, move |_, repeats| {
        let layout = black_box(layout);
        // SAFETY: the size is not zero, and what is freed was just allocated with the same layout.
        (0..repeats).for_each(|_| unsafe { dealloc(black_box(alloc(layout)), layout) });
    })
}

pub(super) fn zeroed() -> Workload {
    Workload::of_each_thread(1, |_, repeats| {
        // SAFETY: as above.
        (0..repeats).for_each(|_| unsafe { dealloc(black_box(alloc_zeroed(LAYOUT)), LAYOUT) });
    })
}

pub(super) const SMALL: Layout = LAYOUT;
pub(super) const LARGE: Layout = Layout::new::<[u64; 512]>();

/// `black_box` has the pointer escape, so that the compiler cannot leave the pair out.
#[inline(always)]
fn pair() {
    // SAFETY: the size is not zero, and what is freed was just allocated with the same layout.
    unsafe { dealloc(black_box(alloc(LAYOUT)), LAYOUT) }
}
