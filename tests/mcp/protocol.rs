//! The protocol itself: versions, lists, and what is refused before any tool is asked.

use crate::agent::{ACCEPTS, post, refused, request, served};
use crate::client::{address, ask};
use crate::support::{alone, builder};
use plimsoll::Monitor;
use serde_json::{Value, json};

const TOOLS: [&str; 10] = [
    "explain_memory",
    "get_memory_status",
    "get_memory_metrics",
    "get_memory_snapshots",
    "memory_health_check",
    "get_heap_profile",
    "trigger_eviction",
    "unload",
    "purge_memory",
    "configure_memory",
];

fn tools(monitor: &Monitor) -> Vec<Value> {
    let json = request(monitor, "tools/list", json!({}));
    json["result"]["tools"].as_array().unwrap().clone()
}

#[test]
fn every_version_of_the_protocol_is_spoken() {
    let _alone = alone();
    let monitor = served(builder(), false);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": version, "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" } } });
        let answer = post(&monitor, ACCEPTS, &hello.to_string());
        let result = answer.json()["result"].clone();
        assert_eq!(result["protocolVersion"], version, "{answer:?}");
        assert_eq!(result["serverInfo"]["name"], "plimsoll");
        assert!(result["instructions"].as_str().unwrap().contains("explain_memory"));
        assert_eq!(answer.header("mcp-session-id"), None, "each request stands for itself");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn the_version_without_sessions_is_spoken_too() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "0" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_memory_status", "arguments": {}, "_meta": meta } });
    let headers = format!(
        "{ACCEPTS}mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: get_memory_status\r\n"
    );
    let answer = post(&monitor, &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"]["structuredContent"]["level"], "healthy");
}

#[test]
fn tools_say_what_they_do_and_what_they_take() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let tools = tools(&monitor);
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, TOOLS);
    for tool in &tools {
        let (schema, hints) = (&tool["inputSchema"], &tool["annotations"]);
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
        assert!(!schema.to_string().contains("\"format\""), "{schema}");
        assert_eq!(hints["openWorldHint"], false);
        assert!(tool["title"].is_string() && tool["description"].as_str().unwrap().len() < 400);
        assert!(jsonschema::validator_for(schema).is_ok(), "{schema}");
        let changes = TOOLS[6..].contains(&tool["name"].as_str().unwrap());
        assert_eq!(hints["readOnlyHint"], !changes, "{tool}");
    }
    let hint = |name: &str, hint: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        tool["annotations"][hint].as_bool().unwrap()
    };
    assert!(hint("trigger_eviction", "destructiveHint") && hint("unload", "destructiveHint"));
    assert!(!hint("purge_memory", "destructiveHint") && hint("purge_memory", "idempotentHint"));
    assert!(!hint("configure_memory", "destructiveHint"));
    let page = include_str!("../../docs/agents.md");
    TOOLS.iter().for_each(|name| assert!(page.contains(&format!("| `{name}` |")), "{name}"));
    let list = serde_json::to_string(&tools).unwrap();
    assert!(list.len() < 10_000, "{} bytes: agents pay for each", list.len());
}

#[test]
fn what_is_no_call_is_a_protocol_error() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let (code, message) = refused(&monitor, "free_memory", json!({}));
    assert_eq!(code, -32602);
    assert!(
        message.contains("\"free_memory\"") && message.contains("trigger_eviction"),
        "{message}"
    );
    for (tool, arguments, named) in [
        ("explain_memory", json!({ "verbose": true }), "verbose"),
        ("get_memory_status", json!({ "x": 1 }), "x"),
        ("memory_health_check", json!({ "x": 1 }), "x"),
        ("get_heap_profile", json!({ "x": 1 }), "x"),
        ("purge_memory", json!({ "x": 1 }), "x"),
        ("get_memory_metrics", json!({ "figures": "live_bytes" }), "figures"),
        ("get_memory_snapshots", json!({ "limit": "ten" }), "limit"),
        ("get_memory_snapshots", json!({ "limit": -1 }), "limit"),
        ("get_memory_snapshots", json!({ "last_seconds": true }), "last_seconds"),
        ("trigger_eviction", json!({ "target_mb": "64" }), "target_mb"),
        ("trigger_eviction", json!({ "target_bytes": 1 }), "target_bytes"),
        ("trigger_eviction", json!({ "target_mb": 64, "dry_run": "yes" }), "dry_run"),
        ("unload", json!({}), "cache"),
        ("unload", json!({ "cache": 7 }), "cache"),
        ("configure_memory", json!({ "budget": ["64MiB"] }), "budget"),
        ("configure_memory", json!({ "ring": 7 }), "ring"),
    ] {
        let (code, message) = refused(&monitor, tool, arguments.clone());
        assert_eq!(code, -32602, "{tool} {arguments}");
        assert!(message.contains(named), "{tool} {arguments}: {message}");
    }
    for (method, params, named) in [
        ("tools/call", json!({ "name": "explain_memory", "arguments": [] }), "arguments"),
        ("tools/call", json!({ "arguments": {} }), "name"),
        ("tools/call", json!({ "name": 7 }), "name"),
        ("resources/read", json!({}), "uri"),
        ("prompts/get", json!({ "name": [] }), "name"),
    ] {
        let error = request(&monitor, method, params.clone())["error"].clone();
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
        assert!(error["message"].as_str().unwrap().contains(named), "{error}");
    }
    assert_eq!(monitor.eviction_statistics().total_evictions, 0);
    let json = request(&monitor, "tools/destroy", json!({}));
    assert_eq!(json["error"]["code"], -32601);
}

#[test]
fn what_is_no_message_is_refused_and_a_notification_accepted() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = post(&monitor, ACCEPTS, told);
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let status = |headers: &str, body: &str| post(&monitor, headers, body).status;
    assert!([400, 415, 422].contains(&status(ACCEPTS, "{")), "broken");
    assert!([400, 415, 422].contains(&status(ACCEPTS, "[]")), "no message");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    assert_eq!(status(ACCEPTS, ping), 200);
    assert_eq!(status("content-type: application/json\r\n", ping), 406);
    assert_eq!(status("accept: application/json, text/event-stream\r\n", ping), 415);
    assert_eq!(status(&format!("{ACCEPTS}mcp-protocol-version: 1999-01-01\r\n"), ping), 400);
    assert_eq!(ask(address(&monitor), "/mcp", "accept: text/event-stream\r\n").status, 405);
    let large = format!("{}{ping}", " ".repeat(70_000));
    assert_eq!(status(ACCEPTS, &large), 413);
}

#[test]
fn foreign_names_and_origins_and_missing_tokens_are_refused() {
    let _alone = alone();
    let monitor = served(builder().http_token("secret"), false);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let status = |headers: &str| post(&monitor, &format!("{ACCEPTS}{headers}"), ping).status;
    assert_eq!(status(""), 401);
    assert_eq!(status("authorization: Bearer secret\r\n"), 200);
    assert_eq!(status("authorization: Bearer secret\r\norigin: http://evil.example\r\n"), 403);
    let own = format!("authorization: Bearer secret\r\norigin: http://{}\r\n", address(&monitor));
    assert_eq!(status(&own), 200);
}
