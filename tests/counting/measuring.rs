//! `measure`: what one thread allocated and freed, with its exact peak.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use plimsoll::{Delta, measure};
use std::panic::catch_unwind;

cases![
    every_figure_of_a_script,
    a_peak_is_exact_to_the_byte,
    a_peak_counts_from_the_start_and_is_never_negative,
    nested_measurements_have_their_own_peaks,
    unwinding_ends_a_measurement,
    other_threads_are_not_measured,
    counts_go_on_after_a_measurement,
];

fn freed(size: usize) {
    Block::new(&Global, words(size)).unwrap().free(&Global);
}

fn peak(work: impl FnOnce()) -> Option<u64> {
    measure(work).1.peak_live_bytes
}

fn every_figure_of_a_script() {
    let (kept, delta) = measure(|| {
        let mut block = Block::new(&Global, words(100)).unwrap();
        assert!(block.resize(&Global, 400));
        assert!(block.resize(&Global, 250));
        freed(1000);
        block
    });
    let live = [delta.live_objects, delta.live_bytes];
    let totals = [delta.alloc_objects, delta.alloc_bytes, delta.free_objects, delta.free_bytes];
    assert_eq!(live, [1, 250]);
    assert_eq!(totals, [2, 1400, 1, 1150]);
    assert_eq!((delta.reallocs, delta.peak_live_bytes), (2, Some(1250)));
    kept.free(&Global);
    assert_eq!(measure(|| ()).1.peak_live_bytes, Some(0));
    assert_eq!(measure(|| ()).1.alloc_objects, 0, "measuring allocates nothing itself");
}

fn a_peak_is_exact_to_the_byte() {
    assert_eq!(peak(|| (1..=100).for_each(freed)), Some(100));
    assert_eq!(peak(|| freed(10_000_001)), Some(10_000_001), "beyond a batch");
    let kept_then_freed = || {
        let blocks = [1, 20, 300].map(|size| Block::new(&Global, words(size)).unwrap());
        blocks.into_iter().for_each(|block| block.free(&Global));
        freed(320);
    };
    assert_eq!(peak(kept_then_freed), Some(321));
    let resized = || {
        let mut block = Block::new(&Global, words(10)).unwrap();
        assert!(block.resize(&Global, 5000));
        assert!(block.resize(&Global, 1));
        block.free(&Global);
    };
    assert_eq!(peak(resized), Some(5000));
}

fn a_peak_counts_from_the_start_and_is_never_negative() {
    let old = Block::new(&Global, words(1000)).unwrap();
    let (_, delta) = measure(|| {
        old.free(&Global);
        freed(700);
    });
    assert_eq!((delta.live_bytes, delta.peak_live_bytes), (-1000, Some(0)));
    let old = Block::new(&Global, words(1000)).unwrap();
    let replaced = || {
        old.free(&Global);
        freed(1500);
    };
    assert_eq!(peak(replaced), Some(500));
}

fn nested_measurements_have_their_own_peaks() {
    let mut inner_peaks = [None; 2];
    let outer = peak(|| {
        let base = Block::new(&Global, words(100)).unwrap();
        freed(900);
        inner_peaks[0] = peak(|| freed(50));
        inner_peaks[1] = peak(|| assert_eq!(peak(|| freed(3000)), Some(3000)));
        base.free(&Global);
        freed(2000);
    });
    assert_eq!(inner_peaks, [Some(50), Some(3000)]);
    assert_eq!(outer, Some(3100), "the outer one has seen what the inner ones saw");
    let outer = peak(|| {
        freed(900);
        assert_eq!(peak(|| freed(50)), Some(50));
    });
    assert_eq!(outer, Some(900), "and what was before them");
}

fn unwinding_ends_a_measurement() {
    let abandoned = || drop(catch_unwind(|| measure(|| std::panic::resume_unwind(Box::new(())))));
    let outer = peak(|| {
        freed(700);
        abandoned();
        freed(600);
    });
    assert_eq!(outer, Some(700));
    abandoned();
    assert_eq!(peak(|| freed(5)), Some(5));
}

fn other_threads_are_not_measured() {
    let thread = || std::thread::spawn(|| freed(100_000_000)).join().unwrap();
    thread();
    let (_, delta) = measure(thread);
    assert!(delta.alloc_bytes < 100_000, "only what starting a thread takes: {delta:?}");
    assert!(delta.peak_live_bytes.unwrap() < 100_000);
}

/// After it, the hot path books again; both paths are exact together.
fn counts_go_on_after_a_measurement() {
    let before = plimsoll::counts();
    let in_turn: [Delta; 3] = [(); 3].map(|()| {
        let delta = measure(|| freed(10)).1;
        (0..1000).for_each(|_| freed(10));
        delta
    });
    assert!(in_turn.iter().all(|delta| (delta.alloc_objects, delta.alloc_bytes) == (1, 10)));
    let delta = plimsoll::counts() - before;
    assert_eq!((delta.alloc_objects, delta.free_bytes, delta.live_bytes), (3003, 30_030, 0));
}
