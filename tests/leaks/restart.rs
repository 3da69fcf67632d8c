//! A leak whose process is killed and started again: what was known of it is known to the next.

use super::child::Leaking;

#[test]
fn the_next_run_knows_what_the_last_was_found_to_be() {
    let home = tempfile::tempdir().unwrap();
    let record = home.path().join("run");
    let start = || Leaking::with("leaky_json", &["120"], &[("PLIMSOLL_RECORDER", &record)]);
    let first = start();
    let found = first.found("suspected");
    // As the kernel would.
    drop(first);
    let second = start();
    let leak = second.ask("/api/v1/status")["leak"].clone();
    let last = &leak["last_run"];
    assert_eq!(last["verdict"], "suspected", "{leak:#}");
    assert!(last["growth_bytes"].as_u64() >= found["growth_bytes"].as_u64(), "{leak:#}");
    assert_eq!(leak["verdict"], "none", "a new heap has not leaked yet: {leak:#}");
    // Its first rise is one more of those before it.
    let again = second.until("/api/v1/status", |status| status["leak"]["verdict"] != "none");
    let leak = &again["leak"];
    assert_eq!(leak["verdict"], "suspected", "{leak:#}");
    assert_eq!(leak["last_run"]["verdict"], "suspected");
    assert!(leak["span_secs"].as_f64() >= Some(8.0), "the runs before it count: {leak:#}");
    let told = second.ask("/api/v1/events");
    let mut events = told["events"].as_array().unwrap().iter();
    assert!(events.all(|event| event["event_type"] != "leak_growing"), "it was that already");
}
