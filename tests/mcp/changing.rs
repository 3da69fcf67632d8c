//! The tools that change something.

use crate::agent::{call, failed, found, request, served};
use crate::support::{Boxes, MIB, alone, builder, ticks};
use plimsoll::{Ask, Cache, CacheSpec, ShrinkReport};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Boxes that say what they hold.
struct Counted(Boxes);

impl Cache for Counted {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.0.free(ask.bytes).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.0.bytes())
    }
}

#[test]
fn nothing_is_changed_by_those_who_may_not() {
    let _alone = alone();
    let monitor = served(builder(), false);
    let pages = Boxes::filled(64 * MIB);
    monitor.register("pages", Counted(pages.clone())).unwrap();
    ticks(&monitor, 2);
    for (tool, arguments) in [
        ("trigger_eviction", json!({})),
        ("trigger_eviction", json!({ "target_mb": 16, "dry_run": false })),
        ("unload", json!({ "cache": "pages" })),
        ("purge_memory", json!({})),
        ("configure_memory", json!({ "budget": "64MiB" })),
    ] {
        let (kind, error) = failed(&monitor, tool, arguments);
        assert_eq!(kind, "permission_error");
        assert!(error.contains("not allowed"), "{error}");
    }
    let answer = call(&monitor, "unload", json!({ "cache": "pages" }));
    assert!(answer["next_step"].as_str().unwrap().contains("PLIMSOLL_HTTP_ACTIONS=on"));
    assert_eq!((pages.bytes(), monitor.budget_bytes()), (64 * MIB, 256 * MIB));
    assert_eq!(monitor.eviction_statistics().total_evictions, 0);
    // What would be done may be asked by anybody.
    let plan = found(&monitor, "trigger_eviction", json!({ "target_mb": 16, "dry_run": true }));
    assert_eq!((&plan["planned_bytes"], &plan["dry_run"]), (&json!(16 * MIB), &json!(true)));
    let plan = found(&monitor, "unload", json!({ "cache": "pages", "dry_run": true }));
    assert_eq!(plan["would_ask_bytes"], 64 * MIB);
    assert_eq!(pages.bytes(), 64 * MIB);
}

#[test]
fn an_eviction_is_measured() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let pages = Boxes::filled(64 * MIB);
    monitor.register("pages", Counted(pages.clone())).unwrap();
    ticks(&monitor, 2);
    let answer = found(&monitor, "trigger_eviction", json!({ "target_mb": 16 }));
    assert_eq!(answer["reached_target"], true);
    assert_eq!(answer["eviction"]["memory_freed_bytes"], 16 * MIB);
    assert_eq!(answer["eviction"]["evicted"], json!(["pages"]));
    assert_eq!(pages.bytes(), 48 * MIB);
    // More than there is: 256 MiB unless said otherwise.
    let answer = found(&monitor, "trigger_eviction", json!({}));
    assert_eq!(
        (&answer["reached_target"], &answer["eviction"]["target_mb"]),
        (&json!(false), &json!(256.0))
    );
    assert_eq!(pages.bytes(), 0);
    for target in [9, 4097] {
        let (kind, error) = failed(&monitor, "trigger_eviction", json!({ "target_mb": target }));
        assert_eq!(kind, "request_error");
        assert!(error.contains("from 10 to 4096"), "{error}");
    }
}

/// Gives what it is asked for once it is let go.
struct Slow {
    boxes: Boxes,
    asked: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Cache for Slow {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.asked.send(()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        self.boxes.free(ask.bytes).into()
    }
}

#[test]
fn while_a_cache_takes_its_time_others_are_answered() {
    let _alone = alone();
    let builder = builder().hook_timeout(std::time::Duration::from_secs(20));
    let monitor = served(builder, true);
    let ((asked, was_asked), (let_go, go)) = (channel(), channel());
    let slow = Slow { boxes: Boxes::filled(64 * MIB), asked, go: Mutex::new(go) };
    monitor.register("slow", slow).unwrap();
    std::thread::scope(|scope| {
        let evicting =
            scope.spawn(|| found(&monitor, "trigger_eviction", json!({ "target_mb": 16 })));
        was_asked.recv().unwrap();
        for tool in ["get_memory_status", "explain_memory", "memory_health_check"] {
            found(&monitor, tool, json!({}));
        }
        assert!(!evicting.is_finished(), "it has not been let go");
        let_go.send(()).unwrap();
        assert_eq!(evicting.join().unwrap()["reached_target"], true);
    });
}

#[test]
fn one_cache_is_emptied_to_its_floor() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let (pages, rest) = (Boxes::filled(32 * MIB), Boxes::filled(8 * MIB));
    monitor.register(CacheSpec::new("pages").floor(4 * MIB), Counted(pages.clone())).unwrap();
    monitor.register("rest", Counted(rest.clone())).unwrap();
    monitor.register("silent", |_: u64| 0).unwrap();
    ticks(&monitor, 2);
    pages.fill(8 * MIB);
    let answer = found(&monitor, "unload", json!({ "cache": "pages" }));
    assert_eq!(answer["eviction"]["memory_freed_bytes"], 36 * MIB, "what it holds at this moment");
    assert_eq!((pages.bytes(), rest.bytes()), (4 * MIB, 8 * MIB));
    let answer = found(&monitor, "unload", json!({ "cache": "pages" }));
    assert_eq!(answer["would_ask_bytes"], 0);
    let (kind, error) = failed(&monitor, "unload", json!({ "cache": "silent" }));
    assert_eq!(
        (kind.as_str(), error.as_str()),
        ("eviction_error", "cache \"silent\" does not say what it holds")
    );
    let answer = call(&monitor, "unload", json!({ "cache": "silent" }));
    assert!(answer["next_step"].as_str().unwrap().contains("trigger_eviction"));
    let (kind, error) = failed(&monitor, "unload", json!({ "cache": "nothing" }));
    assert_eq!(kind, "eviction_error");
    assert!(error.contains("[pages, rest, silent]"), "{error}");
}

#[test]
fn settings_change_all_or_none_and_say_what_they_were() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let wanted = json!({ "budget": "128MiB", "warning_at": 75 });
    let answer = found(&monitor, "configure_memory", wanted);
    assert_eq!(answer["updated_fields"], json!(["budget", "warning_at"]));
    assert_eq!(answer["old_values"], json!({ "budget": "256.0 MiB", "warning_at": "80" }));
    assert_eq!(answer["new_values"], json!({ "budget": "128.0 MiB", "warning_at": "75" }));
    assert_eq!(monitor.budget_bytes(), 128 * MIB);
    let undone = found(&monitor, "configure_memory", answer["old_values"].clone());
    assert_eq!(undone["new_values"], answer["old_values"], "old_values undo it");
    let wrong = json!({ "budget": "64MiB", "warning_at": 99 });
    let (kind, error) = failed(&monitor, "configure_memory", wrong);
    assert_eq!(kind, "threshold_error", "{error}");
    let (kind, _) = failed(&monitor, "configure_memory", json!({ "budget": "plenty" }));
    assert_eq!((kind.as_str(), monitor.budget_bytes()), ("memory_error", 256 * MIB));
    let (kind, _) = failed(&monitor, "configure_memory", json!({}));
    assert_eq!(kind, "request_error");
}

#[test]
fn every_setting_of_the_schema_can_be_changed_and_no_other() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let list = request(&monitor, "tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().unwrap();
    let tool = tools.iter().find(|tool| tool["name"] == "configure_memory").unwrap();
    let offered: Vec<_> = tool["inputSchema"]["properties"].as_object().unwrap().keys().collect();
    let can_change = |name: &str| {
        // A value that makes no sense is refused for what it is, a name that cannot be changed for itself.
        let error = monitor.configure([(name, "?")]).unwrap_err().to_string();
        !error.contains("one that can be changed")
    };
    let settings = monitor.settings();
    let changeable: Vec<_> =
        settings.iter().map(|s| s.name).filter(|name| can_change(name)).collect();
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    assert_eq!(
        sorted(offered.into_iter().cloned().collect()),
        sorted(changeable.into_iter().map(str::to_owned).collect())
    );
}

#[test]
fn a_purge_says_what_it_gave_back() {
    let _alone = alone();
    let monitor = served(builder(), true);
    drop(vec![1u8; 64 << 20]);
    let answer = found(&monitor, "purge_memory", json!({}));
    assert_eq!(answer["purge"]["success"], true);
    assert!(
        answer["purge"]["purged_bytes"].is_u64() && answer["purge"]["dirty_before_bytes"].is_u64()
    );
    assert_ne!(answer["next_step"], Value::Null);
}

#[test]
fn a_monitor_that_was_stopped_takes_its_server_with_it() {
    let _alone = alone();
    let monitor = served(builder(), true);
    let to = crate::client::address(&monitor);
    found(&monitor, "get_memory_status", json!({}));
    monitor.stop();
    assert!(std::net::TcpStream::connect(to).is_err());
}
