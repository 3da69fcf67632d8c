//! `stats_alloc` above and below the wrapper: whatever passes, all three have counted the same since the start.
//!
//! It adds by atomic read-modify-writes shared by all threads: slow, and beyond doubt.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use crate::common::ring;
use crate::{ABOVE, BELOW};
use plimsoll::Counts;
use stats_alloc::Stats;

cases![
    all_three_agree_before_anything_happens,
    all_three_agree_after_eight_threads,
    all_three_agree_on_a_stranger_mix,
];

/// Totals of objects, bytes and resizes, growth and shrinkage among the bytes as `stats_alloc` has it.
fn totals_of(counts: &Counts) -> [u64; 5] {
    [
        counts.alloc_objects_total,
        counts.free_objects_total,
        counts.alloc_bytes_total,
        counts.free_bytes_total,
        counts.realloc_total,
    ]
}

fn totals_of_bystander(stats: &Stats) -> [u64; 5] {
    let totals = [
        stats.allocations,
        stats.deallocations,
        stats.bytes_allocated,
        stats.bytes_deallocated,
        stats.reallocations,
    ];
    totals.map(|total| total as u64)
}

#[track_caller]
fn assert_all_agree() {
    let ours = totals_of(&plimsoll::counts());
    assert_eq!(ours, totals_of_bystander(&BELOW.stats()), "the one below");
    assert_eq!(ours, totals_of_bystander(&ABOVE.stats()), "the one above");
    assert!(ours[0] > 0);
}

/// What the standard library allocated before `main` is in all three.
fn all_three_agree_before_anything_happens() {
    assert_all_agree();
}

fn all_three_agree_after_eight_threads() {
    for _ in 0..3 {
        ring::run();
        assert_all_agree();
    }
}

fn all_three_agree_on_a_stranger_mix() {
    let text: Vec<String> = (0..1000).map(|number| format!("{number:>0$}", number % 70)).collect();
    assert_all_agree();
    let map: std::collections::BTreeMap<_, _> = text.into_iter().map(|text| (text, ())).collect();
    assert_all_agree();
    drop(map);
    let panicked = std::thread::Builder::new()
        .name("panics".into())
        .spawn(|| std::panic::resume_unwind(Box::new("a payload")));
    drop(panicked.unwrap().join().unwrap_err());
    assert_all_agree();
    Block::zeroed(&Global, words(50_000_000)).unwrap().free(&Global);
    assert_all_agree();
}
