//! The memory contract in users' tests: each assertion holds when it should and fails, with its figures, when not.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use plimsoll::{assert_allocates_nothing, assert_peaks_below, assert_returns_to_start};
use std::panic::{AssertUnwindSafe, catch_unwind};

cases![
    nothing_allocated_passes_and_anything_fails,
    a_return_to_the_start_passes_and_a_leak_fails,
    a_peak_below_passes_and_one_at_the_limit_fails,
    values_and_panics_are_passed_on,
];

/// What the assertion said when it failed; `None` when it passed.
fn complaint<T>(assertion: impl FnOnce() -> T) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).err()?;
    Some(payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "no text".into()))
}

fn block(size: usize) -> Block {
    Block::new(&Global, words(size)).unwrap()
}

fn nothing_allocated_passes_and_anything_fails() {
    let old = block(10);
    assert_eq!(complaint(|| assert_allocates_nothing(|| old.free(&Global))), None);
    let one = complaint(|| assert_allocates_nothing(|| block(64).free(&Global)));
    assert_eq!(one.unwrap(), "allocated: 1 objects, 64 bytes, 0 reallocations");
    let mut old = block(10);
    let resized = complaint(|| assert_allocates_nothing(|| assert!(old.resize(&Global, 5))));
    assert_eq!(resized.unwrap(), "allocated: 0 objects, 0 bytes, 1 reallocations");
}

fn a_return_to_the_start_passes_and_a_leak_fails() {
    assert_eq!(complaint(|| assert_returns_to_start(|| block(64).free(&Global))), None);
    let kept = complaint(|| assert_returns_to_start(|| block(64).keep()));
    assert_eq!(kept.unwrap(), "did not return to its start: +1 objects, +64 bytes");
    let old = block(100);
    let freed = complaint(|| assert_returns_to_start(|| old.free(&Global)));
    assert_eq!(freed.unwrap(), "did not return to its start: -1 objects, -100 bytes");
    let old = block(100);
    let swapped = complaint(|| {
        assert_returns_to_start(|| {
            old.free(&Global);
            block(101).keep()
        })
    });
    assert_eq!(swapped.unwrap(), "did not return to its start: +0 objects, +1 bytes");
}

fn a_peak_below_passes_and_one_at_the_limit_fails() {
    assert_eq!(complaint(|| assert_peaks_below(1001, || block(1000).free(&Global))), None);
    let reached = complaint(|| assert_peaks_below(1000, || block(1000).free(&Global)));
    assert_eq!(reached.unwrap(), "peaked at 1000 bytes above its start, not below 1000");
}

fn values_and_panics_are_passed_on() {
    assert_eq!(assert_allocates_nothing(|| 7), 7);
    assert_eq!(assert_returns_to_start(|| 8), 8);
    assert_eq!(assert_peaks_below(1, || 9), 9);
    let own = complaint(|| assert_allocates_nothing(|| panic!("{}", "the work's own")));
    assert_eq!(own.unwrap(), "the work's own");
    assert_eq!(
        complaint(|| assert_allocates_nothing(|| ())),
        None,
        "and the next is measured anew"
    );
}
