//! Caches that panic, hang, lie, re-enter, remove themselves or allocate: each hurts itself and nobody else.

use crate::support::{Boxes, MIB, alone, ballast, builder, errors, events, eventually, ticks};
use plimsoll::{Ask, Builder, Cache, CacheHandle, CacheSpec, Level, Monitor, Priority};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// A monitor with one good cache of normal priority, so that a bad one of low priority is asked first.
fn with_good_cache(boxes: &Boxes) -> Monitor {
    with_good_cache_and(boxes, builder())
}

/// The same, and no cache has longer than a second: as short as a busy machine lets a good one answer for certain.
fn impatient_with_good_cache(boxes: &Boxes) -> Monitor {
    with_good_cache_and(boxes, builder().hook_timeout(Duration::from_secs(1)))
}

fn with_good_cache_and(boxes: &Boxes, builder: Builder) -> Monitor {
    let monitor = builder.start().unwrap();
    monitor.register("good", boxes.closure()).unwrap();
    monitor
}

fn low(name: &str) -> CacheSpec {
    CacheSpec::new(name).priority(Priority::Low)
}

#[test]
fn a_cache_that_panics_is_passed_over() {
    let _alone = alone();
    let boxes = Boxes::filled(4 * MIB);
    let monitor = with_good_cache(&boxes);
    monitor.register(low("bad"), |_: u64| panic!("on purpose")).unwrap();
    let result = monitor.evict(MIB).unwrap();
    assert!(result.success);
    assert_eq!(result.evicted, ["bad", "good"]);
    assert_eq!(result.errors, ["bad: panicked: on purpose"]);
    let again = monitor.evict(MIB).unwrap();
    assert_eq!(again.evicted, ["good"], "the bad one is in quarantine");
    let health = monitor.health_check();
    assert_eq!(health.failed_checks, ["eviction_system"]);
    assert!(health.checks["eviction_system"]["message"].as_str().unwrap().contains("bad"));
}

#[test]
fn a_cache_that_hangs_is_passed_over_and_ticks_go_on() {
    let _alone = alone();
    let boxes = Boxes::filled(4 * MIB);
    let monitor = impatient_with_good_cache(&boxes);
    let release = Arc::new(AtomicBool::new(false));
    let hang = {
        let release = release.clone();
        move |_: u64| {
            while !release.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            0
        }
    };
    monitor.register(low("slow"), hang).unwrap();
    let result = monitor.evict(MIB).unwrap();
    assert!(result.success);
    assert_eq!(result.errors, ["slow: did not answer within 1s"]);
    ticks(&monitor, 5);
    assert!(monitor.evict(MIB).unwrap().success, "a new worker serves");
    monitor.stop();
    release.store(true, Ordering::SeqCst);
}

#[test]
fn a_cache_that_hangs_or_panics_when_surveyed_is_passed_over() {
    static RELEASE: AtomicBool = AtomicBool::new(false);
    struct Odd(&'static str);
    impl Cache for Odd {
        fn shrink(&self, _: &Ask) -> plimsoll::ShrinkReport {
            0.into()
        }
        fn usage_bytes(&self) -> Option<u64> {
            match self.0 {
                "panics" => panic!("no idea"),
                _ => {
                    while !RELEASE.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    None
                }
            }
        }
    }
    let _alone = alone();
    for odd in ["panics", "hangs"] {
        let boxes = Boxes::filled(MIB);
        let monitor = impatient_with_good_cache(&boxes);
        monitor.register(low(odd), Odd(odd)).unwrap();
        let complaint = eventually("a complaint", || {
            errors(&monitor).into_iter().find(|error| error.starts_with(odd))
        });
        assert!(complaint.contains("panicked") || complaint.contains("did not answer"));
        ticks(&monitor, 60);
        assert!(monitor.is_running());
        assert_eq!(errors(&monitor).len(), 1, "left alone for a minute, and said once");
        assert!(threads_of_caches() <= 2, "the one that hangs and the one that serves");
        assert!(monitor.evict(MIB / 2).unwrap().success);
    }
    // No thread is left to the next test.
    RELEASE.store(true, Ordering::SeqCst);
}

/// Worker threads that run caches' code, of this test's monitor and of hanging ones before it.
#[cfg(target_os = "linux")]
fn threads_of_caches() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    tasks
        .filter_map(|task| name(task.ok()?))
        .filter(|name| name.starts_with("plimsoll-caches"))
        .count()
}

#[cfg(not(target_os = "linux"))]
fn threads_of_caches() -> usize {
    0
}

#[test]
fn a_slow_survey_does_not_pile_up_evictions() {
    struct Slow(Boxes);
    impl Cache for Slow {
        fn shrink(&self, ask: &Ask) -> plimsoll::ShrinkReport {
            self.0.free(ask.bytes).into()
        }
        fn usage_bytes(&self) -> Option<u64> {
            std::thread::sleep(Duration::from_millis(900));
            Some(self.0.bytes())
        }
    }
    let _alone = alone();
    let boxes = Boxes::filled(150 * MIB);
    let monitor = builder().start().unwrap();
    monitor.register(CacheSpec::new("slow").from(Level::Caution), Slow(boxes.clone())).unwrap();
    let load = ballast(90.0);
    let first =
        eventually("an eviction", || monitor.eviction_statistics().history.front().cloned());
    // Whatever piled up behind the survey would come at once.
    ticks(&monitor, 5);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(monitor.eviction_statistics().total_evictions, 1);
    assert_eq!(boxes.bytes(), 150 * MIB - first.memory_freed_bytes.unwrap());
    drop(load);
    // A survey under way outlives the monitor, and with it the cache: the next test shall not see it go.
    boxes.free(boxes.bytes());
}

#[test]
fn giving_up_early_does_not_silence_the_emergency() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.register(CacheSpec::new("stubborn").from(Level::Caution), |_: u64| 0).unwrap();
    let load = ballast(85.0);
    eventually("a fruitless eviction", || monitor.eviction_statistics().history.front().cloned());
    let more = ballast(99.0);
    eventually("giving up", || events(&monitor, "gave_up").pop());
    drop((load, more));
}

#[test]
fn an_eviction_nobody_waits_for_any_more_is_not_carried_out() {
    use std::future::Future;
    use std::task::{Context, Waker};
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let asks = Arc::new(AtomicUsize::new(0));
    let counter = asks.clone();
    monitor
        .register("slow", move |_: u64| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            0
        })
        .unwrap();
    let busy = std::thread::scope(|scope| {
        let first = scope.spawn(|| monitor.evict(MIB));
        eventually("the first is under way", || (asks.load(Ordering::SeqCst) > 0).then_some(()));
        for _ in 0..10 {
            let mut given_up = Box::pin(monitor.evict_async(MIB));
            assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        first.join().unwrap()
    });
    busy.unwrap();
    monitor.evict(MIB).unwrap();
    assert_eq!(asks.load(Ordering::SeqCst), 4, "two asks each for the two that were waited for");
}

#[test]
fn evictions_are_carried_out_in_the_order_in_which_they_were_asked_for() {
    use std::future::Future;
    use std::task::{Context, Waker};
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let (boxes, asks) = (Boxes::filled(16 * MIB), Arc::new(Mutex::new(Vec::with_capacity(16))));
    let release = Arc::new(AtomicBool::new(false));
    let (cache, asked, may_go_on) = (boxes.clone(), asks.clone(), release.clone());
    let slow_at_first = move |bytes: u64| {
        asked.lock().unwrap().push(bytes / MIB);
        while !may_go_on.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        cache.free(bytes)
    };
    monitor.register("slow at first", slow_at_first).unwrap();
    let mut orders = [1, 2, 3, 4].map(|mebibytes| Box::pin(monitor.evict_async(mebibytes * MIB)));
    for order in &mut orders {
        assert!(order.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    release.store(true, Ordering::SeqCst);
    eventually("all four", || (monitor.eviction_statistics().total_evictions == 4).then_some(()));
    assert_eq!(*asks.lock().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn a_cache_that_evicts_from_within_gets_an_error() {
    let _alone = alone();
    let boxes = Boxes::filled(4 * MIB);
    let monitor = Arc::new(with_good_cache(&boxes));
    let seen = Arc::new(Mutex::new(None));
    let (inner, sight) = (Arc::downgrade(&monitor), seen.clone());
    monitor
        .register(low("again"), move |bytes: u64| {
            let answer = inner.upgrade().unwrap().evict(bytes);
            *sight.lock().unwrap() = Some(answer.unwrap_err().to_string());
            0
        })
        .unwrap();
    assert!(monitor.evict(MIB).unwrap().success);
    let seen = seen.lock().unwrap().clone().unwrap();
    assert!(seen.contains("from within a cache's own code"), "{seen}");
}

#[test]
fn a_cache_may_remove_itself_while_it_is_asked() {
    let _alone = alone();
    let boxes = Boxes::filled(4 * MIB);
    let monitor = with_good_cache(&boxes);
    let handle = Arc::new(OnceLock::<CacheHandle>::new());
    let own = handle.clone();
    let once = monitor
        .register(low("once"), move |_: u64| {
            own.get().unwrap().unregister();
            0
        })
        .unwrap();
    handle.set(once).unwrap();
    assert_eq!(monitor.evict(MIB).unwrap().evicted, ["once", "good"]);
    assert_eq!(monitor.evict(MIB).unwrap().evicted, ["good"]);
    assert!(monitor.register(low("once"), |_: u64| 0).is_ok(), "its name is free");
}

#[test]
fn a_cache_that_allocates_is_credited_with_nothing() {
    let _alone = alone();
    let boxes = Boxes::filled(4 * MIB);
    let monitor = with_good_cache(&boxes);
    let hoard = Mutex::new(Vec::new());
    monitor
        .register(low("grower"), move |bytes: u64| {
            hoard.lock().unwrap().push(vec![1u8; MIB as usize]);
            bytes
        })
        .unwrap();
    let result = monitor.evict(2 * MIB).unwrap();
    assert_eq!(result.memory_freed_bytes, Some(2 * MIB), "the good one's");
    assert_eq!(result.claimed_bytes, 2 * 2 * MIB + 2 * MIB, "two asks, then out");
}

#[test]
fn what_a_cache_frees_on_another_thread_is_credited_to_it() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let boxes = Boxes::filled(4 * MIB);
    monitor
        .register("elsewhere", move |bytes: u64| {
            let boxes = boxes.clone();
            std::thread::spawn(move || boxes.free(bytes)).join().unwrap()
        })
        .unwrap();
    let result = monitor.evict(2 * MIB).unwrap();
    assert!(result.success);
    // Short by what starting a thread costs, it may have been asked for one box more.
    let freed = result.memory_freed_bytes.unwrap();
    assert!(freed.abs_diff(2 * MIB) <= 65_536, "{freed}");
}

#[test]
fn an_automatic_eviction_asks_only_who_may_be_asked_at_that_level() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    monitor
        .register("emergency only", move |_: u64| {
            counter.fetch_add(1, Ordering::SeqCst);
            0
        })
        .unwrap();
    let early = Boxes::filled(40 * MIB);
    monitor.register(CacheSpec::new("early").from(Level::Caution), early.closure()).unwrap();
    let _load = ballast(85.0);
    eventually("an eviction at caution", || monitor.eviction_statistics().history.front().cloned());
    ticks(&monitor, 5);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert!(early.bytes() < 40 * MIB);
    assert_eq!(monitor.level(), Level::Caution, "left only after ten seconds");
}

#[test]
fn a_hopeless_emergency_is_said_once() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.register("stubborn", |_: u64| 0).unwrap();
    let _load = ballast(99.0);
    eventually("giving up", || events(&monitor, "gave_up").pop());
    ticks(&monitor, 10);
    assert_eq!(events(&monitor, "gave_up").len(), 1);
    let evictions = monitor.eviction_statistics().history.len();
    assert!(evictions <= 2, "{evictions} evictions for nothing: they must slow down");
}

#[test]
fn an_emergency_without_caches_is_said_once_and_shows_in_the_health() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let load = ballast(99.0);
    let given_up = eventually("giving up", || events(&monitor, "gave_up").pop());
    let json = serde_json::to_value(&given_up).unwrap();
    assert_eq!(json["grew"], "live_bytes_of_no_cache", "{json}");
    let grew = json["grew_bytes"].as_u64().unwrap();
    assert!(grew.abs_diff(load.len() as u64) < MIB, "{grew} of {}", load.len());
    ticks(&monitor, 10);
    assert_eq!(events(&monitor, "gave_up").len(), 1);
    assert_eq!(monitor.eviction_statistics().total_evictions, 0);
    let issues = monitor.health_check().critical_issues;
    assert!(issues.iter().any(|issue| issue.contains("nothing is registered")), "{issues:?}");
}

#[test]
fn evictions_asked_for_by_many_threads_are_all_answered() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let boxes = Boxes::filled(32 * MIB);
    monitor.register("boxes", boxes.closure()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..4).for_each(|_| assert!(monitor.evict(MIB).unwrap().success)));
        }
    });
    assert_eq!(boxes.bytes(), 0);
    assert_eq!(monitor.eviction_statistics().total_memory_freed_bytes, Some(32 * MIB));
}
