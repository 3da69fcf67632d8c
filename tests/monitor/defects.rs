//! The sixteen defects of the original that must not return, one test each (8 is held by `tests/tidy.rs`: only
//! `Moment` reads the wall clock, and every duration is taken from the monotonic one).

use crate::support::{
    BUDGET, Boxes, MIB, alone, ballast, builder, errors, events, eventually, ticks,
};
use plimsoll::{CacheSpec, Check, EventKind, HealthStatus, Level, Meter, Priority, Threshold};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn defect_01_thresholds_and_eviction_are_wired_to_the_snapshots() {
    let _alone = alone();
    let boxes = Boxes::filled(100 * MIB);
    let monitor = builder().start().unwrap();
    monitor.register("boxes", boxes.closure()).unwrap();
    let _load = ballast(99.0);
    let result = eventually("an eviction that nobody called for", || {
        monitor.eviction_statistics().history.front().cloned()
    });
    assert!(result.success);
    assert_eq!(result.evicted, ["boxes"]);
    assert_eq!(result.memory_freed_bytes, Some(result.claimed_bytes));
    eventually("usage below the line", || {
        monitor.latest()?.usage_percent().filter(|percent| *percent < 80.0)
    });
    assert!(boxes.bytes() < 100 * MIB);
}

#[test]
fn defect_02_every_crossing_is_seen_whoever_takes_snapshots() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let _load = ballast(85.0);
    let crossed = || {
        for _ in 0..10 {
            monitor.snapshot();
        }
        let crossings = monitor.metrics().metrics.threshold_crossings;
        (crossings.warning > 0).then_some(crossings)
    };
    let crossings = eventually("a crossing", crossed);
    ticks(&monitor, 20);
    assert_eq!(monitor.metrics().metrics.threshold_crossings, crossings, "seen once");
    assert_eq!((crossings.warning, crossings.prompt, crossings.emergency), (1, 0, 0));
    assert_eq!(events(&monitor, "threshold_crossed").len(), 1);
}

#[test]
fn defect_03_low_priority_goes_first_and_high_last() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    // With room, so that noting the order frees nothing from what is measured.
    let order = Arc::new(Mutex::new(Vec::with_capacity(16)));
    for (name, priority) in
        [("high", Priority::High), ("low", Priority::Low), ("normal", Priority::Normal)]
    {
        let (boxes, order) = (Boxes::filled(MIB), order.clone());
        let cache = move |bytes: u64| {
            order.lock().unwrap().push(name);
            boxes.free(bytes)
        };
        monitor.register(CacheSpec::new(name).priority(priority), cache).unwrap();
    }
    let result = monitor.evict(3 * MIB).unwrap();
    assert_eq!(result.memory_freed_bytes, Some(3 * MIB));
    assert_eq!(result.evicted, ["low", "normal", "high"]);
    let mut order = order.lock().unwrap().clone();
    order.dedup();
    assert_eq!(order[..1], ["low"]);
    assert_eq!(order.last(), Some(&"high"));
}

#[test]
fn defect_04_reading_the_growth_does_not_reset_it() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let mut kept = Vec::new();
    let growing = eventually("growth", || {
        kept.push(vec![0u8; 1 << 18]);
        monitor.latest()?.growth_bytes_per_sec().filter(|growth| *growth > 0.0)
    });
    monitor.stop();
    let newest = monitor.latest().unwrap().growth_bytes_per_sec();
    assert!(growing > 0.0);
    for _ in 0..3 {
        assert_eq!(monitor.metrics().metrics.growth_rate_bytes_per_sec, newest);
        assert_eq!(monitor.snapshot().growth_bytes_per_sec(), newest);
        monitor.health_check();
    }
    assert!(newest > Some(0.0));
}

#[test]
fn defect_05_a_jump_counts_every_threshold_and_a_fall_none() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let load = ballast(99.0);
    eventually("critical", || (monitor.level() == Level::Critical).then_some(()));
    let crossed: Vec<_> = events(&monitor, "threshold_crossed")
        .into_iter()
        .map(|event| match event.kind {
            EventKind::ThresholdCrossed { threshold_type, .. } => threshold_type,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(crossed, Threshold::ALL);
    drop(load);
    // The fall itself takes ten seconds a level; the level it is leaving is left in `threshold.rs`'s own tests.
    ticks(&monitor, 20);
    let crossings = monitor.metrics().metrics.threshold_crossings;
    assert_eq!((crossings.warning, crossings.prompt, crossings.emergency), (1, 1, 1));
}

#[test]
fn defect_06_noise_on_the_line_is_one_change() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let _load = ballast(79.0);
    for _ in 0..10 {
        let noise = vec![0u8; usize::try_from(BUDGET / 50).unwrap()];
        ticks(&monitor, 2);
        drop(noise);
        ticks(&monitor, 2);
    }
    assert_eq!(monitor.level(), Level::Caution);
    assert_eq!(events(&monitor, "level_changed").len(), 1);
    assert_eq!(events(&monitor, "threshold_crossed").len(), 1);
}

#[test]
fn defect_07_a_failed_read_is_unknown_and_not_healthy() {
    let _alone = alone();
    let nowhere = tempfile::tempdir().unwrap();
    let monitor = builder().meter(Meter::Rss).root(nowhere.path()).start().unwrap();
    ticks(&monitor, 3);
    let newest = monitor.latest().unwrap();
    assert_eq!(newest.process_rss_bytes(), None);
    assert_eq!(newest.usage_percent(), None);
    assert_eq!(newest.heap_objects().map(|objects| objects > 0), Some(true));
    let health = monitor.health_check();
    assert_eq!(health.status, HealthStatus::Warning);
    assert_eq!(health.failed_checks, ["memory_usage"]);
    let said = errors(&monitor).iter().filter(|error| error.contains("cannot be read")).count();
    assert_eq!(said, 1, "said once, not at every tick");
}

#[test]
fn defect_09_hooks_and_sinks_and_checks_run_under_no_lock() {
    let _alone = alone();
    let slot = Arc::new(Mutex::new(None::<Arc<plimsoll::Monitor>>));
    let everything = |slot: Arc<Mutex<Option<Arc<plimsoll::Monitor>>>>| {
        move || {
            let monitor = slot.lock().unwrap().clone();
            if let Some(monitor) = monitor {
                monitor.snapshot();
                monitor.metrics();
                monitor.events();
                monitor.history();
                monitor.ledger();
                monitor.warning();
                monitor.eviction_statistics();
                monitor.set_metadata("touched", "yes").unwrap();
                let other = monitor.register("other", |_: u64| 0);
                other.iter().for_each(plimsoll::CacheHandle::unregister);
            }
        }
    };
    let heard = Arc::new(AtomicUsize::new(0));
    let monitor = {
        let (sink, check) = (everything(slot.clone()), everything(slot.clone()));
        let heard = heard.clone();
        builder()
            .on_event(move |_| {
                sink();
                heard.fetch_add(1, Ordering::SeqCst);
            })
            .check("curious", move || {
                check();
                Check::healthy("looked at everything")
            })
            .start()
            .unwrap()
    };
    let monitor = Arc::new(monitor);
    *slot.lock().unwrap() = Some(monitor.clone());
    let hook = everything(slot.clone());
    let boxes = Boxes::filled(2 * MIB);
    monitor
        .register("boxes", move |bytes: u64| {
            hook();
            boxes.free(bytes)
        })
        .unwrap();
    assert!(monitor.evict(MIB).unwrap().success);
    assert_eq!(monitor.health_check().status, HealthStatus::Healthy);
    eventually("the sink has heard of it", || (heard.load(Ordering::SeqCst) >= 2).then_some(()));
    slot.lock().unwrap().take();
}

#[test]
#[cfg(target_os = "linux")]
fn defect_10_stop_joins() {
    let _alone = alone();
    let ours = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
        let names: Vec<String> = tasks.filter_map(|task| name(task.ok()?)).collect();
        names.into_iter().filter(|name| name.starts_with("plimsoll")).count()
    };
    let monitor = builder().on_event(|_| ()).start().unwrap();
    monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
    monitor.evict(MIB).unwrap();
    eventually("monitor, caches, events", || (ours() >= 3).then_some(()));
    monitor.stop();
    // The kernel takes a joined thread off the list a moment after it has ended.
    eventually("no thread is left", || (ours() == 0).then_some(()));
}

#[test]
fn defect_10_stop_waits_for_a_tick_under_way() {
    let _alone = alone();
    let inside = Arc::new(AtomicUsize::new(0));
    let counter = inside.clone();
    let monitor = builder()
        .counts_from(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(100));
            counter.fetch_sub(1, Ordering::SeqCst);
            plimsoll::counts()
        })
        .start()
        .unwrap();
    eventually("a tick under way", || (inside.load(Ordering::SeqCst) == 1).then_some(()));
    monitor.stop();
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[test]
fn defect_11_freed_bytes_are_measured() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let boxes = Boxes::filled(MIB);
    monitor.register("liar", move |bytes: u64| boxes.free(bytes.min(MIB / 4)) * 8).unwrap();
    let result = monitor.evict(4 * MIB).unwrap();
    // The test harness has threads of its own, which free a little meanwhile.
    let freed = result.memory_freed_bytes.unwrap();
    assert!(freed.abs_diff(MIB / 2) < 4096, "two strikes and out: {freed}");
    assert_eq!(result.claimed_bytes, 4 * MIB);
    assert!(!result.success);
    assert_eq!(monitor.eviction_statistics().total_memory_freed_bytes, Some(freed));
}

#[test]
fn defect_12_history_is_bounded() {
    let _alone = alone();
    let monitor = builder().ring(5).start().unwrap();
    monitor.register("empty", |_: u64| 0).unwrap();
    for _ in 0..300 {
        monitor.evict(MIB).unwrap();
    }
    let statistics = monitor.eviction_statistics();
    assert_eq!((statistics.total_evictions, statistics.history.len()), (300, 100));
    assert_eq!(statistics.recent.len(), 10);
    assert_eq!(monitor.events().len(), 256);
    ticks(&monitor, 10);
    assert_eq!(monitor.history().len(), 5);
}

#[test]
fn defect_13_a_failed_check_shows_in_the_status() {
    let _alone = alone();
    let monitor = builder()
        // What other tests freed a moment ago is no growth to speak of here.
        .growth_limits(1 << 40, 1 << 41)
        .check("queue", || Check::critical("stuck").with("queued", 7))
        .check("panics", || panic!("on purpose"))
        .start()
        .unwrap();
    ticks(&monitor, 1);
    let health = monitor.health_check();
    assert_eq!(health.status, HealthStatus::Critical);
    assert_eq!(health.failed_checks, ["queue", "panics"]);
    assert_eq!(health.critical_issues, ["stuck", "the check panicked: on purpose"]);
    assert_eq!(health.checks["queue"]["queued"], 7);
}

#[test]
fn defect_14_everything_said_is_json() {
    let _alone = alone();
    let nowhere = tempfile::tempdir().unwrap();
    for root in [nowhere.path(), std::path::Path::new("/")] {
        let monitor =
            builder().meter(Meter::Rss).root(root).check("nan", nan_check).start().unwrap();
        monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
        monitor.evict(MIB).unwrap();
        let strict = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
        strict(serde_json::to_string(&monitor.metrics()).unwrap());
        let health = strict(serde_json::to_string(&monitor.health_check()).unwrap());
        assert!(health["checks"]["nan"]["figure"].is_null());
        strict(serde_json::to_string(&monitor.ledger()).unwrap());
        strict(serde_json::to_string(&monitor.snapshot()).unwrap());
        monitor.events().iter().for_each(|event| {
            let line = plimsoll::event_json(event);
            serde_json::from_str::<NoKeyTwice>(&line).unwrap();
            assert!(strict(line.clone()).is_object() && !line.contains('\n'), "{line}");
        });
    }
}

/// JSON in which no object has a key twice: strict readers refuse such a thing, lenient ones lose one of the values.
struct NoKeyTwice;

impl<'de> serde::Deserialize<'de> for NoKeyTwice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> serde::de::Visitor<'de> for Keys {
            type Value = NoKeyTwice;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<NoKeyTwice, A::Error> {
                let mut seen = std::collections::BTreeSet::new();
                while let Some((key, _)) = map.next_entry::<String, serde_json::Value>()? {
                    assert!(seen.insert(key.clone()), "{key} stands twice");
                }
                Ok(NoKeyTwice)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

fn nan_check() -> Check {
    Check::healthy("not a number").with("figure", f64::NAN)
}

#[test]
fn defect_15_the_breakdown_is_measured() {
    let _alone = alone();
    let boxes = Boxes::filled(32 * MIB);
    let monitor = builder().start().unwrap();
    let before = monitor.ledger();
    let more = Boxes::filled(64 * MIB);
    let after = monitor.ledger();
    assert!(before.adds_up() && after.adds_up(), "{after}");
    let bytes = |ledger: &plimsoll::Ledger, name| ledger.line(name).unwrap().bytes;
    let grown = bytes(&after, "live") - bytes(&before, "live");
    assert!((64 << 20..65 << 20).contains(&grown), "{grown}");
    #[cfg(target_os = "linux")]
    {
        let grown = bytes(&after, "rss") - bytes(&before, "rss");
        assert!(grown > 48 << 20, "{grown}");
    }
    drop((boxes, more));
}

#[test]
fn defect_16_history_is_kept_once() {
    let _alone = alone();
    let before = plimsoll::counts().live_bytes();
    let monitor = builder().ring(100_000).start().unwrap();
    ticks(&monitor, 3);
    let cost = plimsoll::counts().live_bytes() - before;
    let once = 100_000 * size_of::<plimsoll::Snapshot>() as u64;
    assert!((once..once + once / 10).contains(&cost), "{cost} bytes for {once}");
}
