//! A program without the wrapper: nothing is counted, and whoever asserts on the count is told so.
#![allow(clippy::expect_used, reason = "a test binary")]

use plimsoll::{
    Region, assert_allocates_nothing, assert_peaks_below, assert_returns_to_start, measure,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

const COMPLAINT: &str =
    "plimsoll::Plimsoll is not this program's #[global_allocator]: nothing is measured";

fn complaint<T>(assertion: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).err().expect("it fails");
    payload.downcast_ref::<&str>().map(ToString::to_string).expect("a text")
}

#[test]
fn nothing_is_counted() {
    let kept = vec![1u8; 1000];
    assert!(!plimsoll::is_installed());
    let counts = plimsoll::counts();
    assert_eq!((counts.alloc_objects_total, counts.free_objects_total), (0, 0));
    assert_eq!((counts.alloc_bytes_total, counts.free_bytes_total), (0, 0));
    assert_eq!(counts.peak_live_bytes, Some(0));
    let (more, delta) = measure(|| vec![1u8; 1000]);
    assert_eq!((delta.alloc_objects, delta.live_bytes), (0, 0));
    assert_eq!(Region::process().delta().live_objects, 0);
    drop((kept, more));
}

#[test]
fn every_assertion_fails_loudly() {
    assert_eq!(complaint(|| assert_allocates_nothing(|| ())), COMPLAINT);
    assert_eq!(complaint(|| assert_returns_to_start(|| ())), COMPLAINT);
    assert_eq!(complaint(|| assert_peaks_below(u64::MAX, || ())), COMPLAINT);
}
