//! A JSON service that keeps one field of each request.

use super::child::{Leaking, is_first};
use serde_json::Value;

const KEEPS: &str = "leaky_json::trace_of";

fn grew(explanation: &Value) -> bool {
    is_first(KEEPS, &explanation["grown"]["sites"])
}

#[test]
fn the_function_that_keeps_a_field_is_named() {
    let service = Leaking::start("leaky_json", &["120"]);
    // Long before it is a leak, since whoever asks wants to know what grows.
    let early = service.until("/api/v1/explain", grew);
    assert!(early["verdict"].to_string().contains(KEEPS), "{early:#}");

    let leak = service.found("confirmed");
    assert!(is_first(KEEPS, &leak["sites"]), "{leak:#}");
    let (bytes, error) = (&leak["sites"][0]["bytes"], &leak["sites"][0]["standard_error"]);
    let (bytes, error) = (bytes.as_f64().unwrap(), error.as_f64().unwrap());
    assert!(error > 0.0 && bytes > 5.0 * error, "{leak:#}");
    // It is all that leaks: what the profile says is what the floors say, within four standard errors and the vector.
    let growth = leak["growth_bytes"].as_f64().unwrap();
    assert!((bytes - growth).abs() < 4.0 * error + 0.3 * growth, "{leak:#}");

    // Where it takes too long the answer is an error.
    let explanation = service.until("/api/v1/explain", |found| found["verdict"].is_array());
    let verdict = explanation["verdict"].to_string();
    assert!(verdict.contains("A leak is confirmed") && verdict.contains(KEEPS), "{verdict}");
    assert!(explanation["next_steps"].to_string().contains(KEEPS), "{explanation:#}");
    let told = service.tool("explain_memory").to_string();
    assert!(told.contains("A leak is confirmed") && told.contains(KEEPS), "{told}");
    let events = service.ask("/api/v1/events");
    let events = events["events"].as_array().unwrap();
    let told = |kind: &str| events.iter().find(|event| event["event_type"] == kind).unwrap();
    assert_eq!(told("leak_growing")["level"], "info");
    assert!(told("leak_suspected")["growth_bytes"].as_f64().unwrap() > 1e6);
    assert!(told("leak_confirmed")["functions"].to_string().contains(KEEPS));
    let health = service.ask("/api/v1/health");
    assert_eq!(health["status"], "warning");
    assert_eq!(health["failed_checks"], serde_json::json!(["memory_leak"]));
}
