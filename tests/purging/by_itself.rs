//! Purges that the monitor makes by itself.

use crate::common::harness::cases;
use crate::load::{MIB, events, eventually, filled, keep_unused_pages, leave_unused, read};
use plimsoll::{Budget, Builder, Level, Monitor};
use std::time::{Duration, Instant};

cases![
    a_fifth_of_the_budget_goes_at_any_level,
    what_the_last_seconds_took_into_use_is_kept,
    against_the_wall_everything_goes,
    nothing_goes_when_it_is_switched_off,
    a_gradual_purge_gives_way_to_a_caller,
    a_stop_ends_a_purge_and_leaves_the_decay_as_it_was,
];

const BUDGET: u64 = 1 << 30;

fn builder() -> Builder {
    Monitor::builder().budget(Budget::Bytes(BUDGET)).interval(Duration::from_millis(10))
}

/// Has all of `load` be unused before a purge is made: one that begins meanwhile would find a part.
fn leave_to(monitor: &Monitor, load: Vec<Vec<u8>>) {
    monitor.configure([("purge", "off")]).unwrap();
    drop(load);
    monitor.configure([("purge", "on")]).unwrap();
}

/// Has what is unused be older than the monitor: what has grown under its eyes is kept for a while.
fn start_over(load: Vec<Vec<u8>>) -> Monitor {
    let monitor = builder().start().unwrap();
    eventually("a tick", || monitor.latest());
    leave_to(&monitor, load);
    monitor
}

/// Bit by bit, since nothing is urgent.
fn a_fifth_of_the_budget_goes_at_any_level() {
    keep_unused_pages();
    let monitor = start_over(filled(400 * MIB));
    let event = eventually("a purge", || events(&monitor, "purge_completed").pop());
    assert_eq!(monitor.level(), Level::Healthy);
    assert_eq!(event["automatic"], true);
    assert!(event["slices"].as_u64() > Some(3), "{event}");
    assert!(event["purged_bytes"].as_u64() > Some(150 * MIB), "{event}");
}

fn what_the_last_seconds_took_into_use_is_kept() {
    keep_unused_pages();
    let load = filled(320 * MIB);
    let monitor = builder().start().unwrap();
    let end = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < end {
        leave_unused(96 * MIB);
        std::thread::sleep(Duration::from_millis(20));
    }
    let early = events(&monitor, "purge_completed");
    assert!(early.is_empty(), "less than a fifth of the budget: {early:#?}");
    leave_to(&monitor, load);
    let event = eventually("a purge", || events(&monitor, "purge_completed").pop());
    let [kept, dirty, purged] = ["kept_bytes", "dirty_after_bytes", "purged_bytes"]
        .map(|name| event[name].as_u64().unwrap());
    assert!((90 * MIB..=140 * MIB).contains(&kept), "{event}");
    // jemalloc goes in steps of its own; nothing like all of it is gone, nor all of it kept.
    assert!((8 * MIB..=170 * MIB).contains(&dirty) && purged > 150 * MIB, "{event}");
}

/// Though it has just been in use, and would be kept elsewhere.
fn against_the_wall_everything_goes() {
    keep_unused_pages();
    let monitor = builder().start().unwrap();
    let load = filled(600 * MIB);
    leave_to(&monitor, filled(390 * MIB));
    let gone = || monitor.latest()?.jemalloc_dirty_bytes().filter(|dirty| *dirty < 20 * MIB);
    eventually("a purge", || gone().filter(|_| !events(&monitor, "purge_completed").is_empty()));
    drop(load);
}

fn nothing_goes_when_it_is_switched_off() {
    keep_unused_pages();
    let monitor = builder().purge(false).start().unwrap();
    leave_unused(400 * MIB);
    let seen = || monitor.latest()?.jemalloc_dirty_bytes().filter(|dirty| *dirty > 390 * MIB);
    eventually("unused pages", seen);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(events(&monitor, "purge_completed").len(), 0);
    assert!(seen().is_some());
}

/// Waits until a purge is under way that goes bit by bit: the arena's time is a short one meanwhile.
fn gradual_purge_under_way() -> (Monitor, isize, impl Fn() -> isize) {
    keep_unused_pages();
    let arena: u32 = read(b"thread.arena\0");
    let decay = move || read::<isize>(format!("arena.{arena}.dirty_decay_ms\0").as_bytes());
    let usual = decay();
    let monitor = start_over(filled(600 * MIB));
    eventually("a purge under way", || (decay() != usual).then_some(()));
    let dirty = || monitor.latest()?.jemalloc_dirty_bytes().filter(|dirty| *dirty < 590 * MIB);
    eventually("its first steps", dirty);
    (monitor, usual, decay)
}

fn a_gradual_purge_gives_way_to_a_caller() {
    let (monitor, usual, decay) = gradual_purge_under_way();
    let result = monitor.purge().unwrap();
    assert!(result.dirty_before_bytes > 20 * MIB && result.dirty_after_bytes < MIB, "{result:?}");
    assert_eq!(decay(), usual);
    let both = events(&monitor, "purge_completed");
    assert_eq!((&both[0]["automatic"], &both[1]["automatic"]), (&true.into(), &false.into()));
}

fn a_stop_ends_a_purge_and_leaves_the_decay_as_it_was() {
    let (monitor, usual, decay) = gradual_purge_under_way();
    monitor.stop();
    eventually("its end", || (decay() == usual).then_some(()));
    let dirty = monitor.snapshot().jemalloc_dirty_bytes().unwrap();
    assert!(dirty > 20 * MIB, "all was purged all the same: {dirty} left");
}
