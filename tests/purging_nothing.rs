//! Without jemalloc behind the heap there is nothing to purge, and nothing of jemalloc's to set.
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll::{Error, Monitor, Plimsoll};
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static ALLOC: Plimsoll<System> = Plimsoll::new(System);

#[test]
fn a_purge_is_an_error_that_says_why() {
    let monitor = Monitor::builder().start().unwrap();
    let error = monitor.purge().unwrap_err();
    assert!(matches!(error, Error::Purge { .. }), "{error:?}");
    assert_eq!(error.to_string(), "purge: jemalloc does not serve the heap, or has no statistics");
    let json = serde_json::to_value(monitor.health_check()).unwrap();
    assert_eq!(json["checks"]["allocator_options"]["healthy"], true);
}

#[test]
fn settings_of_jemallocs_are_refused_by_name() {
    let refused = Monitor::builder().background_purge(true).start().unwrap_err().to_string();
    assert!(refused.starts_with("background_purge of on: must be left out"), "{refused}");
    let refused = Monitor::builder().dirty_decay(Duration::from_secs(1)).start().unwrap_err();
    assert!(refused.to_string().starts_with("dirty_decay of 1s: must be left out"), "{refused}");
}
