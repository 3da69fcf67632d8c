//! The heap profile over HTTP: a real one of this very process.

use super::client::{address, ask, connect, get, post, served};
use super::support::{MIB, alone, builder, eventually};
use plimsoll::{HeapProfiler, Monitor, Sampling};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// So that what a test allocates is surely sampled.
const MEAN: u64 = 16 << 10;

/// Holds 8 MiB, from a function of that name.
#[inline(never)]
fn hold_pages() -> Vec<Vec<u8>> {
    (0..128).map(|_| vec![1; 64 << 10]).collect()
}

fn sampled() -> Monitor {
    served(builder().heap_profile(Sampling::every(MEAN)).http_actions(true))
}

fn site<'a>(top: &'a Value, name: &str) -> &'a Value {
    let sites = top["sites"].as_array().unwrap();
    let found = sites.iter().find(|site| site["name"].as_str().unwrap().contains(name));
    found.unwrap_or_else(|| panic!("no site {name}: {top:#}"))
}

#[test]
fn the_largest_sites_are_named_with_what_they_hold() {
    let _alone = alone();
    let monitor = sampled();
    let held = hold_pages();
    let top = get(address(&monitor), "/api/v1/profile?limit=5").json();
    HeapProfiler::stop();
    assert_eq!((&top["mean_bytes"], &top["has_symbols"]), (&json!(MEAN), &json!(true)));
    let site = site(&top, "hold_pages");
    assert_estimates(&site["live_bytes"], 8 * MIB);
    assert!(!site["stack"].to_string().contains("core::iter"), "{site:#}");
    assert!(top["sites"].as_array().unwrap().len() <= 5);
    drop(held);
}

/// Six standard errors: an interval of 95 % would miss it now and then, by chance.
fn assert_estimates(live: &Value, truth: u64) {
    let [value, error, low, high] =
        ["value", "standard_error", "low", "high"].map(|name| live[name].as_f64().unwrap());
    assert!(low < value && value < high && high - low > 3.0 * error, "{live:#}");
    assert!(error > 0.0 && error < truth as f64 / 8.0, "{live:#}");
    assert!((value - truth as f64).abs() < 6.0 * error, "{live:#}");
}

/// The answer's head and its bytes.
fn bytes(to: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let mut stream = connect(to);
    let question = format!("GET {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

#[test]
fn pprof_gets_a_compressed_profile_and_browsers_a_picture() {
    let _alone = alone();
    let monitor = sampled();
    let held = hold_pages();
    let to = address(&monitor);
    let (head, body) = bytes(to, "/debug/pprof/heap");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("octet-stream"), "{head}");
    assert_eq!(body[..2], [0x1f, 0x8b], "gzip");
    let picture = get(to, "/debug/flamegraph");
    HeapProfiler::stop();
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    let policy = picture.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
    assert!(picture.body.contains("hold_pages: "), "{}", picture.body);
    let stacks = get(to, "/debug/collapsed").body;
    assert!(stacks.lines().any(|line| line.contains("hold_pages")), "{stacks}");
    let bare = get(to, "/debug/collapsed?symbols=off").body;
    assert!(!bare.contains("hold_pages") && bare.contains("+0x"), "{bare}");
    drop(held);
}

#[test]
fn what_changes_in_a_while_is_told_after_it() {
    let _alone = alone();
    let monitor = sampled();
    let before = hold_pages();
    let to = address(&monitor);
    let asked = std::thread::spawn(move || get(to, "/api/v1/profile?seconds=3").json());
    // By then the first of the two has been read.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let new: Vec<Vec<u8>> = (0..64).map(|_| vec![2; 64 << 10]).collect();
    let change = asked.join().unwrap();
    HeapProfiler::stop();
    let grown = site(&change, "what_changes_in_a_while");
    assert_estimates(&grown["live_bytes"], 4 * MIB);
    drop((before, new));
}

#[test]
fn it_is_started_and_stopped_by_those_who_may() {
    let _alone = alone();
    let monitor = sampled();
    let to = address(&monitor);
    let stopped = post(to, "/api/v1/profile", r#"{"action": "stop"}"#).json();
    assert_eq!(stopped, json!({"is_running": false, "heap_profile": "off"}));
    assert!(!HeapProfiler::is_running());
    let body = r#"{"action": "start", "mean_bytes": 65536, "by_thread": true}"#;
    let started = post(to, "/api/v1/profile", body).json();
    assert_eq!(started, json!({"is_running": true, "heap_profile": "64.0 KiB by_thread"}));
    let (held, top) = (hold_pages(), get(to, "/api/v1/profile").json());
    assert!(site(&top, "hold_pages")["thread"].is_string(), "{top:#}");
    monitor.configure([("heap_profile", "off")]).unwrap();
    assert!(!HeapProfiler::is_running());
    drop((held, monitor));
    let monitor = served(builder());
    let refused = post(address(&monitor), "/api/v1/profile", r#"{"action": "start"}"#);
    assert_eq!(refused.status, 403);
    assert!(!HeapProfiler::is_running());
}

#[test]
fn questions_that_make_no_sense_are_told_what_would() {
    let _alone = alone();
    let monitor = sampled();
    let to = address(&monitor);
    for (path, named) in [
        ("/debug/pprof/heap?seconds=0", "seconds of 0: must be from 1 to 60"),
        ("/debug/pprof/heap?seconds=3600", "seconds of 3600"),
        ("/debug/flamegraph?limit=5", "limit"),
        ("/debug/flamegraph?colour=red", "colour"),
        ("/api/v1/profile?limit=0", "limit of 0: must be from 1 to 1000"),
        ("/api/v1/profile?symbols=perhaps", "perhaps"),
    ] {
        let answer = get(to, path);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 400 && error.contains(named), "{path}: {answer:?}");
    }
    for (body, status) in [
        (r#"{"action": "reset"}"#, 422),
        (r#"{"action": "stop", "mean_bytes": 5}"#, 422),
        (r#"{"action": "start", "mean_bytes": 0}"#, 422),
        ("{}", 422),
    ] {
        assert_eq!(post(to, "/api/v1/profile", body).status, status, "{body}");
    }
    HeapProfiler::stop();
    assert_eq!(ask(to, "/debug/flamegraph", "origin: http://evil.example\r\n").status, 403);
}

/// Asks for one profile of two seconds after the other until it is over, and one was made: want of room is all that may be in
/// the way.
fn goes_on_asking(to: SocketAddr, over: &AtomicBool) {
    let mut made = 0;
    while made == 0 || !over.load(Ordering::Relaxed) {
        let (head, _) = bytes(to, "/debug/pprof/heap?seconds=2&symbols=off");
        made += u32::from(head.starts_with("HTTP/1.1 200"));
        assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 503"), "{head}");
    }
}

#[test]
fn no_more_are_made_at_a_time_than_there_is_room_for() {
    let _alone = alone();
    let monitor = sampled();
    let to = address(&monitor);
    let over = Arc::new(AtomicBool::new(false));
    let asking = [(); 4].map(|()| {
        let over = over.clone();
        std::thread::spawn(move || goes_on_asking(to, &over))
    });
    let busy = eventually("no room", || {
        std::thread::sleep(Duration::from_millis(20));
        Some(get(to, "/api/v1/profile?symbols=off")).filter(|answer| answer.status == 503)
    });
    assert_eq!(busy.header("retry-after"), Some("5"));
    assert_eq!(get(to, "/livez").status, 200, "and nobody else waits");
    over.store(true, Ordering::Relaxed);
    asking.into_iter().for_each(|asking| asking.join().unwrap());
    HeapProfiler::stop();
}
