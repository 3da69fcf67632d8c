//! What naming a profile's functions costs the process: memory for a moment, which is given back, and nothing the second time.
//! A program of its own: in the others, names are known already.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

use plimsoll::{Delta, HeapProfile, HeapProfiler, Sampling, measure};

const MIB: i64 = 1 << 20;

fn named(profile: HeapProfile) -> (HeapProfile, Delta) {
    measure(|| profile.with_symbols())
}

fn peak(delta: &Delta) -> i64 {
    delta.peak_live_bytes.and_then(|peak| i64::try_from(peak).ok()).unwrap()
}

#[test]
fn memory_for_names_is_given_back_and_names_are_remembered() {
    HeapProfiler::start(Sampling::every(4 << 10)).unwrap();
    let held: Vec<String> = (0..4000).map(|n| format!("{n:>1000}")).collect();
    HeapProfiler::stop();
    let (again, profile) = (HeapProfiler::read(), HeapProfiler::read());
    let started = std::time::Instant::now();
    let (profile, first) = named(profile);
    println!(
        "{} addresses named in {:?}: {} bytes at the most, {} stay",
        profile.locations.len(),
        started.elapsed(),
        peak(&first),
        first.live_bytes
    );
    assert!(profile.locations.iter().any(|location| !location.functions.is_empty()));
    // The names themselves, twice: in the profile and for the next one.
    assert!(first.live_bytes < 2 * MIB, "{} bytes stay", first.live_bytes);
    let (again, second) = named(again);
    println!("the second time: {} bytes at the most", peak(&second));
    assert!(peak(&second) < 2 * MIB, "{} bytes at the most", peak(&second));
    assert_eq!(again.locations, profile.locations);
    drop(held);
}
