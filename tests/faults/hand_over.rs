//! Objects allocated here and freed there, while a reader looks on: never negative, and exact at rest.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::harness::cases;
use crate::common::random::Random;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle, spawn};

cases![a_reader_never_sees_more_freed_than_allocated, nor_beside_threads_that_come_and_go];

const PAIRS: u64 = 3;
const OBJECTS: usize = if cfg!(miri) { 40 } else { 40_000 };
const ROUNDS: usize = if cfg!(miri) { 12 } else { 1500 };
const READINGS: u64 = if cfg!(miri) { 1 } else { 1000 };

/// Looks until told to stop; says how often it looked.
fn reader(done: &AtomicBool) -> u64 {
    let mut readings = 0;
    while !done.load(Ordering::Acquire) {
        let counts = plimsoll::counts();
        assert!(counts.free_objects_total <= counts.alloc_objects_total, "{counts:?}");
        assert!(counts.free_bytes_total <= counts.alloc_bytes_total, "{counts:?}");
        // A wrapped difference would show as an enormous figure; nothing here makes more than this live.
        assert!(counts.live_objects() < 1 << 20, "{counts:?}");
        assert!(counts.live_bytes() < 1 << 33, "{counts:?}");
        readings += 1;
    }
    readings
}

/// Runs `load` beside a reader, which must have looked often.
fn read_beside(load: impl FnOnce()) {
    static DONE: AtomicBool = AtomicBool::new(false);
    let watching = spawn(|| reader(&DONE));
    load();
    DONE.store(true, Ordering::Release);
    let readings = watching.join().expect("the reader saw only plausible figures");
    assert!(readings >= READINGS, "only {readings} readings");
}

fn maker(seed: u64, to: &SyncSender<Block>) {
    let mut random = Random::seeded(seed);
    for _ in 0..OBJECTS {
        let size = random.size();
        to.send(Block::new(&Global, words(size)).unwrap()).unwrap();
    }
}

/// Resizes every other object before it frees it.
fn user(from: Receiver<Block>) {
    let mut random = Random::seeded(99);
    for mut block in from {
        if random.below(2) == 0 {
            assert!(block.resize(&Global, random.size()));
        }
        block.free(&Global);
    }
}

fn pair(seed: u64) -> [JoinHandle<()>; 2] {
    let (to, from) = sync_channel(64);
    [spawn(move || maker(seed, &to)), spawn(move || user(from))]
}

fn a_reader_never_sees_more_freed_than_allocated() {
    let start = start();
    read_beside(|| {
        let pairs: Vec<_> = (0..PAIRS).flat_map(pair).collect();
        pairs.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(live_since(start), (0, 0));
}

/// A thread's lease ends with its objects alive; the next thread, often in the same slot, frees them.
fn nor_beside_threads_that_come_and_go() {
    let start = start();
    read_beside(|| {
        let mut made: Vec<Block> = Vec::new();
        for round in 1..ROUNDS {
            let thread = Builder::new().stack_size(256 * 1024);
            let next = thread.spawn(move || {
                made.into_iter().for_each(|block| block.free(&Global));
                (0..20).map(|_| Block::new(&Global, words(round)).unwrap()).collect()
            });
            made = next.unwrap().join().unwrap();
        }
        made.into_iter().for_each(|block| block.free(&Global));
    });
    assert_eq!(live_since(start), (0, 0));
}
