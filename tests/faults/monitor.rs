//! The monitor among faults: each in a process of its own, so that a hang or a crash is one case's. What it then says and
//! does in detail is asked by the target `monitor`.

use super::clock;
use super::support::{BUDGET, Boxes, MIB, builder, eventually, ticks};
use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use crate::common::limits::{lift_limit_of_address_space, limit_address_space};
use plimsoll::{
    Budget, CacheSpec, Error, EvictionResult, HealthStatus, Monitor, Priority, Snapshot,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

cases![
    started_stopped_and_started_again,
    two_at_once,
    stopped_during_an_eviction,
    a_hook_that_panics,
    a_hook_that_hangs,
    a_hook_that_asks_the_monitor_back,
    a_hook_that_removes_itself,
    a_hook_that_allocates_heavily,
    the_wall_clock_jumps,
    nothing_of_proc_can_be_read,
    ticks_while_memory_is_exhausted,
    a_thread_that_is_refused,
];

/// It ticks, evicts, and says that it does.
#[track_caller]
fn assert_well(monitor: &Monitor) {
    ticks(monitor, 3);
    let boxes = Boxes::filled(MIB);
    let cache = monitor.register("assert_well", boxes.closure()).unwrap();
    let result = monitor.evict(MIB).unwrap();
    assert_eq!((result.memory_freed_bytes, boxes.bytes()), (Some(MIB), 0), "{result:?}");
    cache.unregister();
    assert!(monitor.is_running());
}

fn started_stopped_and_started_again() {
    let monitor = builder().start().unwrap();
    assert_well(&monitor);
    monitor.stop();
    monitor.stop();
    assert!(matches!(monitor.evict(MIB), Err(Error::NotRunning)));
    assert_well(&builder().start().unwrap());
    plimsoll::start_monitoring_with(builder()).unwrap();
    let twice = plimsoll::start_monitoring_with(builder());
    assert!(matches!(twice, Err(Error::AlreadyRunning)));
    plimsoll::stop_monitoring().unwrap();
    plimsoll::start_monitoring_with(builder()).unwrap();
    plimsoll::stop_monitoring().unwrap();
}

fn two_at_once() {
    let monitors = [builder().start().unwrap(), builder().start().unwrap()];
    monitors.iter().for_each(assert_well);
}

fn stopped_during_an_eviction() {
    let asked = Arc::new(AtomicBool::new(false));
    let monitor = Arc::new(builder().hook_timeout(Duration::from_secs(600)).start().unwrap());
    let begun = asked.clone();
    let hangs = move |_: u64| {
        begun.store(true, Ordering::Release);
        hang()
    };
    monitor.register("hangs", hangs).unwrap();
    let caller = std::thread::spawn({
        let monitor = monitor.clone();
        move || monitor.evict(MIB).unwrap_err().to_string()
    });
    eventually("the cache is asked", || asked.load(Ordering::Acquire).then_some(()));
    monitor.stop();
    assert!(caller.join().unwrap().contains("the monitor was stopped"));
}

fn hang() -> u64 {
    loop {
        std::thread::park();
    }
}

/// Longer than a cache takes that only has a panic to report, its stack to print or much to allocate.
const PATIENT: Duration = Duration::from_secs(45);

/// Evicts from a cache that is asked first and misbehaves, beside a good one that then gives what is wanted.
fn evict_beside(
    timeout: Duration,
    misbehaves: impl Fn(&Arc<Monitor>, u64) -> u64 + Send + Sync + 'static,
) -> EvictionResult {
    let monitor = builder().hook_timeout(timeout).start().unwrap();
    let monitor = Arc::new(monitor);
    let boxes = Boxes::filled(2 * MIB);
    let first = CacheSpec::new("misbehaves").priority(Priority::Low);
    // Not a strong handle: a cache that keeps its monitor alive is a leak of the test's own.
    let weak = Arc::downgrade(&monitor);
    let cache = move |bytes: u64| weak.upgrade().map_or(0, |monitor| misbehaves(&monitor, bytes));
    monitor.register(first, cache).unwrap();
    monitor.register("good", boxes.closure()).unwrap();
    let result = monitor.evict(2 * MIB).unwrap();
    assert_eq!(result.evicted.last().map(String::as_str), Some("good"), "{result:?}");
    assert!(result.memory_freed_bytes >= Some(2 * MIB), "{result:?}");
    assert_well(&monitor);
    monitor.stop();
    result
}

fn a_hook_that_panics() {
    let result = evict_beside(PATIENT, |_, _| panic!("on purpose"));
    assert_eq!(result.errors, ["misbehaves: panicked: on purpose"]);
}

fn a_hook_that_hangs() {
    let result = evict_beside(Duration::from_secs(1), |_, _| hang());
    assert_eq!(result.errors.len(), 1, "{result:?}");
}

fn a_hook_that_asks_the_monitor_back() {
    static ANSWER: Mutex<String> = Mutex::new(String::new());
    let result = evict_beside(PATIENT, |monitor, bytes| {
        let json = serde_json::to_string(&monitor.metrics()).unwrap();
        let health = serde_json::to_string(&monitor.health_check()).unwrap();
        drop((json, health, monitor.ledger(), monitor.history(), monitor.events()));
        *ANSWER.lock().unwrap() = monitor.evict(bytes).unwrap_err().to_string();
        0
    });
    assert_eq!(result.errors, [""; 0]);
    let answer = ANSWER.lock().unwrap();
    assert!(answer.contains("called from within a cache's own code"), "{answer}");
}

fn a_hook_that_removes_itself() {
    let own = Arc::new(Mutex::new(None::<plimsoll::CacheHandle>));
    let monitor = builder().start().unwrap();
    let mine = own.clone();
    let cache = move |_: u64| {
        mine.lock().unwrap().take().unwrap().unregister();
        0
    };
    *own.lock().unwrap() = Some(monitor.register("goes", cache).unwrap());
    assert!(!monitor.evict(MIB).unwrap().success);
    assert_well(&monitor);
}

fn a_hook_that_allocates_heavily() {
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let result = evict_beside(PATIENT, |_, _| {
        KEPT.lock().unwrap().extend((0..1000).map(|_| vec![1; 50_000]));
        MIB
    });
    assert!(KEPT.lock().unwrap().len() >= 1000, "it was asked");
    assert_eq!(result.memory_freed_bytes, Some(2 * MIB), "by the other: {result:?}");
}

#[track_caller]
fn assert_json_survives(monitor: &Monitor) {
    let snapshot = monitor.snapshot();
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    assert_eq!(monitor.health_check().status, HealthStatus::Healthy);
}

/// Back by a day, ahead by a year, and to before 1970.
fn the_wall_clock_jumps() {
    const DAY: i64 = 86_400;
    let monitor = builder().start().unwrap();
    assert_well(&monitor);
    let mut uptime = Duration::ZERO;
    for seconds in [-DAY, 365 * DAY, -100 * 365 * DAY, 0] {
        clock::WALL.store(seconds, Ordering::Relaxed);
        assert_well(&monitor);
        assert_json_survives(&monitor);
        let now = monitor.latest().unwrap();
        assert!(now.uptime() > uptime && now.uptime() < Duration::from_secs(60));
        uptime = now.uptime();
        let is_before_1970 = seconds < -50 * 365 * DAY;
        assert_eq!(
            now.timestamp() == 0.0,
            is_before_1970,
            "the clock of this case is the one that is read"
        );
    }
}

fn nothing_of_proc_can_be_read() {
    let nowhere = tempfile::tempdir().unwrap();
    let monitor = builder().root(nowhere.path()).start().unwrap();
    assert_well(&monitor);
    assert_eq!(monitor.latest().unwrap().process_rss_bytes(), None);
}

/// A tick in the steady state asks for nothing, so it can be refused nothing.
fn ticks_while_memory_is_exhausted() {
    let monitor = builder().start().unwrap();
    assert_well(&monitor);
    let uptime = || monitor.latest().unwrap().uptime();
    let mut blocks = Vec::with_capacity(4096);
    limit_address_space(32 << 20);
    blocks.extend(std::iter::from_fn(|| Block::new(&Global, words(100_000))));
    let start = uptime();
    eventually("ticks", || (uptime() > start + Duration::from_millis(200)).then_some(()));
    let refused = Block::new(&Global, words(BUDGET as usize / 4)).is_none();
    lift_limit_of_address_space();
    assert!(refused);
    blocks.into_iter().for_each(|block| block.free(&Global));
    assert_well(&monitor);
}

/// The stack of the monitor's thread cannot be had: an error, and no panic.
fn a_thread_that_is_refused() {
    limit_address_space(1 << 20);
    // A budget above the limit would be refused before any thread is.
    let error = builder().budget(Budget::Bytes(MIB)).start().map(drop).unwrap_err();
    lift_limit_of_address_space();
    assert_eq!(error.category(), "monitoring_error");
    assert_well(&builder().start().unwrap());
}
