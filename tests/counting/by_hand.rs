//! Scripts whose figures are worked out by hand.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::harness::cases;
use crate::common::ring;
use crate::{ALLOC, INNER, Inner};
use plimsoll::{Counts, Plimsoll};

cases![
    each_call_moves_its_own_totals,
    containers_count_as_their_layouts_say,
    objects_cross_threads_and_outlive_them,
    eight_threads_leave_exactly_what_they_kept,
    a_wrapper_in_a_wrapper_counts_twice,
];

/// Totals since `start`: (allocated objects and bytes, freed objects and bytes, reallocations).
fn totals(start: Counts) -> [u64; 5] {
    let delta = plimsoll::counts() - start;
    [delta.alloc_objects, delta.alloc_bytes, delta.free_objects, delta.free_bytes, delta.reallocs]
}

fn each_call_moves_its_own_totals() {
    let start = start();
    let mut block = Block::new(&Global, words(100)).unwrap();
    assert_eq!(totals(start), [1, 100, 0, 0, 0]);
    let zeroed = Block::zeroed(&Global, words(50)).unwrap();
    assert_eq!(totals(start), [2, 150, 0, 0, 0]);
    assert!(block.resize(&Global, 300));
    assert_eq!(totals(start), [2, 350, 0, 0, 1], "growth is allocated, the object stays");
    assert!(block.resize(&Global, 10));
    assert_eq!(totals(start), [2, 350, 0, 290, 2], "shrinkage is freed, the object stays");
    assert!(block.resize(&Global, 10));
    assert_eq!(totals(start), [2, 350, 0, 290, 3], "a resize to the same size is one too");
    assert!(block.resize(&Global, 1_000_000));
    assert_eq!(totals(start), [2, 1_000_340, 0, 290, 4], "growth by more than a batch");
    assert!(block.resize(&Global, 1));
    assert_eq!(totals(start), [2, 1_000_340, 0, 1_000_289, 5], "shrinkage by more than a batch");
    block.free(&Global);
    zeroed.free(&Global);
    assert_eq!(totals(start), [2, 1_000_340, 2, 1_000_340, 5]);
    assert_eq!(ALLOC.counts(), plimsoll::counts(), "the static shows the same figures");
}

fn containers_count_as_their_layouts_say() {
    let start = start();
    let text = String::from("12345");
    let boxed = Box::new([0u64; 4]);
    let list: Vec<u16> = Vec::with_capacity(7);
    let shared = std::sync::Arc::new(1u32);
    // An `Arc` keeps two counters before its value.
    let arc = size_of::<[usize; 2]>() + 8;
    assert_eq!(live_since(start), (4, 5 + 32 + 14 + i64::try_from(arc).unwrap()));
    drop((text, boxed, list, shared));
    assert_eq!(live_since(start), (0, 0));
}

fn objects_cross_threads_and_outlive_them() {
    let start = start();
    let made = std::thread::spawn(|| Block::new(&Global, words(1000)).unwrap()).join().unwrap();
    assert_eq!(live_since(start), (1, 1000));
    std::thread::spawn(move || made.free(&Global)).join().unwrap();
    assert_eq!(live_since(start), (0, 0));
}

fn eight_threads_leave_exactly_what_they_kept() {
    let start = start();
    let kept = ring::run();
    assert!(kept.0 > 100, "something was kept: {kept:?}");
    assert_eq!(live_since(start), kept);
}

fn a_wrapper_in_a_wrapper_counts_twice() {
    static TWICE: Plimsoll<Plimsoll<Inner>> = Plimsoll::new(Plimsoll::new(INNER));
    let start = start();
    let mut block = Block::new(&TWICE, words(100)).unwrap();
    assert_eq!(totals(start), [2, 200, 0, 0, 0]);
    assert!(block.resize(&TWICE, 40));
    assert_eq!(totals(start), [2, 200, 0, 120, 2]);
    block.free(&TWICE);
    assert_eq!(totals(start), [2, 200, 2, 200, 2]);
}
