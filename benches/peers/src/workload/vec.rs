//! A `Vec` that grows by `push` to 64 KiB, then dropped. An operation is one such `Vec`: an allocation, 8 reallocations,
//! a free, and the 1024 pushes themselves.
//!
//! Elements of 64 bytes, for with small ones the loop of pushes is nearly all that is measured: with `u64`, one layout
//! of its code was a fifth slower than another, whatever the allocator.

use super::Workload;
use std::hint::black_box;

const ELEMENTS: u64 = (64 << 10) / 64;

pub(super) fn workload() -> Workload {
    Workload::of_each_thread(1, |_, repeats| (0..repeats).for_each(|_| grow()))
}

fn grow() {
    let mut lines = Vec::new();
    (0..ELEMENTS).for_each(|number| lines.push(black_box([number; 8])));
    black_box(&lines);
}
