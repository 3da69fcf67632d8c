//! What the next run says of the one before, wherever it is asked.

use super::harness::cases;
use super::roles::{Actor, monitor, wait_for_ticks};
use plimsoll::{LastRun, Monitor, Recording};
use std::time::{Duration, Instant};

cases![
    the_run_before_is_told_everywhere,
    without_a_run_before_nothing_is_told,
    what_happened_is_there_to_the_byte,
    a_long_run_keeps_its_newest,
    what_is_known_of_a_leak_outlives_the_process,
];

fn the_run_before_is_told_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let actor = Actor::start("run", &path).ready();
    let pid = actor.0.id();
    actor.kill();
    let next = monitor(&path).unwrap();
    let previous = next.status().previous_run.unwrap();
    assert_eq!(previous.judgement.verdict, LastRun::KilledNotByMemory);
    assert_eq!((previous.run.pid, &previous.recording), (pid, &Recording::previous(&path)));
    let events = next.events();
    let told = events.iter().find(|event| event.kind.event_type() == "previous_run").unwrap();
    let told: serde_json::Value = serde_json::from_str(&plimsoll::event_json(told)).unwrap();
    assert_eq!(
        (told["verdict"].as_str(), told["pid"].as_u64()),
        (Some("killed_not_by_memory"), Some(pid.into()))
    );
    assert_eq!(told["level"], "warning");
    #[cfg(feature = "prometheus")]
    assert!(
        next.prometheus(plimsoll::Exposition::text()).contains("\nplimsoll_previous_run_oom 0\n")
    );
    let health = next.health_check();
    let check = health.checks.get("recorder").unwrap();
    assert_eq!(check["healthy"], true, "{check:?}");
    assert!(check["message"].as_str().unwrap().contains("killed_not_by_memory"), "{check:?}");
}

fn without_a_run_before_nothing_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let next = monitor(&dir.path().join("run")).unwrap();
    assert!(next.status().previous_run.is_none());
    assert!(next.events().iter().all(|event| event.kind.event_type() != "previous_run"));
    #[cfg(feature = "prometheus")]
    assert!(!next.prometheus(plimsoll::Exposition::text()).contains("plimsoll_previous_run_oom"));
    drop(next);
    let nothing = Monitor::builder().budget("64MiB".parse().unwrap()).start().unwrap();
    assert!(!nothing.health_check().checks.contains_key("recorder"));
    let nowhere = Monitor::builder().recorder(dir.path().join("no/such/run")).start();
    assert!(nowhere.err().unwrap().to_string().contains("no/such/run"));
}

fn what_happened_is_there_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let monitor = monitor(&path).unwrap();
    monitor.register("pages", |_: u64| panic!("a cache that cannot: {}", "x".repeat(900))).unwrap();
    let _ = monitor.evict(1 << 20).unwrap();
    wait_for_ticks(&monitor, 5);
    let kept = vec![7u8; 3 << 20];
    let ticks = monitor.metrics().profiler.total_snapshots_taken;
    wait_for_ticks(&monitor, ticks + 2);
    monitor.stop();
    let (recording, events) = (Recording::open(&path).unwrap(), monitor.events());
    let ours: Vec<_> = events.iter().map(plimsoll::event_json).collect();
    let theirs: Vec<_> =
        recording.events.iter().map(|e| serde_json::to_string(&e.json).unwrap()).collect();
    assert_eq!(theirs.len(), ours.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(ours), parse(theirs));
    }
    let (last, newest) = (recording.last.unwrap(), monitor.latest().unwrap());
    for metric in plimsoll::METRICS {
        assert_eq!(metric.get(&last), metric.get(&newest), "{}", metric.name);
    }
    assert_eq!(last.timestamp(), newest.timestamp());
    let points = &recording.time_line;
    assert!(points.windows(2).all(|two| two[0].uptime_seconds <= two[1].uptime_seconds));
    assert!(points.iter().any(|point| point.live_bytes == last.live_bytes()));
    assert!(points.last().unwrap().live_bytes >= points[0].live_bytes.map(|b| b + (3 << 20)));
    drop(kept);
}

/// More ticks than there are slots.
fn a_long_run_keeps_its_newest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let monitor = monitor(&path).unwrap();
    while monitor.metrics().profiler.total_snapshots_taken < 3300 {
        monitor.configure([("warning_at", "71")]).unwrap();
        monitor.configure([("warning_at", "72")]).unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
    monitor.stop();
    let recording = Recording::open(&path).unwrap();
    assert!(recording.damage.is_empty(), "{:?}", recording.damage);
    let beat = recording.heartbeat.unwrap();
    assert!(beat.ticks >= 3300);
    // Every one of the last ticks, and before them one an interval.
    assert!(recording.time_line.len() >= 1024, "{}", recording.time_line.len());
    assert_eq!(recording.time_line.last().unwrap().timestamp, beat.timestamp);
    let first = recording.events[0].sequence;
    assert!(first > 0, "the oldest were overwritten");
    let numbers = recording.events.iter().map(|event| event.sequence);
    assert!(numbers.eq(first..first + recording.events.len() as u64));
}

/// However little it is.
fn what_is_known_of_a_leak_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let start = || {
        let builder = Monitor::builder().budget("4GiB".parse().unwrap());
        let builder = builder.interval(Duration::from_millis(1)).recorder(&path);
        builder.leak_window(Duration::from_secs(1)).start().unwrap()
    };
    let first = start();
    assert!(first.leak().last_run.is_none());
    let give_up = Instant::now() + Duration::from_secs(30);
    // Before its first epoch has ended there is nothing to be told.
    while first.leak().floor_bytes.is_none() {
        assert!(Instant::now() < give_up, "no epoch ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    first.stop();
    assert!(Recording::open(&path).unwrap().leak_state.is_some());
    drop(first);
    // The second ends before any epoch does, and keeps for the third what it was told.
    for round in ["the run before", "and the one after"] {
        let next = start();
        let last = next.leak().last_run.expect(round);
        assert_eq!(last.verdict, plimsoll::LeakVerdict::None);
    }
}
