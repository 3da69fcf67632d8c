//! Both text forms against files of how they must look. After a change that is meant, `GOLDEN=write cargo test prometheus`
//! writes them anew; the diff is then part of the change.

use super::*;
use crate::eviction::CacheStatus;
use crate::export::report::Crossings;
use crate::export::status::{
    BudgetStatus, EventTotals, EvictionSummary, ProcessInfo, Surfaces, ThresholdStatus,
};
use crate::ledger::{Ledger, SourceLine};
use crate::metric::{Kind, Unit};
use crate::own::OwnFigure;
use crate::policy::brake::BrakeStatistics;
use crate::policy::eviction::Priority;
use crate::policy::forecast::{Forecast, Growth, Rate, TimeToBudget, Trend};
use crate::policy::threshold::Thresholds;
use crate::policy::usage::{Meter, Usage};
use crate::snapshot::Snapshot;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[track_caller]
fn check(name: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|wish| wish == "write") {
        std::fs::write(path(name), found).expect("written");
    }
    let expected = std::fs::read_to_string(path(name)).expect("a golden file");
    assert_eq!(found, expected, "tests/golden/{name}");
}

fn snapshot(name: &str) -> Snapshot {
    let text = std::fs::read_to_string(path(name)).expect("a golden file");
    serde_json::from_str(&text).expect("a snapshot")
}

/// Of a monitor that has not ticked yet, where nothing can be read.
fn bare() -> Status {
    let snapshot = snapshot("unknown.json");
    Status {
        schema_version: 1,
        timestamp: 1_700_000_000.25,
        process: ProcessInfo {
            pid: 7,
            name: "search".into(),
            plimsoll_version: "0.1.0",
            run: "7-1".into(),
            process_started: None,
            started: 1_699_999_939.25,
            uptime_seconds: 61.0,
        },
        monitor_running: true,
        ticked: None,
        level: Level::Healthy,
        budget: BudgetStatus::new(1 << 30, None, "given: 1GiB".into(), Meter::Pressure),
        thresholds: ThresholdStatus::all(&Thresholds::default(), 1 << 30),
        usage: Usage::default(),
        ledger: Ledger::of(&snapshot),
        snapshot,
        caches: Vec::new(),
        forecast: Forecast::default(),
        leak: Default::default(),
        warning: None,
        evictions: EvictionSummary::default(),
        brake: BrakeStatistics::default(),
        limit_refusals: 0,
        threshold_crossings: Crossings::default(),
        events: EventTotals::default(),
        #[cfg(feature = "recorder")]
        previous_run: None,
        own_metrics: Vec::new(),
        settings: Vec::new(),
        surfaces: Surfaces::default(),
    }
}

fn trend(window_secs: f64) -> Trend {
    let usage_bytes_per_sec = Rate { at_least: -2.5, likely: 1024.0, at_most: 4096.75 };
    Trend {
        window_secs,
        span_secs: window_secs,
        points: 60,
        usage_bytes_per_sec,
        live_bytes_per_sec: None,
        live_objects_per_sec: None,
        noise_bytes: 8192.5,
    }
}

fn forecast() -> Forecast {
    Forecast {
        ten_seconds: None,
        minute: Some(trend(60.0)),
        five_minutes: Some(trend(300.0)),
        time_to_budget: TimeToBudget {
            soonest_secs: Some(4096.0),
            likely_secs: Some(9000.5),
            latest_secs: None,
        },
        growth: Growth::Objects,
        bytes_per_object: Some(96.5),
        noise_bytes: Some(8192.5),
        last_step: None,
    }
}

fn cache(name: &str, usage: Option<u64>) -> CacheStatus {
    CacheStatus {
        name: name.into(),
        priority: Priority::Normal,
        tier: 0,
        floor_bytes: 0,
        from: Level::Critical,
        usage_bytes: usage,
        ceiling_bytes: usage.map(|usage| usage * 2),
        keeps_ceilings: None,
        asks: 3,
        asked_bytes: 3 << 20,
        claimed_bytes: 5 << 19,
        given_bytes: 2 << 20,
        strikes: 1,
        honesty: usage.map(|_| 0.8),
        page_yield: None,
        quarantined: usage.is_none(),
    }
}

fn own(name: &str, unit: Unit, kind: Kind, value: Option<f64>) -> OwnFigure {
    OwnFigure { name: name.into(), unit, kind, help: "What a \"user\" counts.".into(), value }
}

/// As much as can be known, with names that are hard to write.
fn full() -> Status {
    let snapshot = snapshot("snapshot.json");
    let mut ledger = Ledger::of(&snapshot);
    let source = |name: &str, bytes| SourceLine { name: name.into(), reported_bytes: bytes };
    ledger.sources = vec![source("gpu \\ arena", Some(1 << 20)), source("lost", None)];
    let mut status = Status {
        ticked: Some(1_699_999_999.0),
        level: Level::Caution,
        usage: Usage {
            purgeable_bytes: 48 << 20,
            reusable_bytes: 1 << 20,
            proximity_percent: Some(87.5),
            ..Usage::default()
        },
        ledger,
        snapshot,
        caches: vec![cache("pages", Some(300 << 20)), cache("a \"cache\"\n\\ of ü", None)],
        forecast: forecast(),
        brake: BrakeStatistics {
            admitted_total: 10,
            admitted_bytes_total: 10 << 20,
            refused_total: 2,
            waited_total: 3,
            waiting: 1,
        },
        limit_refusals: 4,
        threshold_crossings: Crossings { warning: 3, prompt: 2, emergency: 1 },
        events: EventTotals { total: 21, dropped: 1 },
        own_metrics: vec![
            own("queue_depth", Unit::Count, Kind::Gauge, Some(12.0)),
            own("hit_percent", Unit::Percent, Kind::Gauge, Some(87.5)),
            own("sent_total", Unit::Bytes, Kind::Counter, Some(1e15)),
            own("unknown", Unit::Seconds, Kind::Gauge, None),
            own("below_nothing_total", Unit::Count, Kind::Counter, Some(-1.0)),
        ],
        ..bare()
    };
    status.process.process_started = Some(1_699_999_900.5);
    status.budget.limit_bytes = Some(1 << 30);
    status.evictions.recent = vec![result()];
    status
}

fn result() -> crate::EvictionResult {
    crate::EvictionResult {
        success: true,
        evicted: vec!["pages".into()],
        memory_freed_mb: Some(2.0),
        memory_freed_bytes: Some(2 << 20),
        claimed_mb: 2.5,
        claimed_bytes: 5 << 19,
        target_mb: 2.0,
        target_bytes: 2 << 20,
        duration_seconds: 0.0125,
        message: String::new(),
        errors: Vec::new(),
        timestamp: 1_699_999_998.5,
    }
}

fn text(status: &Status, exposition: Exposition) -> String {
    let mut out = String::new();
    write(&mut out, status, exposition);
    out
}

#[test]
fn everything_that_can_be_known_in_both_forms() {
    check("prometheus.txt", &text(&full(), Exposition::text()));
    check("prometheus.openmetrics.txt", &text(&full(), Exposition::open_metrics()));
}

#[test]
fn what_is_unknown_is_absent() {
    check("prometheus.unknown.txt", &text(&bare(), Exposition::text()));
    let open = text(&bare(), Exposition::open_metrics());
    assert!(open.ends_with("\n# EOF\n"));
    assert!(!open.contains("plimsoll_level{") && !open.contains("plimsoll_live_bytes"));
}

#[test]
fn every_metric_of_the_table_is_there() {
    let known = text(&full(), Exposition::text());
    for metric in METRICS {
        let name = metric.prometheus_name();
        let sample = known.lines().find(|line| line.split(' ').next() == Some(&name));
        let value = sample.and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok());
        let expected = metric.get(&full().snapshot).map(|v| in_base_unit(metric.unit, v).as_f64());
        assert_eq!(value, expected, "{name}");
    }
}

#[test]
fn both_forms_have_the_same_samples() {
    let samples = |exposition| {
        let text = text(&full(), exposition);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(Exposition::text()), samples(Exposition::open_metrics()));
}

#[test]
fn families_stand_once_and_together() {
    let mut status = full();
    status.own_metrics.extend([
        own("queue_depth_total", Unit::Count, Kind::Counter, Some(1.0)),
        own("hit_ratio", Unit::Count, Kind::Gauge, Some(1.0)),
    ]);
    let text = text(&status, Exposition::open_metrics());
    let mut families: Vec<_> = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")).collect();
    let count = families.len();
    families.sort_unstable_by_key(|line| line.split(' ').next());
    families.dedup_by_key(|line| line.split(' ').next());
    assert_eq!(families.len(), count);
}

#[test]
fn the_start_of_the_process_can_be_left_out() {
    let text = text(&full(), Exposition::text().without_process_start());
    assert!(!text.contains("process_start_time_seconds"));
    assert!(text.contains("process_resident_memory_bytes"));
}
