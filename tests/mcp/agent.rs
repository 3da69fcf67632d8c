//! A caller that speaks the protocol, a request a connection.

use crate::client::{Answer, address, send};
use plimsoll::{Builder, Monitor};
use serde_json::{Value, json};

/// What every client of the protocol sends.
pub(crate) const ACCEPTS: &str =
    "content-type: application/json\r\naccept: application/json, text/event-stream\r\n";

/// A monitor that is served at a free port; callers may change something if `actions`.
pub(crate) fn served(builder: Builder, actions: bool) -> Monitor {
    builder.http("127.0.0.1:0").http_actions(actions).start().unwrap()
}

/// Posts `body` with these header lines.
pub(crate) fn post(monitor: &Monitor, headers: &str, body: &str) -> Answer {
    let (to, length) = (address(monitor), body.len());
    let head = format!("POST /mcp HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}");
    send(to, &format!("{head}content-length: {length}\r\n\r\n{body}"))
}

/// The whole answer to a request.
pub(crate) fn request(monitor: &Monitor, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let headers = format!("{ACCEPTS}mcp-protocol-version: 2025-11-25\r\n");
    let answer = post(monitor, &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!((&json["jsonrpc"], &json["id"]), (&json!("2.0"), &json!(7)));
    json
}

/// What a tool answers, structured; that its text says the same, and `isError` the opposite of `success`.
#[track_caller]
pub(crate) fn call(monitor: &Monitor, tool: &str, arguments: Value) -> Value {
    let json = request(monitor, "tools/call", json!({ "name": tool, "arguments": arguments }));
    let result = &json["result"];
    let structured = &result["structuredContent"];
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{json}"));
    assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), structured);
    assert_eq!(result["isError"], !structured["success"].as_bool().unwrap(), "{json}");
    assert!(!structured["next_step"].as_str().unwrap().is_empty(), "{json}");
    structured.clone()
}

/// The answer of a tool that could do it.
#[track_caller]
pub(crate) fn found(monitor: &Monitor, tool: &str, arguments: Value) -> Value {
    let answer = call(monitor, tool, arguments);
    assert_eq!(answer["success"], true, "{answer}");
    answer
}

/// The error of a tool that could not.
#[track_caller]
pub(crate) fn failed(monitor: &Monitor, tool: &str, arguments: Value) -> (String, String) {
    let answer = call(monitor, tool, arguments);
    assert_eq!(answer["success"], false, "{answer}");
    let word = |key: &str| answer[key].as_str().unwrap().to_owned();
    (word("error_type"), word("error"))
}

/// The protocol's error for a call that is none.
#[track_caller]
pub(crate) fn refused(monitor: &Monitor, tool: &str, arguments: Value) -> (i64, String) {
    let json = request(monitor, "tools/call", json!({ "name": tool, "arguments": arguments }));
    let error = &json["error"];
    (
        error["code"].as_i64().unwrap_or_else(|| panic!("{json}")),
        error["message"].as_str().unwrap().to_owned(),
    )
}
