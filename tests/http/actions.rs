//! What callers may change, if they may.

use super::client::{address, get, post, served};
use super::support::{Boxes, MIB, alone, builder, ticks};
use serde_json::json;

#[test]
fn nothing_is_changed_unless_allowed() {
    let _alone = alone();
    let monitor = served(builder());
    let boxes = Boxes::filled(4 * MIB);
    monitor.register("boxes", boxes.closure()).unwrap();
    let to = address(&monitor);
    for (path, body) in [
        ("evict", r#"{"target_bytes": 1048576}"#),
        ("purge", "{}"),
        ("configure", r#"{"budget": "64MiB"}"#),
    ] {
        let answer = post(to, &format!("/api/v1/{path}"), body);
        assert_eq!(
            (answer.status, &answer.json()["error_type"]),
            (403, &json!("permission_error"))
        );
    }
    assert_eq!(boxes.bytes(), 4 * MIB);
    assert_eq!(monitor.budget_bytes(), super::support::BUDGET);
    let plan = get(to, "/api/v1/plan?target_bytes=1048576").json();
    assert_eq!(plan["asks"][0]["cache"], "boxes", "what would be done may be asked");
    assert_eq!(boxes.bytes(), 4 * MIB);
}

#[test]
fn what_is_allowed_is_done_and_measured() {
    let _alone = alone();
    let monitor = served(builder().http_actions(true));
    let (a, b) = (Boxes::filled(4 * MIB), Boxes::filled(4 * MIB));
    monitor.register("a", a.closure()).unwrap();
    monitor.register("b", b.closure()).unwrap();
    ticks(&monitor, 2);
    let to = address(&monitor);
    let result = post(to, "/api/v1/evict", r#"{"target_bytes": 1048576, "cache": "b"}"#).json();
    assert_eq!((&result["evicted"], &result["memory_freed_bytes"]), (&json!(["b"]), &json!(MIB)));
    assert_eq!((a.bytes(), b.bytes()), (4 * MIB, 3 * MIB));
    let result = post(to, "/api/v1/evict", r#"{"target_bytes": 7340032}"#).json();
    assert_eq!(result["success"], true);
    assert_eq!((a.bytes(), b.bytes()), (0, 0));
    let configured =
        post(to, "/api/v1/configure", r#"{"budget": "64MiB", "warning_at": 75}"#).json();
    assert_eq!(configured["updated_fields"], json!(["budget", "warning_at"]));
    assert_eq!(configured["new_values"]["warning_at"], "75");
    let changed = get(to, "/api/v1/settings").json();
    let changed =
        changed.as_array().unwrap().iter().find(|s| s["name"] == "warning_at").unwrap().clone();
    assert_eq!((&changed["value"], &changed["origin"]), (&json!("75"), &json!("changed")));
}

#[test]
fn what_makes_no_sense_is_refused_and_named() {
    let _alone = alone();
    let monitor = served(builder().http_actions(true));
    let to = address(&monitor);
    for (path, body, status, word) in [
        ("evict", "{}", 422, "target_bytes"),
        ("evict", r#"{"target_bytes": -1}"#, 422, "target_bytes"),
        ("evict", r#"{"target_bytes": 1, "cache": "none"}"#, 422, "no cache is called"),
        ("evict", r#"{"target_bytes": 0}"#, 422, "at least 1 byte"),
        ("evict", r#"{"target_bytes": 1, "force": true}"#, 422, "force"),
        ("evict", "{", 400, "EOF"),
        ("configure", r#"{"ring": 5}"#, 422, "can be changed"),
        ("configure", r#"{"warning_at": 99}"#, 422, "threshold"),
        ("configure", r#"{"budget": "lots"}"#, 422, "budget of \"lots\": must be"),
        (
            "configure",
            r#"{"interval": "1s", "hook_timeout": null}"#,
            422,
            "hook_timeout of \"null\"",
        ),
        ("configure", r#"{"http_token": "mine"}"#, 422, "can be changed"),
        ("purge", r#"{"all": 1}"#, 422, "all"),
    ] {
        let answer = post(to, &format!("/api/v1/{path}"), body);
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        let error = answer.json();
        assert!(error["error"].as_str().unwrap().contains(word), "{path} {body}: {error}");
        assert_eq!(error["success"], false);
    }
    assert_eq!(monitor.budget_bytes(), super::support::BUDGET, "nothing was changed");
}
