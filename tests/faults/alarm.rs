//! Woken by allocation: the interval is an hour, so whatever the monitor does in time it was woken for.

use super::fork::in_fork;
use super::support::{BUDGET, Boxes, builder, eventually, ticks};
use crate::common::harness::cases;
use plimsoll::{Budget, CacheSpec, Level, Meter, Monitor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

cases![
    a_burst_reaches_a_cache,
    a_burst_of_many_threads_reaches_a_cache,
    memory_that_is_touched_late_is_seen,
    each_of_two_monitors_is_woken,
    monitors_that_have_stopped_leave_room_for_others,
    a_child_rings_for_nobody_and_ends,
    a_thread_that_goes_on_allocating_while_monitors_come_and_go,
];

const HOUR: Duration = Duration::from_secs(3600);

/// A monitor that has looked once, and sleeps.
fn asleep(meter: Meter) -> Monitor {
    let monitor = builder().meter(meter).interval(HOUR).start().unwrap();
    eventually("the first tick", || monitor.latest().map(drop));
    monitor
}

/// Whether a cache of `monitor`'s was asked, once it is.
fn asked(monitor: &Monitor) -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let hook = move |_: u64| {
        asks.store(true, Ordering::Release);
        0
    };
    monitor.register(CacheSpec::new("burst").from(Level::Caution), hook).unwrap();
    asked
}

#[track_caller]
fn assert_asked(asked: &AtomicBool) {
    eventually("the cache is asked", || asked.load(Ordering::Acquire).then_some(()));
}

fn a_burst_reaches_a_cache() {
    let monitor = asleep(Meter::LiveBytes);
    let asked = asked(&monitor);
    let below = Boxes::filled(BUDGET / 100 * 78);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!asked.load(Ordering::Acquire), "below the line");
    let above = Boxes::filled(BUDGET / 100 * 4);
    assert_asked(&asked);
    assert_eq!(monitor.level(), Level::Caution);
    drop((below, above));
}

/// None of them passes the line by itself.
fn a_burst_of_many_threads_reaches_a_cache() {
    let monitor = asleep(Meter::LiveBytes);
    let asked = asked(&monitor);
    let fill = || Boxes::filled(BUDGET / 100 * 11);
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(fill)).collect();
    let kept: Vec<Boxes> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_asked(&asked);
    drop(kept);
}

/// The bytes pass the line when they are allocated; they are used when they are touched, and nobody allocates then.
fn memory_that_is_touched_late_is_seen() {
    let monitor = asleep(Meter::Rss);
    let asked = asked(&monitor);
    let mut late = vec![0u8; usize::try_from(BUDGET).unwrap()];
    ticks(&monitor, 1);
    late.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    assert_asked(&asked);
    assert_eq!(late.last(), Some(&0));
}

fn each_of_two_monitors_is_woken() {
    let far = builder().budget(Budget::Bytes(2 * BUDGET)).interval(HOUR).start().unwrap();
    let near = asleep(Meter::LiveBytes);
    eventually("the first tick", || far.latest().map(drop));
    let (far_asked, near_asked) = (asked(&far), asked(&near));
    let boxes = Boxes::filled(BUDGET / 10 * 9);
    assert_asked(&near_asked);
    assert!(!far_asked.load(Ordering::Acquire));
    let more = Boxes::filled(BUDGET);
    assert_asked(&far_asked);
    drop((boxes, more));
}

fn monitors_that_have_stopped_leave_room_for_others() {
    let crowd: Vec<_> = (0..20).map(|_| asleep(Meter::LiveBytes)).collect();
    drop(crowd);
    for _ in 0..20 {
        asleep(Meter::LiveBytes).stop();
    }
    a_burst_reaches_a_cache();
}

/// The child has the line, and no thread to wake.
fn a_child_rings_for_nobody_and_ends() {
    let monitor = asleep(Meter::LiveBytes);
    let asked = asked(&monitor);
    in_fork(|| {
        drop(Boxes::filled(BUDGET));
        monitor.stop();
    });
    assert!(!asked.load(Ordering::Acquire), "the child's bytes are not ours");
    let boxes = Boxes::filled(BUDGET);
    assert_asked(&asked);
    drop(boxes);
}

/// Whoever rings a bell may do so when its owner has just gone.
fn a_thread_that_goes_on_allocating_while_monitors_come_and_go() {
    let done = Arc::new(AtomicBool::new(false));
    let ends = done.clone();
    let saw_tooth = move || {
        while !ends.load(Ordering::Relaxed) {
            drop(Boxes::filled(BUDGET));
        }
    };
    let threads = [saw_tooth.clone(), saw_tooth].map(std::thread::spawn);
    for _ in 0..100 {
        asleep(Meter::LiveBytes).stop();
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    a_burst_reaches_a_cache();
}
