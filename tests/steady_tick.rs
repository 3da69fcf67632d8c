//! A tick in the steady state allocates nothing: counted by our own counters, over all threads of the process.
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll::{Ask, Budget, Cache, Monitor, Plimsoll, Region};
use std::time::{Duration, Instant};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

#[cfg(not(feature = "jemalloc"))]
#[global_allocator]
static ALLOC: Plimsoll<std::alloc::System> = Plimsoll::new(std::alloc::System);

struct Quiet;

impl Cache for Quiet {
    fn shrink(&self, _: &Ask) -> u64 {
        0
    }
    fn usage_bytes(&self) -> Option<u64> {
        Some(4096)
    }
    fn idle(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

// The only test of its process: nothing else may allocate.
#[test]
fn a_tick_in_the_steady_state_allocates_nothing() {
    let budget = Budget::Bytes(1 << 30);
    let monitor = Monitor::builder()
        .budget(budget)
        .interval(Duration::from_millis(1))
        .ring(100)
        .start()
        .unwrap();
    monitor.register("quiet", Quiet).unwrap();
    let taken = || monitor.latest().map_or(Duration::ZERO, |newest| newest.uptime());
    let give_up = Instant::now() + Duration::from_secs(60);
    let wait_for = |more: Duration| {
        let start = taken();
        while taken() < start + more {
            assert!(Instant::now() < give_up, "the monitor does not tick");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    // The ring fills once, growth becomes known after a second, and slow sources are read every second.
    wait_for(Duration::from_millis(1500));
    let region = Region::process();
    wait_for(Duration::from_millis(1500));
    let delta = region.delta();
    assert_eq!((delta.alloc_objects, delta.reallocs), (0, 0), "{delta:?}");
    assert_eq!(monitor.latest().unwrap().caches_bytes(), Some(4096));
}
