//! A process whose heap was never sampled: every way to ask for its profile says so. A program of its own: in the others,
//! some test has started it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

#[path = "monitor/support.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod support;

#[path = "http/client.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod client;

#[path = "mcp/agent.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod agent;

use client::{address, get};
use serde_json::{Value, json};

#[test]
fn it_is_said_and_how_to_start_it() {
    let monitor = agent::served(support::builder(), false);
    let to = address(&monitor);
    for path in ["/debug/pprof/heap", "/debug/flamegraph", "/debug/collapsed"] {
        let answer = get(to, path);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 409 && error.contains("PLIMSOLL_HEAP_PROFILE"), "{answer:?}");
    }
    let top = get(to, "/api/v1/profile").json();
    assert_eq!((&top["mean_bytes"], &top["sites"]), (&Value::Null, &json!([])));
    let (kind, error) = agent::failed(&monitor, "get_heap_profile", json!({}));
    assert_eq!(kind, "monitoring_error");
    assert!(error.contains("never started"), "{error}");
    let profile = plimsoll::HeapProfiler::read();
    assert!(!profile.is_running && profile.sites.is_empty(), "{profile:?}");
    assert!(profile.to_flame_graph().ends_with("</svg>\n"));
}
