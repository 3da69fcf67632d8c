//! How answers read, against files of how they must. After a change that is meant, `GOLDEN=write cargo test --test cli`
//! writes them anew; the diff is then part of the change.

use crate::command::plimsoll;
use crate::fixture::{Fixture, json, typed};
use serde_json::Value;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli/golden").join(name)
}

fn file(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

#[track_caller]
fn check(name: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(path(name), found).unwrap();
    }
    assert_eq!(found, file(name), "tests/cli/golden/{name}");
}

/// The answers of a process that was under pressure, as it once gave them.
fn recorded() -> Fixture {
    let since = parsed("status.json")["events"]["total"].as_u64().unwrap() - 6;
    Fixture::start([
        (&format!("/api/v1/events?since={since}"), json(&events_from(since))),
        ("/api/v1/status", json(&file("status.json"))),
        ("/api/v1/events?since=0", json(&file("events.json"))),
        ("/api/v1/snapshot", json(&file("snapshot.json"))),
        ("/api/v1/health", json(&file("health.json"))),
    ])
}

fn parsed(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap()
}

/// As the server would answer, from what was recorded.
fn events_from(since: u64) -> String {
    let mut log = parsed("events.json");
    let events = log["events"].as_array_mut().unwrap();
    events.retain(|event| event["sequence"].as_u64().unwrap() >= since);
    log.to_string()
}

#[test]
fn the_text_of_status_snapshot_health_and_events() {
    let recorded = recorded();
    for command in ["status", "snapshot", "health", "events"] {
        let run = plimsoll(&[command, &recorded.url()]);
        assert!(run.err.is_empty(), "{run:?}");
        check(&format!("{command}.txt"), &run.out);
    }
}

#[test]
fn json_is_passed_on_to_the_letter() {
    let recorded = recorded();
    for command in ["status", "snapshot", "health"] {
        let run = plimsoll(&[command, "--json", &recorded.url()]);
        assert_eq!(run.out.trim_end(), file(&format!("{command}.json")).trim_end(), "{command}");
    }
}

#[test]
fn what_answers_and_is_no_monitored_process_is_told() {
    let other = Fixture::start([
        ("/api/v1/status", typed("200 OK", "text/html", "<html>")),
        ("/api/v1/health", json("{}")),
        ("/api/v1/snapshot", "SSH-2.0-OpenSSH_9.2\r\n".into()),
        ("/metrics", typed("500 Oops", "text/plain", "first\x1b[2J\nsecond")),
        ("/prefix/api/v1/health", json(r#"{"status":"warning","checks":{}}"#)),
    ]);
    let told = |command| plimsoll(&[command, &other.url()]).complaint();
    assert!(told("status").contains("no monitored process"));
    assert!(told("health").contains("no monitored process"));
    assert!(told("snapshot").contains("does not speak HTTP"));
    assert!(told("metrics").ends_with("500 Internal Server Error: first\u{fffd}[2J\n"));
    assert_eq!(plimsoll(&["health", &format!("{}/prefix/", other.url())]).code, 1);
    let asked = other.asked.lock().unwrap();
    assert!(asked[0].contains(&format!("host: {}", other.address)), "{asked:?}");
}
