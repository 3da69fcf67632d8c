//! The count held against what jemalloc's bins and large extents hold, by the crate's own `Audit`.
//!
//! With this thread's cache flushed and nobody else's filled, what remains above our count is one object per live thread
//! that has used jemalloc: the memory of that thread's cache. In jemalloc's source, `tcache_stack_alloc_impl` takes it
//! from the ordinary size classes, unseen by the wrapper, since no `GlobalAlloc` call asks for it.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use crate::common::ring;
use plimsoll::{Audit, Interval, Plimsoll, Verdict};
use std::alloc::System;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

cases![
    at_rest_one_object_is_jemallocs_own,
    each_live_thread_is_one_object_more,
    unflushed_thread_caches_look_live,
    an_object_that_jemalloc_does_not_hold_is_found,
    an_object_that_was_not_counted_is_found,
    nothing_is_found_beside_busy_threads,
    an_audit_reads_alike_in_json_and_in_words,
];

/// What jemalloc has beyond what the program allocated, all of it explained; this thread's cache is flushed.
#[track_caller]
fn jemallocs_own() -> i64 {
    let audit = Audit::take_flushed().unwrap();
    assert_eq!(audit.verdict, Verdict::Explained, "{audit}");
    assert_eq!(audit.cached_bytes, 0, "{audit}");
    assert!(audit.rounding_bytes >= Some(0), "{audit}");
    let Interval { least, most } = audit.difference_objects;
    assert_eq!(least, most, "nothing moved: {audit}");
    assert_eq!(most.unsigned_abs(), audit.threads, "{audit}");
    most
}

/// The main thread's cache.
fn at_rest_one_object_is_jemallocs_own() {
    assert_eq!(jemallocs_own(), 1);
    let blocks: Vec<Block> =
        (0..1000).map(|size| Block::new(&Global, words(1 + size * 100)).unwrap()).collect();
    assert_eq!(jemallocs_own(), 1);
    blocks.into_iter().for_each(|block| block.free(&Global));
    assert_eq!(jemallocs_own(), 1);
    for _ in 0..3 {
        assert!(ring::run().0 > 100);
        assert_eq!(jemallocs_own(), 1, "eight threads have ended, their objects are there");
    }
}

fn each_live_thread_is_one_object_more() {
    for threads in [1, 2, 10, 50] {
        let barrier = Arc::new(Barrier::new(threads + 1));
        let alive: Vec<_> = (0..threads).map(|_| idle_thread(barrier.clone())).collect();
        barrier.wait();
        assert_eq!(jemallocs_own(), 1 + i64::try_from(threads).unwrap());
        barrier.wait();
        alive.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(jemallocs_own(), 1);
    }
}

/// Has allocated, has nothing in its cache, and stays until the second wait.
fn idle_thread(barrier: Arc<Barrier>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        Block::new(&Global, words(100)).unwrap().free(&Global);
        assert!(Audit::take_flushed().unwrap().flushed);
        barrier.wait();
        barrier.wait();
    })
}

/// Why jemalloc cannot be asked how many objects there are; the audit knows what the caches may be.
fn unflushed_thread_caches_look_live() {
    let blocks = [(); 100].map(|()| Block::new(&Global, words(64)).unwrap());
    blocks.into_iter().for_each(|block| block.free(&Global));
    let audit = Audit::take().unwrap();
    assert_eq!((audit.verdict, audit.flushed), (Verdict::Explained, false), "{audit}");
    assert!(audit.difference_objects.least > 100, "all the freed ones at least: {audit}");
    assert!(audit.cached_bytes >= 6400, "{audit}");
    assert_eq!(jemallocs_own(), 1);
}

/// As if frees had been missed: what a second wrapper counts is not in jemalloc.
fn an_object_that_jemalloc_does_not_hold_is_found() {
    static ELSEWHERE: Plimsoll<System> = Plimsoll::new(System);
    assert_eq!(jemallocs_own(), 1);
    let blocks = [(); 2].map(|()| Block::new(&ELSEWHERE, words(10)).unwrap());
    let audit = Audit::take_flushed().unwrap();
    assert_eq!(audit.verdict, Verdict::FewerThanCounted, "{audit}");
    assert_eq!(audit.difference_objects.most, -1, "{audit}");
    blocks.into_iter().for_each(|block| block.free(&ELSEWHERE));
    let large = Block::new(&ELSEWHERE, words(100 << 20)).unwrap();
    let audit = Audit::take().unwrap();
    assert_eq!(audit.verdict, Verdict::FewerThanCounted, "by its bytes: {audit}");
    large.free(&ELSEWHERE);
    assert_eq!(jemallocs_own(), 1);
}

/// As if allocations had been missed: jemalloc called past the wrapper.
fn an_object_that_was_not_counted_is_found() {
    assert_eq!(jemallocs_own(), 1);
    let block = Block::new(&tikv_jemallocator::Jemalloc, words(100)).unwrap();
    let audit = Audit::take_flushed().unwrap();
    assert_eq!(audit.verdict, Verdict::MoreThanCounted, "{audit}");
    block.free(&tikv_jemallocator::Jemalloc);
    assert_eq!(jemallocs_own(), 1);
}

/// Objects are handed on, resized, and flushed from caches while they are looked at.
fn nothing_is_found_beside_busy_threads() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let auditor = std::thread::spawn(|| {
        let mut audits = 0;
        while !DONE.load(Ordering::Acquire) {
            let audit =
                if audits % 2 == 0 { Audit::take() } else { Audit::take_flushed() }.unwrap();
            assert_eq!(audit.verdict, Verdict::Explained, "audit {audits}: {audit}");
            audits += 1;
        }
        audits
    });
    (0..10).for_each(|_| assert!(ring::run().0 > 100));
    DONE.store(true, Ordering::Release);
    assert!(auditor.join().unwrap() > 20);
    assert_eq!(jemallocs_own(), 1);
}

fn an_audit_reads_alike_in_json_and_in_words() {
    let audit = Audit::take_flushed().unwrap();
    let json = serde_json::to_value(audit).unwrap();
    assert_eq!((&json["verdict"], &json["flushed"]), (&"explained".into(), &true.into()));
    assert_eq!(json["jemalloc_objects"], audit.jemalloc_objects);
    assert_eq!(json["difference_objects"]["least"], 1);
    let words = audit.to_string();
    assert!(words.starts_with(&format!("counted {} objects", audit.counted_objects)), "{words}");
    assert!(words.ends_with("rounding to size classes; explained"), "{words}");
}
