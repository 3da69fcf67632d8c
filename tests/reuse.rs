//! Free slots in jemalloc's slabs are room for their own size class only, and only while it is wanted: on the real thing.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

use plimsoll::{Budget, Monitor, Usage};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

type Objects = Vec<Box<[u8]>>;

fn objects(size: usize, mebibytes: u64) -> Objects {
    (0..mebibytes * MIB / size as u64).map(|_| vec![1; size].into_boxed_slice()).collect()
}

/// Frees every other one by a fixed draw, as evictions at random do: hardly a slab becomes empty.
fn evict_half(objects: &mut Objects) {
    let mut draw = 0x9E37_79B9_7F4A_7C15u64;
    objects.retain(|_| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        draw >> 63 == 0
    });
}

/// The usage at a tick that began after the call.
fn usage(monitor: &Monitor) -> Usage {
    let ticks = || monitor.latest().map(|newest| newest.uptime());
    let (before, give_up) = (ticks(), Instant::now() + Duration::from_secs(60));
    // The next may have begun already; the one after it has not.
    let mut seen = before;
    for _ in 0..2 {
        while ticks() == seen {
            assert!(Instant::now() < give_up, "the monitor does not tick");
            std::thread::sleep(Duration::from_millis(1));
        }
        seen = ticks();
    }
    monitor.usage()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

// The only test of its process: nothing else may allocate.
#[test]
#[cfg(target_os = "linux")]
fn free_slots_are_room_for_their_own_size_class_and_only_while_it_is_wanted() {
    let mut cache = objects(512, 64);
    evict_half(&mut cache);
    let monitor = Monitor::builder()
        .budget(Budget::Bytes(1 << 30))
        .interval(Duration::from_millis(20))
        .purge(false)
        .start()
        .unwrap();
    let low = |usage: &Usage| mebibytes(usage.low_bytes.unwrap());
    let evicted = usage(&monitor);
    assert!(mebibytes(evicted.reusable_bytes) < 1.0, "nothing was wanted yet: {evicted:?}");

    let others = objects(1280, 16);
    let by_others = usage(&monitor);
    assert!(low(&by_others) - low(&evicted) > 14.0, "{by_others:?} after {evicted:?}");
    assert!(mebibytes(by_others.reusable_bytes) < 2.0, "of another class: {by_others:?}");

    cache.extend(objects(512, 12));
    let by_the_same = usage(&monitor);
    assert!(low(&by_the_same) - low(&by_others) < 3.0, "{by_the_same:?} after {by_others:?}");
    let reusable = mebibytes(by_the_same.reusable_bytes);
    assert!((11.0..=14.0).contains(&reusable), "as much as was wanted: {by_the_same:?}");
    let parts = by_the_same.purgeable_bytes + by_the_same.reusable_bytes;
    assert_eq!(by_the_same.pressure_bytes, by_the_same.low_bytes.map(|low| low - parts));

    cache.extend(objects(512, 40));
    let refilled = usage(&monitor);
    assert!(mebibytes(refilled.reusable_bytes) < 2.0, "nothing is free any more: {refilled:?}");
    drop((cache, others));
}
