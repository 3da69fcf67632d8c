//! The tools that only look.

use crate::agent::{failed, found, served};
use crate::support::{Boxes, MIB, alone, builder, ticks};
use plimsoll::{CacheSpec, METRICS};
use serde_json::{Value, json};

/// Every figure says its unit, source, exactness and age.
#[track_caller]
fn figure(answer: &Value, name: &str) -> Value {
    let evidence = answer["evidence"].as_array().unwrap();
    let found = evidence.iter().find(|it| it["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name}: {answer}"));
    let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
    assert_eq!(found["unit"], json!(metric.unit));
    assert_eq!(found["source"], json!(metric.source));
    assert_eq!(found["exactness"], json!(metric.exactness));
    assert!(found["age_seconds"].as_f64().unwrap() < 30.0, "{found}");
    found["value"].clone()
}

#[test]
fn the_status_is_the_monitors() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let pages = Boxes::filled(8 * MIB);
    monitor.register(CacheSpec::new("pages").floor(MIB), pages.closure()).unwrap();
    ticks(&monitor, 2);
    let answer = found(&monitor, "get_memory_status", json!({}));
    assert_eq!(answer["level"], "healthy");
    assert_eq!(answer["budget"]["bytes"], 256 * MIB);
    assert_eq!(figure(&answer, "budget_bytes"), 256 * MIB);
    assert!(figure(&answer, "live_bytes").as_u64().unwrap() >= 8 * MIB);
    assert_eq!(answer["caches"][0]["name"], "pages");
    assert_eq!(answer["caches"][0]["floor_bytes"], MIB);
    assert_eq!(answer["caches"][0]["usage_bytes"], Value::Null, "a closure does not say");
    let ledger = answer["ledger"].as_array().unwrap();
    let bytes = |line: &&Value| line["bytes"].as_i64().unwrap();
    let parts: i64 = ledger.iter().filter(|l| l["kind"] == "part").map(|l| bytes(&l)).sum();
    let sum = ledger.iter().rfind(|line| line["kind"] == "sum").map(|line| bytes(&line));
    assert_eq!(Some(parts), sum, "it adds up");
    assert_eq!(answer["process"]["pid"], std::process::id());
}

#[test]
fn metrics_are_the_originals_and_those_that_are_named() {
    let _alone = alone();
    let monitor = served(builder(), false);
    ticks(&monitor, 2);
    let answer = found(&monitor, "get_memory_metrics", json!({}));
    for key in ["memory_rss_mb", "memory_usage_percent", "eviction_count", "status"] {
        assert!(!answer["metrics"][key].is_null(), "{key}: {answer}");
    }
    assert_eq!(
        answer["metrics"]["threshold_crossings"],
        json!({"warning": 0, "prompt": 0, "emergency": 0})
    );
    assert!(answer["profiler"]["total_snapshots_taken"].as_u64().unwrap() >= 2);
    assert_eq!(answer["monitor_running"], true);
    let named = json!({ "figures": ["jemalloc_active_bytes", "cgroup_oom_kills_total"] });
    let answer = found(&monitor, "get_memory_metrics", named);
    assert!(figure(&answer, "jemalloc_active_bytes").as_u64().unwrap() > 0);
    assert_eq!(answer["evidence"].as_array().unwrap().len(), 2);
    let (kind, error) = failed(&monitor, "get_memory_metrics", json!({ "figures": ["heap"] }));
    assert_eq!(kind, "request_error");
    assert!(error.contains("\"heap\""), "{error}");
    let many = json!({ "figures": vec!["live_bytes"; 13] });
    assert!(failed(&monitor, "get_memory_metrics", many).1.contains("at most 12"));
}

#[test]
fn a_history_is_as_long_as_was_asked() {
    let _alone = alone();
    let monitor = served(builder(), false);
    ticks(&monitor, 60);
    let answer = found(&monitor, "get_memory_snapshots", json!({}));
    let rows = |answer: &Value| answer["snapshots"]["timestamp"].as_array().unwrap().len();
    assert!((5..=10).contains(&rows(&answer)), "{answer}");
    assert_eq!(answer["thinned"], true);
    assert_eq!(answer["units"]["live_bytes"]["exactness"], "exact");
    assert!(answer["age_seconds"].as_f64().is_some());
    for name in ["usage_bytes", "live_bytes", "live_objects", "process_rss_bytes"] {
        assert_eq!(answer["snapshots"][name].as_array().unwrap().len(), rows(&answer), "{name}");
    }
    let wanted = json!({ "limit": 30, "figures": ["peak_live_bytes"], "last_seconds": 600 });
    let answer = found(&monitor, "get_memory_snapshots", wanted);
    assert!((15..=30).contains(&rows(&answer)), "{answer}");
    assert_eq!(
        answer["snapshots"].as_object().unwrap().len(),
        3,
        "time, level, and what was asked"
    );
    for (arguments, named) in [
        (json!({ "limit": 2 }), "limit of 2: must be from 3 to 100"),
        (json!({ "limit": 101 }), "limit of 101"),
        (json!({ "last_seconds": 0 }), "last_seconds of 0"),
        (json!({ "figures": ["nothing"] }), "\"nothing\""),
    ] {
        let (kind, error) = failed(&monitor, "get_memory_snapshots", arguments);
        assert_eq!(kind, "request_error");
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn health_has_the_programs_own_checks() {
    let _alone = alone();
    let builder = builder().check("queue", || plimsoll::Check::warning("queue is long"));
    let monitor = served(builder, false);
    ticks(&monitor, 2);
    let answer = found(&monitor, "memory_health_check", json!({}));
    assert_eq!(
        (&answer["status"], &answer["memory_status"]),
        (&json!("warning"), &json!("healthy"))
    );
    assert_eq!(answer["checks"]["queue"]["message"], "queue is long");
    assert!(answer["failed_checks"].as_array().unwrap().contains(&json!("queue")));
    let names: Vec<_> =
        answer["evidence"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["usage_bytes", "usage_percent", "growth_bytes_per_sec"]);
}

#[cfg(not(feature = "profile"))]
#[test]
fn a_profile_that_is_not_there_says_what_it_needs() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let (kind, error) = failed(&monitor, "get_heap_profile", json!({}));
    assert_eq!(kind, "monitoring_error");
    assert!(error.contains("feature `profile`"), "{error}");
}

#[test]
fn answers_are_short_and_tell_nothing_of_the_program_but_its_memory() {
    let _alone = alone();
    let monitor = served(builder(), false);
    (0..40).for_each(|n| {
        monitor.register(format!("cache {n}").as_str(), |_: u64| 0).map(drop).unwrap();
    });
    (0..10).for_each(|_| drop(monitor.evict(1 << 20).unwrap()));
    ticks(&monitor, 20);
    let variable = std::env::var("PATH").unwrap();
    for tool in [
        "explain_memory",
        "get_memory_status",
        "get_memory_metrics",
        "get_memory_snapshots",
        "memory_health_check",
    ] {
        let answer = found(&monitor, tool, json!({})).to_string();
        assert!(answer.len() < 9_000, "{tool}: {} bytes\n{answer}", answer.len());
        assert!(!answer.contains(&variable), "{tool} tells the environment");
        for argument in std::env::args().skip(1).filter(|argument| argument.len() > 3) {
            assert!(!answer.contains(&argument), "{tool} tells the command line");
        }
    }
}

#[test]
fn the_users_own_figures_are_told_with_what_they_mean() {
    let _alone = alone();
    let queued =
        plimsoll::OwnMetric::gauge("queued", plimsoll::Unit::Count, "Requests that wait.", || {
            Some(12.0)
        });
    let monitor = served(builder().metric(queued), false);
    crate::support::eventually("it is read", || monitor.own_metrics()[0].value);
    let answer = found(&monitor, "get_memory_metrics", json!({}));
    let own = &answer["own_metrics"][0];
    assert_eq!((&own["name"], &own["value"]), (&json!("queued"), &json!(12.0)));
    assert_eq!((&own["unit"], &own["meaning"]), (&json!("count"), &json!("Requests that wait.")));
    assert!(own["age_seconds"].as_f64().unwrap() < 30.0);
}
