//! Structured logs: one JSON object a line, for changes only, through `tracing` and the ready layer.
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

use parking_lot::Mutex;
use plimsoll::{Budget, JsonLayer, Level, Meter, Monitor};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing_subscriber::prelude::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn eventually(is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < give_up, "it never happens");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn changes_are_lines_and_ticks_are_not() {
    let page = Page::default();
    let only_info = tracing_subscriber::filter::LevelFilter::INFO;
    let layer = JsonLayer::new(page.clone()).with_filter(only_info);
    tracing_subscriber::registry().with(layer).init();
    tracing::info!(target: "somebody else", json = "not ours");

    let budget = Budget::Bytes(256 << 20);
    let monitor = Monitor::builder()
        .budget(budget)
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(1))
        .start()
        .unwrap();
    let snapshots = || monitor.metrics().profiler.total_snapshots_taken;
    eventually(|| snapshots() >= 5);
    let load = vec![0u8; (256 << 20) / 100 * 85];
    eventually(|| monitor.level() != Level::Healthy);
    let then = snapshots();
    eventually(|| snapshots() >= then + 2);
    drop(load);
    monitor.stop();

    let text = String::from_utf8(page.0.lock().clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = lines.iter().map(|line| line["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["monitor_started", "threshold_crossed", "level_changed", "monitor_stopped"]);
    for line in &lines {
        assert!(line["timestamp"].as_f64().unwrap() > 1.6e9, "{line}");
        assert!(line["component"].is_string() && line["level"].is_string(), "{line}");
    }
    let crossed = &lines[1];
    assert_eq!(
        (crossed["threshold_type"].as_str(), crossed["level"].as_str()),
        (Some("warning"), Some("warning"))
    );
    assert_eq!(crossed["threshold_bytes"], (256 << 20) / 10 * 8 + 4);
    assert!(crossed["current_mb"].as_f64().unwrap() > 204.8);
}
