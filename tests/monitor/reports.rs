//! The shapes that readers of the original's output rely on, and figures that must agree with each other.

use crate::support::{Boxes, MIB, alone, ballast, builder, eventually, ticks};
use plimsoll::{Level, METRICS, Snapshot};
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn has_keys(value: &Value, expected: &[&str]) {
    let keys = keys(value);
    let missing: Vec<_> = expected.iter().filter(|key| !keys.contains(key)).collect();
    assert!(missing.is_empty(), "missing: {missing:?} in {keys:?}");
}

/// Every `_mb` key has a `_bytes` twin, wherever it stands.
fn every_mb_has_its_twin(value: &Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if let Some(stem) = key.strip_suffix("_mb") {
                    assert!(map.contains_key(&format!("{stem}_bytes")), "{key} stands alone");
                }
                every_mb_has_its_twin(inner);
            }
        }
        Value::Array(items) => items.iter().for_each(every_mb_has_its_twin),
        _ => {}
    }
}

#[test]
fn heap_objects_are_the_counts_at_that_moment() {
    let _alone = alone();
    let monitor = builder().interval(std::time::Duration::from_secs(3600)).start().unwrap();
    eventually("the first snapshot", || monitor.latest());
    let agree = || {
        let before = plimsoll::counts().live_objects();
        monitor.snapshot().heap_objects() == Some(before)
    };
    for kept in 0..200u64 {
        let boxes: Vec<Box<u64>> = (0..kept).map(Box::new).collect();
        // The test harness has threads of its own, and now and then they are busy at that moment.
        assert!((0..10).any(|_| agree()), "{kept} objects");
        assert_eq!(boxes.len() as u64, kept);
    }
}

#[test]
fn metrics_have_the_originals_shape() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
    monitor.evict(MIB).unwrap();
    ticks(&monitor, 3);
    let json = serde_json::to_value(monitor.metrics()).unwrap();
    has_keys(&json, &["metrics", "profiler", "forecast", "usage", "monitor_running"]);
    has_keys(
        &json["metrics"],
        &[
            "timestamp",
            "memory_rss_mb",
            "memory_usage_percent",
            "eviction_count",
            "memory_freed_total_mb",
            "growth_rate_mb_per_sec",
            "status",
            "threshold_crossings",
            "heap_objects",
            "live_bytes",
            "jemalloc_resident_bytes",
            "jemalloc_allocated_bytes",
        ],
    );
    has_keys(&json["metrics"], &METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>());
    has_keys(&json["metrics"]["threshold_crossings"], &["warning", "prompt", "emergency"]);
    let profiler = &json["profiler"];
    has_keys(
        profiler,
        &[
            "total_snapshots_taken",
            "current_snapshot_count",
            "profiling_active",
            "interval_seconds",
            "max_snapshots",
            "rss_mb",
            "usage_percent",
            "heap_objects",
            "live_bytes",
            "oldest_snapshot_time",
            "newest_snapshot_time",
        ],
    );
    has_keys(&profiler["heap_objects"], &["min", "max", "avg", "current"]);
    assert_eq!(json["metrics"]["eviction_count"], 1);
    assert_eq!(json["metrics"]["memory_freed_total_mb"], 1.0);
    assert!(json["metrics"]["timestamp"].is_f64());
    every_mb_has_its_twin(&json);
}

#[test]
fn health_has_the_originals_shape() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let json = serde_json::to_value(monitor.health_check()).unwrap();
    has_keys(
        &json,
        &["status", "timestamp", "checks", "failed_checks", "critical_issues", "memory_status"],
    );
    let checks = ["memory_usage", "memory_growth", "eviction_system", "tracker_status"];
    has_keys(&json["checks"], &checks);
    for check in checks {
        has_keys(&json["checks"][check], &["healthy", "message"]);
    }
    assert_eq!(json["status"], "healthy");
    every_mb_has_its_twin(&json);
}

/// Beside the monitor's own threads and the test harness's.
#[test]
fn health_says_what_jemallocs_bins_say_of_the_count() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    let json = serde_json::to_value(monitor.health_check()).unwrap();
    let check = &json["checks"]["count_audit"];
    assert_eq!(check["healthy"], true);
    if cfg!(feature = "jemalloc") {
        assert_eq!(check["audit"]["verdict"], "explained");
        assert!(check["audit"]["jemalloc_objects"].as_u64() > Some(100));
    } else {
        assert_eq!(check["audit"], Value::Null);
    }
}

#[test]
fn a_warning_has_the_originals_shape() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 1);
    assert_eq!(monitor.warning(), None);
    monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
    let _load = ballast(94.0);
    let warning =
        eventually("a warning", || monitor.warning().filter(|_| monitor.level() == Level::Warning));
    let json = serde_json::to_value(warning).unwrap();
    has_keys(
        &json,
        &[
            "threshold_percent",
            "level",
            "action",
            "urgency",
            "message",
            "recommendations",
            "available_actions",
            "current_mb",
            "threshold_mb",
            "timestamp",
        ],
    );
    has_keys(
        &json["available_actions"][0],
        &["name", "display_name", "description", "estimated_freed_mb", "urgency", "side_effects"],
    );
    assert_eq!(
        (json["action"].as_str(), json["urgency"].as_str()),
        (Some("prompt_user"), Some("medium"))
    );
    every_mb_has_its_twin(&json);
}

#[test]
fn an_eviction_has_the_originals_shape() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.register("boxes", Boxes::filled(MIB).closure()).unwrap();
    let json = serde_json::to_value(monitor.evict(MIB).unwrap()).unwrap();
    has_keys(
        &json,
        &[
            "success",
            "evicted",
            "memory_freed_mb",
            "claimed_mb",
            "target_mb",
            "duration_seconds",
            "message",
            "errors",
            "timestamp",
        ],
    );
    every_mb_has_its_twin(&json);
    let statistics = serde_json::to_value(monitor.eviction_statistics()).unwrap();
    has_keys(&statistics, &["total_evictions", "total_memory_freed_mb", "history", "recent"]);
    every_mb_has_its_twin(&statistics);
}

#[test]
fn a_real_snapshot_survives_json() {
    let _alone = alone();
    let monitor = builder().metadata("service", "search").start().unwrap();
    monitor.set_metadata("shard", "7").unwrap();
    ticks(&monitor, 2);
    let snapshot = monitor.snapshot();
    let json = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    let json: Value = serde_json::from_str(&json).unwrap();
    has_keys(
        &json,
        &[
            "timestamp",
            "rss_mb",
            "heap_objects",
            "usage_percent",
            "status",
            "growth_rate_mb_per_sec",
            "eviction_count",
            "metadata",
        ],
    );
    has_keys(&json["metadata"], &["soft_limit_mb", "hard_limit_mb", "service", "shard"]);
    every_mb_has_its_twin(&json);
}

#[test]
#[cfg(all(target_os = "linux", feature = "jemalloc"))]
fn every_source_of_this_machine_is_read() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let snapshot = monitor.snapshot();
    for metric in METRICS {
        let may_be_unknown = metric.name.starts_with("cgroup_")
            || metric.name.starts_with("pressure_")
            || metric.name.starts_with("growth_")
            || ["time_to_budget_secs", "caches_bytes", "process_swap_bytes"].contains(&metric.name);
        assert!(may_be_unknown || metric.get(&snapshot).is_some(), "{} is unknown", metric.name);
    }
    assert!(snapshot.jemalloc_allocated_bytes() >= snapshot.live_bytes());
    assert!(snapshot.jemalloc_active_bytes() >= snapshot.jemalloc_allocated_bytes());
    assert!(snapshot.peak_live_bytes() >= snapshot.live_bytes());
    assert!(monitor.ledger().adds_up());
}
