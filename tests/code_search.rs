//! The example on real sources, small: it ends by itself, answers everything, evicts, and stays below its line.
#![cfg(feature = "jemalloc")]
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Cargo builds the examples beside the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let name = format!("code_search{}", std::env::consts::EXE_SUFFIX);
    let example = profile.join("examples").join(name);
    assert!(example.exists(), "not built: cargo build --example code_search");
    example
}

fn run(arguments: &[&str]) -> Output {
    Command::new(example()).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(text.contains("= rss"), "the ledger is missing: {text}");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn every_query_is_answered_below_the_line() {
    let bounds = ["--budget", "32MiB", "--limit-bytes", "12MiB", "--queries", "60"];
    let summary = json(&run(&[bounds.as_slice(), &["--summary", "json"]].concat()));
    let figure = |name: &str| summary[name].as_f64().unwrap_or_else(|| panic!("{name}: {summary}"));
    for name in ["projects", "files", "live_objects", "live_bytes", "freed_bytes_measured"] {
        assert!(figure(name) > 0.0, "{name}: {summary}");
    }
    assert_eq!((figure("queries"), figure("answered")), (60.0, 60.0), "{summary}");
    assert_eq!(figure("budget_bytes"), f64::from(32 << 20));
    assert!(figure("max_usage_percent") < 100.0, "{summary}");
    assert!(figure("evictions") > 0.0 && figure("reindexed") > 0.0, "{summary}");
    let text = figure("bytes_indexed");
    assert!(text > f64::from(1 << 20) && text <= f64::from(12 << 20), "{summary}");
    assert!(figure("peak_rss_bytes") >= figure("live_bytes") && figure("seconds") > 0.0);
    assert!(
        ["healthy", "caution", "warning", "critical"].contains(&summary["level"].as_str().unwrap())
    );
}

#[test]
fn what_cannot_be_done_is_named() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let empty = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (["--budget", "plenty", source], r#"cannot read "plenty" as a size"#),
        (["--budget", "0", source], "budget of 0 B"),
        (["--budget", "2MiB", source], "budget of 2.0 MiB: too small"),
        (["--queries", "many", source], "'many' for '--queries"),
        (["--duration", "soon", source], "'soon' for '--duration"),
        (["--max-projects", "0", source], "'0' for '--max-projects"),
        (["--queries", "1", "/no/such/place"], "/no/such/place: no such directory"),
        (["--queries", "1", empty.path().to_str().unwrap()], "no source files in"),
    ] {
        let output = run(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(named), "{arguments:?}: {error}");
    }
}
