//! A program that forgot the allocator: the monitor says so once, heap figures are unknown, everything else works.
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll::{Budget, EventKind, HealthStatus, Monitor};
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
}

#[test]
fn an_eviction_is_not_measured_and_says_so() {
    let monitor = Monitor::builder().budget(Budget::Bytes(256 << 20)).start().unwrap();
    monitor.register("claims", |bytes: u64| bytes).unwrap();
    let result = monitor.evict(1 << 20).unwrap();
    assert_eq!((result.memory_freed_bytes, result.claimed_bytes), (None, 1 << 20));
    assert!(result.success, "by its claim, for want of a measure");
}

#[test]
fn assertions_about_memory_fail_loudly_instead_of_passing() {
    let caught = std::panic::catch_unwind(|| plimsoll::assert_allocates_nothing(|| 1));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("is not this program's #[global_allocator]"), "{message}");
}
