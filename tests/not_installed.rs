//! A program that forgot the allocator: the monitor says so once, heap figures are unknown, everything else works.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use plimsoll::{
    Budget, EventKind, HealthStatus, Monitor, Region, assert_allocates_nothing, assert_peaks_below,
    assert_returns_to_start, measure,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn heap_figures_are_unknown_and_one_error_says_why() {
    assert!(!plimsoll::is_installed());
    let budget = Budget::Bytes(256 << 20);
    let monitor =
        Monitor::builder().budget(budget).interval(Duration::from_millis(2)).start().unwrap();
    while monitor.history().len() < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let newest = monitor.latest().unwrap();
    assert_eq!(
        (newest.live_objects(), newest.live_bytes(), newest.heap_objects()),
        (None, None, None)
    );
    assert_eq!(newest.jemalloc_allocated_bytes(), None, "jemalloc serves nobody here");
    #[cfg(target_os = "linux")]
    assert!(newest.process_rss_bytes() > Some(0) && newest.usage_percent() > Some(0.0));
    let is_warning = |kind: &EventKind| matches!(kind, EventKind::Error { error_message, .. } if error_message.contains("not the global allocator"));
    assert_eq!(monitor.events().iter().filter(|event| is_warning(&event.kind)).count(), 1);
    let health = monitor.health_check();
    assert_eq!(health.status, HealthStatus::Warning);
    assert_eq!(health.failed_checks, ["tracker_status"]);
    assert_eq!(plimsoll::Audit::take(), None);
}

#[test]
fn an_eviction_is_not_measured_and_says_so() {
    let monitor = Monitor::builder().budget(Budget::Bytes(256 << 20)).start().unwrap();
    monitor.register("claims", |bytes: u64| bytes).unwrap();
    let result = monitor.evict(1 << 20).unwrap();
    assert_eq!((result.memory_freed_bytes, result.claimed_bytes), (None, 1 << 20));
    assert!(result.success, "by its claim, for want of a measure");
}

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
