//! The bridge from stdin and stdout to `/mcp`: what goes in, what comes out, and that nothing else does.

use crate::command::{end, plimsoll, program, with_input};
use crate::fixture::{Fixture, json, typed};
use serde_json::{Value, json as value};
use std::path::Path;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"two","method":"tools/call","params":{"name":"explain_memory","arguments":{}}}"#;

fn bridge(url: &str, lines: &[&str]) -> crate::command::Run {
    with_input(
        program(Path::new("/nowhere"), &["mcp", "--attach", url]),
        &(lines.join("\n") + "\n"),
    )
}

fn initialized() -> String {
    json(r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}"#)
}

#[test]
fn a_line_in_is_a_post_and_its_answer_a_line_out() {
    let server = Fixture::start([("/mcp", initialized())]);
    let run = bridge(&server.url(), &[INITIALIZE, "", INITIALIZED, CALL]).well();
    // The fixture answers everything alike; that is enough to see what it was asked.
    assert_eq!(run.json_lines()[0]["result"]["protocolVersion"], "2025-06-18");
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 3, "{asked:?}");
    for (post, line) in asked.iter().zip([INITIALIZE]) {
        assert!(post.starts_with("POST /mcp HTTP/1.1\r\n") && post.ends_with(line), "{post}");
    }
    for post in asked.iter() {
        assert!(post.contains("content-type: application/json\r\n"), "{post}");
        assert!(post.contains("accept: application/json, text/event-stream\r\n"), "{post}");
    }
    assert!(!asked[0].contains("mcp-protocol-version"), "it is not settled yet");
    assert!(asked[1..].iter().all(|post| post.contains("mcp-protocol-version: 2025-06-18\r\n")));
    let call = asked.iter().find(|post| post.contains("tools/call")).unwrap();
    assert!(call.contains("mcp-name: explain_memory\r\n"), "{call}");
}

#[test]
fn a_notification_has_no_answer_and_a_stream_has_one_a_message() {
    let accepted = Fixture::start([("/mcp", typed("202 Accepted", "text/plain", ""))]);
    assert_eq!(bridge(&accepted.url(), &[INITIALIZED]).well().out, "");
    let events = "event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"notifications/progress\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"two\",\"result\":{}}\n\n";
    let stream = Fixture::start([("/mcp", typed("200 OK", "text/event-stream", events))]);
    let lines = bridge(&stream.url(), &[CALL]).well().json_lines();
    assert_eq!((lines.len(), &lines[1]["id"]), (2, &value!("two")));
}

#[test]
fn what_goes_wrong_is_an_answer_with_the_requests_id() {
    let server = Fixture::start([("/other", initialized())]);
    let error = |run: crate::command::Run| run.json_lines()[0].clone();
    let no_mcp = error(bridge(&server.url(), &[CALL]).well());
    assert_eq!((&no_mcp["id"], &no_mcp["error"]["code"]), (&value!("two"), &value!(-32000)));
    assert!(no_mcp["error"]["message"].as_str().unwrap().contains("feature `mcp`"), "{no_mcp}");
    let no_json = error(bridge(&server.url(), &["{not json"]).well());
    assert_eq!((&no_json["id"], &no_json["error"]["code"]), (&Value::Null, &value!(-32700)));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreached = bridge(&free.to_string(), &[CALL, INITIALIZED]);
    assert_eq!((unreached.code, unreached.out.lines().count()), (0, 1), "{unreached:?}");
    assert!(error(unreached)["error"]["message"].as_str().unwrap().contains("cannot be reached"));
    let refusal =
        r#"{"jsonrpc":"2.0","id":"two","error":{"code":-32602,"message":"no such tool"}}"#;
    let refusing =
        Fixture::start([("/mcp", typed("400 Bad Request", "application/json", refusal))]);
    assert_eq!(
        error(bridge(&refusing.url(), &[CALL]).well())["error"]["code"],
        -32602,
        "as it came"
    );
}

#[test]
fn a_target_that_makes_no_sense_ends_it_and_stdout_stays_empty() {
    assert!(plimsoll(&["mcp", "--attach", "nobody"]).complaint().contains("host:port"));
}

/// A host that sends several at once, as a former version of the protocol had it, would wait for ever.
#[test]
fn what_is_no_message_is_answered_and_not_sent() {
    let server = Fixture::start([("/mcp", initialized())]);
    let batch = format!("[{CALL},{CALL}]");
    let answers = bridge(&server.url(), &[&batch, "7", r#""x""#, "null"]).well().json_lines();
    assert_eq!(answers.len(), 4, "{answers:?}");
    for answer in &answers {
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &value!(-32600)));
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn a_stream_of_empty_lines_does_not_hold_it_up() {
    let body =
        "\n".repeat(4 << 20) + "data: {\"jsonrpc\":\"2.0\",\"id\":\"two\",\"result\":{}}\n\n";
    let stream = Fixture::start([("/mcp", typed("200 OK", "text/event-stream", &body))]);
    assert_eq!(bridge(&stream.url(), &[CALL]).well().json_lines()[0]["id"], "two");
}

#[test]
fn it_ends_with_its_input() {
    let server = Fixture::start([("/mcp", initialized())]);
    let child =
        program(Path::new("/nowhere"), &["mcp", "--attach", &server.url()]).spawn().unwrap();
    assert_eq!(end(child).well().out, "");
}
