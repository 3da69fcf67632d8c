//! The ready adapters on the real crates, with entries of 8 KiB: what they give, hold and keep to, by our own counters.
//! Each case is a process of its own: a crate may free what was evicted in one long after it.
#![allow(unsafe_code, reason = "the harness kills what hangs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

#[path = "../common/installed.rs"]
mod installed;

#[path = "../common/mod.rs"]
mod common;
mod subjects;

use common::harness::cases;
use plimsoll::{Budget, Cache, Locked, LockedLru, Meter, Monitor};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use subjects::{CAPACITY, ENTRY, Subject, subjects};

const MIB: u64 = 1 << 20;

cases![
    a_cache_frees_what_it_is_asked_for,
    a_cache_frees_little_when_asked_for_little,
    a_cache_can_be_emptied,
    a_cache_says_what_it_holds,
    a_ceiling_is_kept_while_two_threads_insert,
    moka_keeps_no_ceiling_and_says_so,
    a_refilled_cache_stays_below_its_ceiling_through_evictions,
    lru_gives_the_lock_back_between_slices,
    lru_with_a_weigher_frees_bytes_not_entries,
];

fn main() -> ExitCode {
    common::harness::main(&[CASES])
}

fn live() -> u64 {
    plimsoll::counts().live_bytes()
}

/// A monitor with so much room that it asks nobody for anything by itself.
fn monitor() -> Monitor {
    let budget = Budget::Bytes(4096 * MIB);
    let builder = Monitor::builder().budget(budget).meter(Meter::LiveBytes);
    builder.interval(Duration::from_secs(60)).start().unwrap()
}

#[track_caller]
fn assert_near(what: &str, name: &str, found: u64, least: u64, most: u64) {
    println!("{name}: {what} {found}, from {least} to {most}");
    assert!((least..=most).contains(&found), "{name}: {what} {found}, not from {least} to {most}");
}

fn a_cache_frees_what_it_is_asked_for() {
    for subject in &subjects() {
        let (monitor, asked) = (monitor(), 8 * MIB);
        subject.fill(0..32 * MIB / ENTRY);
        monitor.register(subject.name, subject.cache.clone()).unwrap();
        let before = live();
        let result = monitor.evict(asked).unwrap();
        let freed = before.saturating_sub(live());
        assert_near("freed", subject.name, freed, asked / 10 * 8, asked + subject.lump);
        let measured = result.memory_freed_bytes.unwrap();
        assert!(result.success, "{}: {result:?}", subject.name);
        assert_near("measured", subject.name, measured, asked / 10 * 8, asked + subject.lump);
        let claimed = result.claimed_bytes;
        assert_near("claimed", subject.name, claimed, freed / 10 * 9, freed / 10 * 11);
    }
}

/// Of a small ask, shards that are unevenly full make more.
fn a_cache_frees_little_when_asked_for_little() {
    for subject in &subjects() {
        let (monitor, asked) = (monitor(), MIB / 4);
        subject.fill(0..32 * MIB / ENTRY);
        monitor.register(subject.name, subject.cache.clone()).unwrap();
        let before = live();
        assert!(monitor.evict(asked).unwrap().success);
        let freed = before.saturating_sub(live());
        assert_near("freed", subject.name, freed, asked / 10 * 8, asked + subject.lump);
    }
}

fn a_cache_can_be_emptied() {
    for subject in &subjects() {
        let monitor = monitor();
        subject.fill(0..8 * MIB / ENTRY);
        monitor.register(subject.name, subject.cache.clone()).unwrap();
        let before = live();
        let _ = monitor.evict(64 * MIB).unwrap();
        let freed = before.saturating_sub(live());
        assert_near("freed of all", subject.name, freed, 8 * MIB / 10 * 8, u64::MAX);
        assert_near("left", subject.name, subject.usage(), 0, MIB);
    }
}

fn a_cache_says_what_it_holds() {
    for subject in &subjects() {
        let before = live();
        subject.fill(0..16 * MIB / ENTRY);
        let (held, usage) = (live() - before, subject.usage());
        println!("{}: {} bytes an entry", subject.name, held / (16 * MIB / ENTRY));
        assert_near("usage", subject.name, usage, held / 100 * 99, held / 100 * 101);
    }
}

/// Inserts entries that come to `bytes` from each of two threads; returns the most that it said it held meanwhile.
fn hammer(subject: &Subject, bytes: u64) -> u64 {
    let highest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 1..=2 {
            let highest = &highest;
            scope.spawn(move || {
                for entry in 0..bytes / ENTRY {
                    subject.fill((thread << 32) + entry..(thread << 32) + entry + 1);
                    highest.fetch_max(subject.usage(), Ordering::Relaxed);
                }
            });
        }
    });
    highest.into_inner()
}

fn a_ceiling_is_kept_while_two_threads_insert() {
    for subject in subjects().iter().filter(|subject| subject.keeps_ceilings) {
        let empty = live();
        subject.fill(0..32 * MIB / ENTRY);
        let (ceiling, least) = (16 * MIB, 15 * MIB);
        assert!(subject.cache.set_ceiling(Some(ceiling)), "{}", subject.name);
        assert_near("usage at once", subject.name, subject.usage(), least, ceiling);
        let highest = hammer(subject, 64 * MIB);
        assert_near("highest usage", subject.name, highest, least, ceiling);
        assert_near("live", subject.name, live() - empty, least, ceiling + MIB / 2);
        assert!(subject.cache.set_ceiling(None));
        hammer(subject, 64 * MIB);
        assert_near("regrown", subject.name, subject.usage(), CAPACITY / 10 * 9, CAPACITY);
    }
}

fn moka_keeps_no_ceiling_and_says_so() {
    let mut seen = 0;
    for subject in subjects().iter().filter(|subject| !subject.keeps_ceilings) {
        subject.fill(0..8 * MIB / ENTRY);
        assert!(!subject.cache.set_ceiling(Some(MIB)));
        assert!(!subject.cache.set_ceiling(None));
        assert_near("usage", subject.name, subject.usage(), 7 * MIB, 9 * MIB);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

fn a_refilled_cache_stays_below_its_ceiling_through_evictions() {
    for subject in subjects().iter().filter(|subject| subject.keeps_ceilings) {
        let monitor = monitor();
        subject.fill(0..32 * MIB / ENTRY);
        monitor.register(subject.name, subject.cache.clone()).unwrap();
        subject.cache.set_ceiling(Some(24 * MIB));
        for round in 1..=3 {
            let _ = monitor.evict(8 * MIB).unwrap();
            subject.fill(round << 40..(round << 40) + 32 * MIB / ENTRY);
            assert_near("refilled", subject.name, subject.usage(), 0, 24 * MIB);
        }
    }
}

/// A lock that notes by how many entries the cache became smaller under one hold.
struct Watched {
    cache: Mutex<lru::LruCache<u64, Vec<u8>>>,
    most: AtomicU64,
}

impl Locked<lru::LruCache<u64, Vec<u8>>> for Watched {
    fn with<R>(&self, work: impl FnOnce(&mut lru::LruCache<u64, Vec<u8>>) -> R) -> R {
        let mut cache = self.cache.lock().unwrap();
        let before = cache.len();
        let result = work(&mut cache);
        let fewer = before.saturating_sub(cache.len());
        self.most.fetch_max(fewer as u64, Ordering::Relaxed);
        result
    }
}

fn lru_gives_the_lock_back_between_slices() {
    let cache = lru::LruCache::new(NonZeroUsize::new(8192).unwrap());
    let watched = Arc::new(Watched { cache: Mutex::new(cache), most: AtomicU64::new(0) });
    let adapter = LockedLru::new(watched.clone(), ENTRY + 60);
    let fill = || {
        for key in 0..4096 {
            watched.cache.lock().unwrap().put(key, vec![1; ENTRY as usize]);
        }
    };
    fill();
    assert!(adapter.set_ceiling(Some(MIB)));
    assert_eq!(watched.cache.lock().unwrap().len() as u64, MIB / (ENTRY + 60));
    assert!(adapter.set_ceiling(None));
    fill();
    let monitor = monitor();
    monitor.register("lru", adapter).unwrap();
    assert!(monitor.evict(16 * MIB).unwrap().success);
    assert_eq!(watched.most.load(Ordering::Relaxed), 128);
}

/// Entries of 1 to 63 KiB: what is evicted goes by their weights, what is held by a sample.
fn lru_with_a_weigher_frees_bytes_not_entries() {
    let cache = Arc::new(Mutex::new(lru::LruCache::unbounded()));
    let weigh = |_: &u64, value: &Vec<u8>| value.capacity() as u64 + 60;
    let adapter = LockedLru::with_weigher(cache.clone(), weigh);
    assert_eq!(adapter.usage_bytes(), Some(0));
    assert!(!adapter.set_ceiling(Some(MIB)), "nobody knows what an entry takes");
    let before = live();
    for key in 0..1024_u64 {
        let length = 1024 * (1 + key * 37 % 63) as usize;
        cache.lock().unwrap().put(key, vec![1; length]);
    }
    let held = live() - before;
    assert_near("usage", "lru", adapter.usage_bytes().unwrap(), held / 4 * 3, held / 4 * 5);
    let monitor = monitor();
    monitor.register("lru", adapter).unwrap();
    let result = monitor.evict(8 * MIB).unwrap();
    assert_near("freed", "lru", result.memory_freed_bytes.unwrap(), 8 * MIB, 8 * MIB + 65 * 1024);
    assert!(cache.lock().unwrap().contains(&1023), "the most recently used stays");
}
