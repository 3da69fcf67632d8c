//! Heap profiles beside the recording: at new highs, the latest and the largest, with names where there is room.

use super::harness::cases;
use super::roles::monitor;
use plimsoll::{HeapProfiler, Monitor, ProfileKind, RecordedProfile, Recording, Sampling};
use std::path::Path;
use std::time::{Duration, Instant};

cases![
    a_heap_that_grows_leaves_its_latest_and_largest_profile,
    without_a_running_profiler_there_are_none,
    an_emergency_without_help_is_worth_a_profile,
];

#[inline(never)]
fn forgets_to_forget(held: &mut Vec<Vec<u8>>) {
    held.extend((0..64).map(|_| vec![1u8; 128 << 10]));
}

fn eventually(path: &Path, is_there: impl Fn(&[RecordedProfile]) -> bool) -> Recording {
    let give_up = Instant::now() + Duration::from_secs(45);
    loop {
        let recording = Recording::open(path).unwrap();
        if is_there(&recording.profiles) {
            return recording;
        }
        assert!(Instant::now() < give_up, "{:?}", recording.profiles);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until no profile is due any more: looking at the file takes memory too, and may be a new high.
fn settled(path: &Path) {
    let profiles = || Recording::open(path).unwrap().profiles;
    let (mut before, mut after) = (vec![], profiles());
    while before != after {
        std::thread::sleep(Duration::from_secs(3));
        (before, after) = (after, profiles());
    }
}

fn a_heap_that_grows_leaves_its_latest_and_largest_profile() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    HeapProfiler::start(Sampling::every(64 << 10)).unwrap();
    let running = monitor(&path).unwrap();
    eventually(&path, |profiles| !profiles.is_empty());
    let mut held = Vec::new();
    for count in 2..=3 {
        std::thread::sleep(Duration::from_secs(2));
        forgets_to_forget(&mut held);
        eventually(&path, |profiles| {
            profiles.len() >= count.min(2)
                && profiles[0].unexplained_bytes >= (held.len() as u64) << 17
        });
    }
    settled(&path);
    drop(running);
    let recording = Recording::open(&path).unwrap();
    let kinds: Vec<_> = recording.profiles.iter().map(|profile| profile.kind).collect();
    assert_eq!(kinds, [ProfileKind::HighWater, ProfileKind::First], "{:?}", recording.judgement);
    let [latest, first] = recording.profiles.as_slice() else { panic!("two") };
    assert!(latest.symbolized && first.symbolized, "there was room for names");
    let (latest, first) = (latest.read().unwrap(), first.read().unwrap());
    let is_it = |site: &&plimsoll::ProfileSite| {
        latest.functions(site).any(|function| function.name.contains("forgets_to_forget"))
    };
    let names: Vec<_> = latest.sites.iter().take(5).map(|site| site.name()).collect();
    let leak = latest.sites.iter().find(is_it).unwrap_or_else(|| panic!("{names:?}"));
    // All of it, or what was there of the second half; five standard errors are never passed by chance.
    let (bytes, error) = (leak.live_bytes.value, 5.0 * leak.live_bytes.standard_error);
    assert!(bytes + error >= (8 << 20) as f64, "{:?}", leak.live_bytes);
    assert!(bytes - error <= (16 << 20) as f64, "{:?}", leak.live_bytes);
    let grown = latest.difference(&first);
    assert!(grown.iter().take(3).any(|site| site.key == leak.key), "{names:?}");
    let files = std::fs::read_dir(dir.path().join("run.profiles")).unwrap().count();
    assert_eq!(files, 2, "what was replaced is gone");
    drop(held);
}

fn without_a_running_profiler_there_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let running = monitor(&path).unwrap();
    super::roles::wait_for_ticks(&running, 50);
    drop(running);
    assert!(Recording::open(&path).unwrap().profiles.is_empty());
    assert!(!dir.path().join("run.profiles").exists());
}

fn an_emergency_without_help_is_worth_a_profile() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    HeapProfiler::start(Sampling::every(64 << 10)).unwrap();
    let running = Monitor::builder()
        .budget("64MiB".parse().unwrap())
        .meter(plimsoll::Meter::LiveBytes)
        .interval(Duration::from_millis(1))
        .recorder(&path)
        .start()
        .unwrap();
    eventually(&path, |profiles| !profiles.is_empty());
    let held = vec![1u8; 64 << 20];
    let recording = eventually(&path, |all| all.iter().any(|p| p.kind == ProfileKind::GaveUp));
    let profile = recording.profiles.iter().find(|p| p.kind == ProfileKind::GaveUp).unwrap();
    assert!(!profile.symbolized, "no memory is taken for names at the line");
    assert!(profile.read().unwrap().mappings.len() > 1, "but where to look them up");
    drop((running, held));
}
