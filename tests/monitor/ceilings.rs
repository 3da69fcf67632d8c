//! Ceilings on a real monitor: set before anybody is asked, known, and lifted when nobody looks after them any more.

use crate::support::{BUDGET, MIB, alone, ballast, builder, eventually};
use plimsoll::{Ask, Cache, CacheSpec, Level, Monitor, ShrinkReport};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Notes what it is told; gives nothing. Hangs where it is told to, until it is let go.
#[derive(Default)]
struct Told {
    ceilings: Mutex<Vec<Option<u64>>>,
    asked: AtomicU64,
    hangs_at_usage: AtomicBool,
    hangs_at_ceiling: AtomicBool,
}

impl Told {
    fn last(&self) -> Option<Option<u64>> {
        self.ceilings.lock().unwrap().last().copied()
    }

    fn hang_while(&self, flag: &AtomicBool) {
        while flag.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Cache for Told {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.asked.fetch_add(ask.bytes, SeqCst);
        0.into()
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        self.hang_while(&self.hangs_at_ceiling);
        self.ceilings.lock().unwrap().push(ceiling);
        true
    }

    fn usage_bytes(&self) -> Option<u64> {
        self.hang_while(&self.hangs_at_usage);
        Some(BUDGET / 10)
    }
}

fn start() -> Monitor {
    builder().hook_timeout(Duration::from_secs(1)).start().unwrap()
}

fn register(monitor: &Monitor, name: &str) -> (Arc<Told>, plimsoll::CacheHandle) {
    let cache = Arc::new(Told::default());
    let spec = CacheSpec::new(name).from(Level::Caution);
    let handle = monitor.register(spec, cache.clone()).unwrap();
    (cache, handle)
}

fn bound(cache: &Told) {
    eventually("a ceiling", || cache.last().flatten());
}

#[test]
fn a_monitor_that_stops_lifts_them() {
    let _alone = alone();
    let monitor = start();
    let (cache, _) = register(&monitor, "pages");
    let load = ballast(85.0);
    bound(&cache);
    monitor.stop();
    eventually("the ceiling is lifted", || (cache.last() == Some(None)).then_some(()));
    drop(load);
}

#[test]
fn a_cache_that_leaves_is_without_one() {
    let _alone = alone();
    let monitor = start();
    let (cache, handle) = register(&monitor, "pages");
    let load = ballast(85.0);
    bound(&cache);
    handle.unregister();
    eventually("the ceiling is lifted", || (cache.last() == Some(None)).then_some(()));
    drop(load);
}

#[test]
fn a_dry_run_asks_nobody_even_when_a_cache_hangs() {
    let _alone = alone();
    let monitor = start();
    let (good, _) = register(&monitor, "good");
    let (bad, _) = register(&monitor, "bad");
    bad.hangs_at_usage.store(true, SeqCst);
    let plan = monitor.plan_eviction(MIB).unwrap();
    bad.hangs_at_usage.store(false, SeqCst);
    assert_eq!(plan.planned_bytes, MIB, "{plan:?}");
    assert_eq!(good.asked.load(SeqCst) + bad.asked.load(SeqCst), 0);
    assert_eq!(monitor.eviction_statistics().total_evictions, 0);
}

#[test]
fn what_was_set_before_another_hung_is_known() {
    let _alone = alone();
    let monitor = start();
    let (good, _) = register(&monitor, "good");
    let (bad, _) = register(&monitor, "bad");
    bad.hangs_at_ceiling.store(true, SeqCst);
    let load = ballast(85.0);
    bound(&good);
    eventually("the bad one's quarantine", || {
        monitor.caches().iter().any(|cache| cache.name == "bad" && cache.quarantined).then_some(())
    });
    let known = || monitor.caches().iter().find(|cache| cache.name == "good")?.ceiling_bytes;
    eventually("the good one's ceiling is known", known);
    bad.hangs_at_ceiling.store(false, SeqCst);
    drop(load);
}

#[test]
fn a_cache_that_hangs_when_it_is_dropped_holds_up_no_stop() {
    struct Clingy(Arc<AtomicBool>);
    impl Cache for Clingy {
        fn shrink(&self, _: &Ask) -> ShrinkReport {
            0.into()
        }
    }
    impl Drop for Clingy {
        fn drop(&mut self) {
            while self.0.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    let _alone = alone();
    let clings = Arc::new(AtomicBool::new(true));
    let monitor = start();
    drop(monitor.register("clingy", Clingy(clings.clone())).unwrap());
    // Ends, or the harness ends it.
    monitor.stop();
    clings.store(false, SeqCst);
}
