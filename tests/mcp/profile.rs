//! `get_heap_profile`: the functions that hold most, and those that grow.

use crate::agent::{failed, found, refused, served};
use crate::support::{alone, builder};
use plimsoll::{HeapProfiler, Sampling};
use serde_json::{Value, json};

/// Holds 16 MiB, from a function of that name.
#[inline(never)]
fn hold_sessions() -> Vec<Vec<u8>> {
    (0..256).map(|_| vec![1; 64 << 10]).collect()
}

fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    let entries = list.as_array().unwrap_or_else(|| panic!("{list}"));
    let found = entries.iter().find(|site| site["function"].as_str().unwrap().contains(name));
    found.unwrap_or_else(|| panic!("no {name}: {list:#}"))
}

#[test]
fn what_grew_since_an_earlier_answer_is_named() {
    let _alone = alone();
    let monitor = served(builder().heap_profile(Sampling::every(16 << 10)), false);
    let first = hold_sessions();
    let before = found(&monitor, "get_heap_profile", json!({ "limit": 5 }));
    assert!(before["growth"].is_null());
    assert!(before["sites"].as_array().unwrap().len() <= 5);
    assert!(entry(&before["sites"], "hold_sessions")["live_bytes"]["high"].as_f64() >= Some(16e6));
    let function = entry(&before["functions"], "hold_sessions");
    assert!(function["sites"].as_u64() >= Some(1) && function["largest_site"].is_string());
    assert!(function["live_bytes"]["high"].as_f64() >= Some(16e6), "{function}");
    let second = hold_sessions();
    let arguments = json!({ "since": before["profile_id"] });
    let after = found(&monitor, "get_heap_profile", arguments);
    HeapProfiler::stop();
    let site = entry(&after["growth"]["sites"], "hold_sessions");
    let grown = entry(&after["growth"]["functions"], "hold_sessions");
    assert!(grown["bytes"].as_f64() >= site["bytes"].as_f64(), "{grown} {site}");
    assert_eq!(grown["beyond_doubt"], true, "{grown}");
    let (bytes, error) =
        (grown["bytes"].as_f64().unwrap(), grown["standard_error"].as_f64().unwrap());
    assert!((bytes - 16_777_216.0).abs() < 5.0 * error, "{grown}");
    assert!(after.to_string().len() < 14_000, "{} bytes", after.to_string().len());
    drop((first, second));
}

#[test]
fn an_answer_that_is_no_longer_kept_is_named() {
    let _alone = alone();
    let monitor = served(builder().heap_profile(Sampling::every(1 << 20)), false);
    for _ in 0..5 {
        found(&monitor, "get_heap_profile", json!({ "limit": 1 }));
    }
    let (kind, error) = failed(&monitor, "get_heap_profile", json!({ "since": 1 }));
    assert_eq!(kind, "request_error");
    assert!(error.contains("since of 1") && error.contains("2, 3, 4, 5"), "{error}");
    let (_, error) = failed(&monitor, "get_heap_profile", json!({ "limit": 51 }));
    assert!(error.contains("limit of 51: must be from 1 to 50"), "{error}");
    let (code, message) = refused(&monitor, "get_heap_profile", json!({ "since": "first" }));
    assert!(code == -32602 && message.contains("since"), "{message}");
    HeapProfiler::stop();
}
