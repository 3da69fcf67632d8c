//! `docs/openapi.json` says what is really answered: every route, every key, no more and no less.

use super::client::{Answer, address, get, post, served};
use super::support::{Boxes, MIB, alone, ballast, builder, eventually, ticks};
use plimsoll::{Check, Level, Monitor, OwnMetric, Unit};
use serde_json::{Value, json};
use std::net::SocketAddr;

fn description() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Holds `answer` against what is described for `method` and `path`.
#[track_caller]
fn assert_described(method: &str, path: &str, answer: &Answer) {
    let description = description();
    let responses = &description["paths"][path][method]["responses"];
    let response = match answer.status {
        200 => &responses["200"],
        _ => &responses["default"],
    };
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} is not described");
    let whole = json!({"allOf": [schema], "components": description["components"]});
    let validator = jsonschema::validator_for(&whole).unwrap();
    let body = answer.json();
    let errors: Vec<_> = validator
        .iter_errors(&body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:#?}");
}

fn asked(to: SocketAddr, path: &str) -> Answer {
    let query = if path == "/api/v1/plan" { "?target_bytes=1048576" } else { "" };
    let answer = get(to, &format!("{path}{query}"));
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer
}

/// A monitor of which something is known of everything.
fn eventful() -> (Monitor, Vec<u8>) {
    let queue = OwnMetric::gauge("queue_depth", Unit::Count, "Requests that wait.", || Some(7.0));
    let monitor = served(
        builder()
            .metric(queue)
            .memory_source("gpu", || Some(4096))
            .metadata("service", "search")
            .check("disk", || Check::warning("nearly full").with("percent", 91))
            .http_actions(true),
    );
    monitor.register("boxes", Boxes::filled(4 * MIB).closure()).unwrap();
    monitor.register("broken", |_: u64| std::panic::resume_unwind(Box::new("on purpose"))).unwrap();
    let ballast = ballast(94.0);
    eventually("a warning", || (monitor.level() == Level::Warning).then_some(()));
    monitor.evict(MIB).unwrap();
    eventually("a trend", || monitor.forecast().ten_seconds);
    (monitor, ballast)
}

#[test]
fn every_answer_is_as_described() {
    let _alone = alone();
    let (monitor, _ballast) = eventful();
    let to = address(&monitor);
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    // A build without it says so: another test asks.
    let is_there = |path: &str| cfg!(feature = "profile") || path != "/api/v1/profile";
    let questions =
        paths.iter().filter(|(path, of)| of.get("get").is_some() && is_there(path.as_str()));
    let mut asked_of = 0;
    for (path, _) in questions {
        assert_described("get", path, &asked(to, path));
        asked_of += 1;
    }
    assert_eq!(asked_of, if cfg!(feature = "profile") { 14 } else { 13 });
    for (path, body) in [
        ("evict", r#"{"target_bytes": 1048576}"#),
        ("evict", "{}"),
        ("purge", "{}"),
        ("configure", r#"{"warning_at": 75}"#),
        ("configure", r#"{"warning_at": 175}"#),
    ] {
        let path = format!("/api/v1/{path}");
        assert_described("post", &path, &post(to, &path, body));
    }
}

#[test]
fn before_anything_is_known_too() {
    let _alone = alone();
    let monitor = served(builder().root("/nonexistent"));
    let to = address(&monitor);
    ticks(&monitor, 1);
    for path in
        ["status", "history", "events", "health", "metrics", "forecast", "snapshot", "explain"]
    {
        let path = format!("/api/v1/{path}");
        assert_described("get", &path, &asked(to, &path));
    }
}

#[test]
fn it_is_served_and_no_route_is_left_out() {
    let _alone = alone();
    let monitor = served(builder());
    assert_eq!(get(address(&monitor), "/api/v1/openapi.json").json(), description());
    let routes = concat!(env!("CARGO_MANIFEST_DIR"), "/src/surface/http/routes.rs");
    let routes = std::fs::read_to_string(routes).unwrap();
    let api = routes.split("fn api()").nth(1).unwrap();
    let paths = api.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for path in paths.filter(|path| *path != "/openapi.json") {
        let path = format!("/api/v1{path}");
        assert!(description()["paths"].get(&path).is_some(), "{path} is not described");
    }
}
