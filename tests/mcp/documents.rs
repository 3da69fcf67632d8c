//! Resources and prompts.

use crate::agent::{request, served};
use crate::support::{alone, builder, ticks};
use plimsoll::Snapshot;
use serde_json::{Value, json};

#[test]
fn the_snapshot_and_the_ledger_can_be_read() {
    let _alone = alone();
    let monitor = served(builder(), false);
    ticks(&monitor, 2);
    let list = request(&monitor, "resources/list", json!({}));
    let uris: Vec<_> =
        list["result"]["resources"].as_array().unwrap().iter().map(|r| &r["uri"]).collect();
    assert_eq!(uris, ["plimsoll://snapshot/latest", "plimsoll://ledger"]);
    let read = |uri: &str| request(&monitor, "resources/read", json!({ "uri": uri }));
    let snapshot = read("plimsoll://snapshot/latest");
    let text = snapshot["result"]["contents"][0]["text"].as_str().unwrap();
    let snapshot: Snapshot = serde_json::from_str(text).unwrap();
    assert!(snapshot.live_bytes().is_some());
    let ledger = read("plimsoll://ledger");
    let contents = &ledger["result"]["contents"];
    assert!(contents[0]["text"].as_str().unwrap().contains("= rss"), "{contents}");
    let json: Value = serde_json::from_str(contents[1]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&json["lines"][0]["name"], &contents[1]["mimeType"]),
        (&json!("live"), &json!("application/json"))
    );
    assert_eq!(read("plimsoll://heap")["error"]["code"], -32002);
}

#[test]
fn the_prompt_asks_why() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let list = request(&monitor, "prompts/list", json!({}));
    let name = list["result"]["prompts"][0]["name"].clone();
    let prompt = request(&monitor, "prompts/get", json!({ "name": name }));
    let text = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("explain_memory"), "{text}");
    let unknown = request(&monitor, "prompts/get", json!({ "name": "poem" }));
    assert_eq!(unknown["error"]["code"], -32602);
}
