//! A tick in the steady state allocates nothing: counted by our own counters, over all threads of the process.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

use plimsoll::{
    Ask, Budget, Cache, HealthStatus, Level, Meter, Monitor, OwnMetric, Region, ShrinkReport, Unit,
};
use std::time::{Duration, Instant};

struct Quiet;

impl Cache for Quiet {
    fn shrink(&self, _: &Ask) -> ShrinkReport {
        0.into()
    }
    fn usage_bytes(&self) -> Option<u64> {
        Some(4096)
    }
    fn idle(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

/// Lets the monitor tick for a while, then asserts that `more` of ticks allocates nothing.
fn assert_quiet(monitor: &Monitor, more: Duration) {
    let taken = || monitor.latest().map_or(Duration::ZERO, |newest| newest.uptime());
    let give_up = Instant::now() + Duration::from_secs(60);
    let wait_for = |more: Duration| {
        let start = taken();
        while taken() < start + more {
            assert!(Instant::now() < give_up, "the monitor does not tick");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    // Growth becomes known after a second, and slow sources are read every second.
    wait_for(Duration::from_millis(1500));
    let events = || monitor.events_since(u64::MAX).next;
    for _ in 0..5 {
        let before = events();
        let region = Region::process();
        wait_for(more);
        let delta = region.delta();
        // Where something has happened it was no steady state: that no cache is left to ask may take a while to be said.
        if events() == before {
            let level = monitor.level();
            assert_eq!((delta.alloc_objects, delta.reallocs), (0, 0), "at {level}: {delta:?}");
            return;
        }
    }
    panic!("something happens all the time: {:?}", monitor.events());
}

/// The locks' own memory grows when more threads wait at once than ever before, on a busy machine at any time; now rather than
/// in a tick.
fn let_many_threads_wait_for_a_lock() {
    let lock = parking_lot::Mutex::new(());
    std::thread::scope(|scope| {
        let held = lock.lock();
        for _ in 0..32 {
            scope.spawn(|| drop(lock.lock()));
        }
        std::thread::sleep(Duration::from_millis(300));
        drop(held);
    });
}

// The only test of its process: nothing else may allocate.
#[test]
fn a_tick_in_the_steady_state_allocates_nothing() {
    let_many_threads_wait_for_a_lock();
    #[cfg(feature = "recorder")]
    let recordings = tempfile::tempdir().unwrap();
    let monitor = Monitor::builder()
        .budget(Budget::Bytes(128 << 20))
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(1))
        .ring(100)
        .leak_window(Duration::from_secs(1))
        .metric(OwnMetric::gauge("depth", Unit::Count, "How deep.", || Some(7.0)))
        .memory_source("device", || Some(4096))
        .keep_if(|snapshot| snapshot.heap_objects() > Some(0))
        .on_snapshot(|_| {})
        .on_event(|_| {});
    #[cfg(feature = "recorder")]
    let monitor = monitor.recorder(recordings.path().join("run"));
    let monitor = monitor.start().unwrap();
    monitor.register("quiet", Quiet).unwrap();
    let a_while = Duration::from_millis(1500);
    assert_quiet(&monitor, a_while);
    assert_eq!(monitor.latest().unwrap().caches_bytes(), Some(4096));
    // As steady, but a cache is in quarantine and the last eviction had errors.
    // Without the hook, whose trace would be read in: tens of megabytes.
    let panics = |_: u64| -> u64 { std::panic::resume_unwind(Box::new("on purpose")) };
    let broken = monitor.register("broken", panics).unwrap();
    assert!(!monitor.evict(1 << 20).unwrap().errors.is_empty());
    assert_quiet(&monitor, a_while);
    assert_eq!(monitor.health_check().status, HealthStatus::Warning);
    broken.unregister();
    // As steady, but nearer to the line.
    for (mebibytes, level) in [(108, Level::Caution), (13, Level::Warning)] {
        std::mem::forget(vec![0u8; mebibytes << 20]);
        assert_quiet(&monitor, a_while);
        assert_eq!(monitor.level(), level);
    }
    drop(monitor);
    // A budget that is found: every five seconds limits are read again, and what the reserve is for.
    let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cgroup/kubernetes_v2_pod");
    let found = Monitor::builder().root(tree).interval(Duration::from_millis(1)).ring(100);
    assert_quiet(&found.start().unwrap(), Duration::from_secs(6));
}
