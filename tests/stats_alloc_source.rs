//! A program that counts with `stats_alloc` already hands its counts to the monitor.
#![cfg(feature = "stats_alloc")]
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll::{Budget, Meter, Monitor, stats_alloc_counts};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static ALLOC: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn the_monitor_counts_and_measures_with_it() {
    let monitor = Monitor::builder()
        .counts_from(|| stats_alloc_counts(ALLOC))
        .budget(Budget::Bytes(256 << 20))
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(2))
        .start()
        .unwrap();
    let before = monitor.snapshot();
    let kept = vec![0u8; 8 << 20];
    let after = monitor.snapshot();
    let grown = (&after - &before).live_bytes().unwrap();
    assert!((8 << 20..9 << 20).contains(&grown), "{grown}");
    assert_eq!(after.thread_slots(), None, "unknown to it");
    drop(kept);

    let cache = std::sync::Mutex::new(vec![vec![1u8; 1 << 20]; 8]);
    monitor
        .register("cache", move |bytes: u64| {
            let mut cache = cache.lock().unwrap();
            let keep = cache.len().saturating_sub(bytes.div_ceil(1 << 20) as usize);
            (cache.drain(keep..).count() << 20) as u64
        })
        .unwrap();
    let freed = monitor.evict(4 << 20).unwrap().memory_freed_bytes.unwrap();
    assert!(freed.abs_diff(4 << 20) < 1 << 20, "{freed}");
}
