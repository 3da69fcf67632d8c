//! A recorded death, as text and as a page; and what is said where nothing is known.

#[cfg(feature = "profile")]
mod who;

use super::{Autopsy, words};
use crate::ledger::CacheLine;
use crate::level::Level;
use crate::recorder::{
    Exhibit, Heartbeat, Judgement, LastRun, RecordedEvent, RecordedRun, Recording, TimePoint,
};
use crate::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

const MIB: u64 = 1 << 20;
const BEGAN: f64 = 1_795_861_770.0;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// After a change that is meant, `GOLDEN=write cargo test --features full --lib autopsy` writes them anew.
#[track_caller]
fn check(name: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(golden(name), found).expect("a written file");
    }
    assert_eq!(found, std::fs::read_to_string(golden(name)).expect("a golden file"), "{name}");
}

fn snapshot(second: f64, live: u64, used: u64) -> Snapshot {
    let text = std::fs::read_to_string(golden("snapshot.json")).expect("a snapshot");
    let mut json: Value = serde_json::from_str(&text).expect("JSON");
    json["timestamp"] = json!(BEGAN + second);
    let figures = [
        ("alloc_bytes_total", (live + 100) * MIB),
        ("free_bytes_total", 100 * MIB),
        ("caches_bytes", 8 * MIB),
        ("usage_bytes", used * MIB),
        ("budget_bytes", 64 * MIB),
        ("jemalloc_allocated_bytes", (live + 2) * MIB),
        ("jemalloc_active_bytes", (live + 4) * MIB),
        ("jemalloc_resident_bytes", (live + 9) * MIB),
        ("process_rss_bytes", (live + 14) * MIB),
        ("cgroup_charged_bytes", (live + 20) * MIB),
    ];
    for (name, bytes) in figures {
        json[name] = json!(bytes);
    }
    json["usage_percent"] = json!(used as f64 / 64.0 * 100.0);
    serde_json::from_value(json).expect("a snapshot")
}

fn event(sequence: u64, second: f64, event_type: &str, fields: Value) -> RecordedEvent {
    let mut json: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
    json.insert("event_type".into(), json!(event_type));
    json.insert("timestamp".into(), json!(BEGAN + second));
    let (timestamp, event_type) = (BEGAN + second, event_type.to_owned());
    RecordedEvent { sequence, timestamp, event_type, json }
}

fn events() -> Vec<RecordedEvent> {
    let evicted = |freed: u64| {
        let (freed_bytes, wanted) = (freed * MIB, 4 * MIB);
        json!({"success": freed >= 4, "evicted": ["pages"], "memory_freed_bytes": freed_bytes,
            "claimed_bytes": wanted, "target_bytes": wanted})
    };
    let level = |from: &str, to: &str| json!({"from": from, "to": to});
    vec![
        event(0, 0.0, "monitor_started", json!({"budget_bytes": 64 * MIB})),
        event(1, 30.0, "level_changed", level("healthy", "caution")),
        event(2, 31.0, "eviction_completed", evicted(4)),
        event(3, 36.0, "eviction_completed", evicted(3)),
        event(4, 40.0, "purge_completed", json!({"purged_bytes": 5 * MIB})),
        event(5, 44.0, "leak_suspected", json!({"growth_bytes": 30 * MIB, "span_seconds": 30.0})),
        event(6, 48.0, "level_changed", level("caution", "warning")),
        event(7, 52.0, "leak_confirmed", json!({"growth_bytes": 40 * MIB, "span_seconds": 40.0})),
        event(8, 55.0, "level_changed", level("warning", "critical")),
        event(
            9,
            56.0,
            "gave_up",
            json!({"needed_bytes": 6 * MIB, "grew": "live_bytes_of_no_cache", "grew_bytes": 41 * MIB}),
        ),
    ]
}

fn point(second: u32) -> TimePoint {
    let used = 12 * MIB + u64::from(second) * (51 * MIB / 59);
    let level = match second {
        0..30 => Level::Healthy,
        30..48 => Level::Caution,
        48..55 => Level::Warning,
        _ => Level::Critical,
    };
    TimePoint {
        timestamp: BEGAN + f64::from(second),
        uptime_seconds: f64::from(second),
        level,
        usage_bytes: Some(used),
        budget_bytes: Some(64 * MIB),
        live_bytes: Some(used - 2 * MIB),
        live_objects: Some(u64::from(second) * 1000),
        caches_bytes: Some(if second < 31 { 8 * MIB } else { MIB }),
        process_rss_bytes: Some(used + 10 * MIB),
        cgroup_charged_bytes: None,
        growth_bytes_per_sec: None,
    }
}

fn judged(verdict: LastRun, findings: &[(&str, &str)]) -> Judgement {
    let exhibit = |(finding, source): &(&str, &str)| Exhibit {
        finding: (*finding).into(),
        source: (*source).into(),
    };
    Judgement {
        verdict,
        summary: "its own count says so".into(),
        evidence: findings.iter().map(exhibit).collect(),
        judged: BEGAN + 90.0,
    }
}

fn cache(name: &str, bytes: u64) -> CacheLine {
    CacheLine { name: name.into(), reported_bytes: Some(bytes) }
}

fn recording() -> Recording {
    let findings = [
        (
            "the kernel has killed 1 in its control group for want of memory since its last tick",
            "oom_kill of memory.events: 3, then 4",
        ),
        ("the last tick was 31 s ago; one was due each 0.1 s", "the heartbeat"),
    ];
    Recording {
        schema_version: 1,
        path: "run".into(),
        format_version: 1,
        run: RecordedRun {
            pid: 4711,
            name: "search".into(),
            started: BEGAN,
            budget_bytes: 64 * MIB,
            budget_provenance: "given; the group's limit is 64 MiB".into(),
            limit_bytes: Some(64 * MIB),
            plimsoll_version: "0.1.0".into(),
            ..RecordedRun::default()
        },
        judgement: judged(LastRun::OomKillConfirmed, &findings),
        heartbeat: Some(Heartbeat {
            timestamp: BEGAN + 59.0,
            uptime_seconds: 59.0,
            ticks: 600,
            level: Level::Critical,
            peak_usage_bytes: Some(63 * MIB),
            pace_seconds: 0.1,
        }),
        end: None,
        panic: None,
        last: Some(snapshot(59.0, 60, 63)),
        well: Some(snapshot(29.0, 20, 36)),
        caches: vec![cache("pages", MIB)],
        caches_when_well: vec![cache("pages", 8 * MIB)],
        time_line: (0..60).map(point).collect(),
        events: events(),
        profiles: Vec::new(),
        leak_state: None,
        damage: vec!["event 3: its checksum is wrong".into()],
    }
}

/// Every element that is opened is closed, in order.
fn is_well_formed(page: &str) -> Result<(), String> {
    const VOID: [&str; 4] = ["meta", "!doctype", "path", "br"];
    let mut open: Vec<String> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        if tag.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        if !tag.starts_with('/') {
            open.push(name.to_owned());
        } else if open.pop().as_deref() != Some(name) {
            return Err(format!("</{name}> within {open:?}"));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("not closed: {open:?}")) }
}

#[test]
fn whatever_a_process_is_called_nothing_of_it_is_obeyed() {
    let mut recording = recording();
    let hostile = "</style><script>x\u{1b}[2J\"'&";
    recording.run.name = hostile.into();
    recording.run.budget_provenance = hostile.into();
    recording.caches[0].name = hostile.into();
    recording.judgement.evidence[0].finding = hostile.into();
    recording.judgement.evidence[0].source = hostile.into();
    recording.damage = vec![hostile.into(); 9];
    recording.events.push(event(11, 57.0, hostile, json!({"message": hostile})));
    recording.events.push(event(12, 57.5, "error", json!({"error_message": hostile})));
    recording.events.push(event(13, 58.0, "level_changed", json!({"from": hostile, "to": 7})));
    let autopsy = Autopsy::of(&recording);
    let (text, page) = (autopsy.text(80), autopsy.html());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(is_well_formed(&page), Ok(()));
}

#[test]
fn a_file_of_which_nothing_is_left_has_its_verdict_and_no_figures() {
    let mut recording = recording();
    recording.judgement = judged(LastRun::Unknown, &[]);
    recording.run = RecordedRun::default();
    (recording.heartbeat, recording.last, recording.well) = (None, None, None);
    (recording.events, recording.time_line) = (Vec::new(), Vec::new());
    (recording.caches, recording.caches_when_well) = (Vec::new(), Vec::new());
    let autopsy = Autopsy::of(&recording);
    let text = autopsy.text(80);
    assert!(text.starts_with("It cannot be said what became of it"), "{text}");
    assert!(text.contains("unknown used: unknown of unknown") && !text.contains("0 B"), "{text}");
    let page = autopsy.html();
    assert!(page.contains("no time line") && !page.contains("NaN"), "{page}");
    assert_eq!(is_well_formed(&page), Ok(()));
    assert_eq!(autopsy.used_bytes, None);
}

#[test]
fn what_was_well_to_the_end_has_grown_since_the_earliest() {
    let mut recording = recording();
    assert!(!Autopsy::of(&recording).was_well_to_the_end);
    recording.heartbeat.as_mut().expect("a sign of life").level = Level::Healthy;
    let autopsy = Autopsy::of(&recording);
    let live = autopsy.ledger.iter().find(|line| line.name == "live").expect("live bytes");
    // 10 MiB at first, 60 MiB at the end.
    assert_eq!(live.change_bytes, Some(50 * MIB as i64));
    let unexplained = autopsy.unexplained.as_ref().expect("bytes of no cache");
    assert_eq!(
        (unexplained.earliest_bytes, unexplained.change_bytes),
        (Some(2 * MIB), Some(50 * MIB as i64))
    );
    // Of which nothing earlier is known.
    assert!(autopsy.was_well_to_the_end && autopsy.caches[0].change_bytes.is_none());
    assert!(autopsy.text(80).contains("since first"), "{}", autopsy.text(80));
    assert!(autopsy.html().contains("since the earliest"));
}

#[test]
fn every_verdict_says_another_sentence() {
    let mut said = std::collections::BTreeSet::new();
    for verdict in LastRun::ALL {
        let mut recording = recording();
        recording.judgement = judged(verdict, &[("it was seen", "somewhere")]);
        let sentence = Autopsy::of(&recording).sentence;
        assert!(sentence.contains("it was seen") && !sentence.contains(".."), "{sentence}");
        said.insert(sentence);
    }
    assert_eq!(said.len(), LastRun::ALL.len());
}

#[test]
fn any_width_will_do_and_a_long_run_is_one_screen() {
    let mut recording = recording();
    let many =
        (0..500).map(|n| event(20 + n, n as f64, "level_changed", json!({"from": "a", "to": "b"})));
    recording.events.extend(many);
    recording.events.sort_by(|a, b| a.timestamp.total_cmp(&b.timestamp));
    recording.time_line = (0..6000).map(|second| point(second % 60)).collect();
    let autopsy = Autopsy::of(&recording);
    assert!(autopsy.points.len() <= 602 && autopsy.time_line.len() == 200);
    assert_eq!(autopsy.time_line[0].event_type, "monitor_started", "the beginning is kept");
    for columns in [0, 1, 40, 79, 80, 500] {
        let text = autopsy.text(columns);
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= columns.max(40)), "{columns}");
    }
}

#[test]
fn what_was_given_is_what_was_measured() {
    let given = Autopsy::of(&recording()).given;
    assert_eq!((given.asked_bytes, given.freed_bytes), (8 * MIB, 7 * MIB));
    assert_eq!((given.failed, given.gave_up, given.purged_bytes), (1, 1, 5 * MIB));
    assert_eq!((given.by_cache[0].name.as_str(), given.by_cache[0].asks), ("pages", 2));
    assert_eq!(words::size(given.freed_bytes as f64), "7.0 MiB");
}

#[test]
fn figures_that_are_anything_add_up_to_no_crash() {
    let mut recording = recording();
    let most = json!({"target_bytes": u64::MAX, "memory_freed_bytes": u64::MAX, "evicted": ["a"]});
    let purge = json!({"purged_bytes": u64::MAX});
    for sequence in 0..2 {
        recording.events.push(event(sequence, 1.0, "eviction_completed", most.clone()));
        recording.events.push(event(sequence, 1.0, "purge_completed", purge.clone()));
    }
    let given = Autopsy::of(&recording).given;
    assert_eq!((given.asked_bytes, given.purged_bytes), (u64::MAX, u64::MAX));
    assert_eq!(given.by_cache[0].freed_bytes, u64::MAX);
}
