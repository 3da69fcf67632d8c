//! How a process ends, and what is said of it.

use super::harness::cases;
use super::roles::{Actor, recording_of};
use plimsoll::{EndKind, LastRun, Recording};
use std::time::{Duration, Instant};

cases![
    a_monitor_that_is_stopped,
    a_main_that_returns_with_the_monitor_running,
    an_exit,
    an_abort_is_no_word_and_no_matter_of_memory,
    a_panic_that_drops_the_monitor,
    a_panic_of_main_with_the_monitor_in_a_static,
    a_panic_that_aborts,
    a_panic_that_is_survived_is_told_and_not_blamed,
    a_copy_of_a_live_recording_runs,
    an_exec_ends_the_run,
];

fn path() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    (dir, path)
}

fn assert_ends(
    role: &str,
    code: Option<i32>,
    verdict: LastRun,
    kind: Option<EndKind>,
) -> Recording {
    let (_dir, path) = path();
    let (status, recording) = recording_of(role, &path);
    assert_eq!(status.code(), code, "{role}");
    let judgement = &recording.judgement;
    assert_eq!(judgement.verdict, verdict, "{role}: {judgement:?}");
    assert!(!judgement.evidence.is_empty() && !judgement.summary.is_empty(), "{judgement:?}");
    assert_eq!(recording.end.as_ref().map(|end| end.kind), kind, "{role}");
    assert!(recording.damage.is_empty(), "{role}: {:?}", recording.damage);
    assert!(recording.heartbeat.is_some_and(|beat| beat.ticks >= 2), "{:?}", recording.judgement);
    recording
}

fn a_monitor_that_is_stopped() {
    let recording = assert_ends("stop", Some(0), LastRun::Clean, Some(EndKind::Stopped));
    let events: Vec<_> = recording.events.iter().map(|e| e.event_type.as_str()).collect();
    assert_eq!(events.first(), Some(&"monitor_started"));
    assert_eq!(events.last(), Some(&"monitor_stopped"));
    assert_eq!(recording.caches.len(), 1);
    assert_eq!(recording.run.budget_bytes, 4 << 30);
    assert!(recording.ledger().is_some_and(|ledger| ledger.adds_up()));
}

fn a_main_that_returns_with_the_monitor_running() {
    assert_ends("return", Some(0), LastRun::Clean, Some(EndKind::Exited));
}

fn an_exit() {
    assert_ends("exit", Some(3), LastRun::Clean, Some(EndKind::Exited));
}

fn an_abort_is_no_word_and_no_matter_of_memory() {
    let recording = assert_ends("abort", None, LastRun::KilledNotByMemory, None);
    assert!(recording.panic.is_none());
}

fn a_panic_that_drops_the_monitor() {
    let recording =
        assert_ends("panic_in_main", Some(101), LastRun::Panicked, Some(EndKind::Unwound));
    let panic = recording.panic.unwrap();
    assert!(
        panic.is_main && panic.message.starts_with("a fault in main (tests/recorder/roles.rs:")
    );
}

fn a_panic_of_main_with_the_monitor_in_a_static() {
    let role = "panic_in_main_with_a_static_monitor";
    let recording = assert_ends(role, Some(101), LastRun::Panicked, Some(EndKind::Exited));
    assert_eq!(recording.panic.map(|panic| panic.count), Some(1));
}

fn a_panic_that_aborts() {
    let recording = assert_ends("panic_aborts", None, LastRun::Panicked, None);
    let panic = recording.panic.unwrap();
    assert_eq!((panic.thread.as_deref(), panic.is_main), (Some("last"), false));
}

fn a_panic_that_is_survived_is_told_and_not_blamed() {
    let (_dir, path) = path();
    let actor = Actor::start("panic_is_caught", &path).ready();
    let running = Recording::open(&path).unwrap();
    assert_eq!(running.judgement.verdict, LastRun::Running, "{:?}", running.judgement);
    actor.kill();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(
        recording.judgement.verdict,
        LastRun::KilledNotByMemory,
        "{:?}",
        recording.judgement
    );
    assert_eq!(recording.panic.unwrap().thread.as_deref(), Some("clumsy"));
}

fn a_copy_of_a_live_recording_runs() {
    let (dir, path) = path();
    let actor = Actor::start("run", &path).ready();
    let copy = dir.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    let judgement = Recording::open(&copy).unwrap().judgement;
    assert_eq!(judgement.verdict, LastRun::Running, "{judgement:?}");
    assert!(judgement.summary.contains("copy"), "{judgement:?}");
    actor.kill();
}

fn an_exec_ends_the_run() {
    let (_dir, path) = path();
    let actor = Actor::start("exec", &path).ready();
    let give_up = Instant::now() + Duration::from_secs(45);
    let judgement = loop {
        let judgement = Recording::open(&path).unwrap().judgement;
        if judgement.verdict != LastRun::Running || Instant::now() > give_up {
            break judgement;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(judgement.verdict, LastRun::Clean, "{judgement:?}");
    assert!(judgement.summary.contains("exec"), "{judgement:?}");
    actor.kill();
}
