//! "Why is memory growing?", from one call, while it really grows.

use crate::agent::{found, served};
use crate::support::{Boxes, MIB, alone, builder, eventually, ticks};
use plimsoll::{Ask, Cache, Monitor, ShrinkReport};
use serde_json::{Value, json};
use std::time::Duration;

struct Counted(Boxes);

impl Cache for Counted {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.0.free(ask.bytes).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.0.bytes())
    }
}

/// Grows by `grow` until the explanation says `kind`, and that in its verdict: what caches hold is known a little later.
fn explained(monitor: &Monitor, kind: &str, said: &str, mut grow: impl FnMut()) -> Value {
    eventually(kind, || {
        (0..20).for_each(|_| {
            grow();
            std::thread::sleep(Duration::from_millis(10));
        });
        let answer = found(monitor, "explain_memory", json!({}));
        let is_it = answer["growth"]["kind"] == kind && verdict(&answer).contains(said);
        is_it.then_some(answer)
    })
}

fn verdict(answer: &Value) -> String {
    answer["verdict"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

fn tools(answer: &Value) -> Vec<&str> {
    answer["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["tool"].as_str())
        .collect()
}

#[test]
fn a_leak_is_objects_of_a_size_that_no_cache_accounts_for() {
    let _alone = alone();
    // Before the monitor's first look: its own room is none of the leak.
    let mut leaked: Vec<Box<[u8]>> = Vec::with_capacity(1_000_000);
    let monitor = served(builder(), false);
    ticks(&monitor, 1);
    let said = "no registered cache accounts for";
    let answer = explained(&monitor, "objects", said, || {
        leaked.extend((0..100).map(|_| vec![0; 2000].into_boxed_slice()));
    });
    let each = answer["growth"]["bytes_per_object"].as_f64().unwrap();
    assert!((each - 2000.0).abs() < 100.0, "{each}");
    let growth = &answer["growth"]["usage_bytes_per_sec"];
    let rate = |bound: &str| growth[bound].as_f64().unwrap();
    assert!(
        rate("at_least") > 0.0
            && rate("at_least") <= rate("likely")
            && rate("likely") <= rate("at_most")
    );
    let leaked_bytes = (leaked.len() * 2000) as i64;
    // Largest first; what the tests before it left in unused pages may go at the same time.
    let lines = answer["changes"]["lines"].as_array().unwrap();
    let live = lines.iter().find(|line| line["name"] == "live").unwrap();
    let change = live["change_bytes"].as_i64().unwrap();
    assert!((change - leaked_bytes).abs() < MIB as i64, "{change} {leaked_bytes}");
    let rest = answer["unexplained"]["change_bytes"].as_i64().unwrap();
    assert!((rest - leaked_bytes).abs() < MIB as i64, "{rest} {leaked_bytes}");
    let verdict = verdict(&answer);
    assert!(verdict.contains("objects grow in number"), "{verdict}");
    assert!(verdict.contains("the budget is full in"), "{verdict}");
    let steps = answer["next_steps"].as_array().unwrap();
    let find = |step: &Value| step["what"].as_str().unwrap().starts_with("find who keeps");
    assert!(steps.iter().any(find), "{answer}");
    assert_eq!(answer["next_step"], answer["next_steps"][0]["what"]);
}

#[test]
fn a_cache_that_fills_is_named() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let (pages, still) = (Boxes::default(), Boxes::filled(4 * MIB));
    monitor.register("pages", Counted(pages.clone())).unwrap();
    monitor.register("still", Counted(still)).unwrap();
    let said = "cache pages says it took";
    let answer = explained(&monitor, "objects", said, || pages.fill(128 * 1024));
    assert_eq!(answer["changes"]["caches"][0]["name"], "pages");
    let steps = answer["next_steps"].as_array().unwrap();
    let unload =
        steps.iter().find(|step| step["tool"] == "unload").unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(unload["arguments"], json!({ "cache": "pages" }));
    assert_eq!(unload["setting"], "PLIMSOLL_HTTP_ACTIONS", "it is not allowed here");
}

#[test]
fn a_buffer_that_grows_is_no_leak_of_objects() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let mut buffer: Vec<u8> = Vec::new();
    let answer = explained(&monitor, "buffers", "grow in size", || {
        buffer.reserve_exact(200_000);
        buffer.resize(buffer.len() + 200_000, 1);
    });
    assert_eq!(answer["growth"]["bytes_per_object"], Value::Null);
}

#[test]
fn a_cache_that_claims_what_it_does_not_free_is_doubted() {
    let _alone = alone();
    let monitor = served(builder(), true);
    monitor.register("liar", |bytes: u64| bytes).unwrap();
    found(&monitor, "trigger_eviction", json!({ "target_mb": 16 }));
    let answer = found(&monitor, "explain_memory", json!({}));
    let doubt = &answer["doubts"][0];
    assert_eq!(
        (&doubt["cache"], &doubt["kind"]),
        (&json!("liar"), &json!("claims_more_than_it_frees"))
    );
    // Others of the process may free a few bytes meanwhile.
    assert!(doubt["measured_bytes"].as_u64().unwrap() < MIB / 16, "{doubt}");
    assert!(doubt["said_bytes"].as_u64().unwrap() >= 16 * MIB);
    let happenings = answer["happenings"].as_array().unwrap();
    let evicted = happenings.iter().find(|it| it["event_type"] == "eviction_completed").unwrap();
    assert!(evicted["words"].as_str().unwrap().contains("[liar]"), "{answer}");
}

#[test]
fn before_anything_is_known_it_says_so() {
    let _alone = alone();
    let monitor = served(builder().interval(Duration::from_secs(3600)), false);
    let answer = found(&monitor, "explain_memory", json!({}));
    assert_eq!(answer["growth"]["kind"], "unknown");
    assert_eq!(answer["growth"]["usage_bytes_per_sec"], Value::Null);
    assert!(verdict(&answer).contains("not known yet"), "{answer}");
    assert!(tools(&answer).contains(&"explain_memory"), "{answer}");
}
