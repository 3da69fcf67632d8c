//! Output formats against files of how they must look. After a change that is meant, `GOLDEN=write cargo test --test
//! golden` writes them anew; the diff is then part of the change.
#![allow(clippy::unwrap_used, reason = "tests")]

use plimsoll::{Ledger, Snapshot};
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[track_caller]
fn check(name: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(path(name), found).unwrap();
    }
    let expected = std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(found, expected, "tests/golden/{name}");
}

/// A snapshot in which every figure is known.
fn snapshot() -> Snapshot {
    let text = std::fs::read_to_string(path("snapshot.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_snapshot_reads_and_writes_the_same_text() {
    let json = serde_json::to_string_pretty(&snapshot()).unwrap();
    check("snapshot.json", &(json + "\n"));
}

#[test]
fn a_snapshot_of_nothing_known_is_null_throughout() {
    let bare =
        r#"{"schema_version":1,"timestamp":1700000000.25,"uptime_nanos":5,"status":"healthy"}"#;
    let snapshot: Snapshot = serde_json::from_str(bare).unwrap();
    let json = serde_json::to_string_pretty(&snapshot).unwrap();
    check("unknown.json", &(json + "\n"));
}

#[test]
fn a_ledger_for_people() {
    let ledger = Ledger::of(&snapshot());
    assert!(ledger.adds_up());
    check("ledger.txt", &ledger.to_string());
}

#[test]
fn a_ledger_for_programs() {
    let json = serde_json::to_string_pretty(&Ledger::of(&snapshot())).unwrap();
    check("ledger.json", &(json + "\n"));
}
