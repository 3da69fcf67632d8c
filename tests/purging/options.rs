//! jemalloc's own purging as the settings want it, and what the health check says of its options.

use crate::common::harness::cases;
use crate::load::{leave_unused, read};
use plimsoll::{Monitor, Setting};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

cases![
    background_threads_are_started_and_reported,
    decay_is_set_for_all_arenas_and_those_to_come,
    what_is_not_asked_for_stays_as_it_is,
    a_variable_that_jemalloc_does_not_read_is_named,
    the_variable_that_it_reads_is_named_too,
    a_refused_value_is_named,
    a_check_of_that_name_is_refused,
    huge_pages_are_seen_below_the_root,
];

fn check(monitor: &Monitor) -> Value {
    let json = serde_json::to_value(monitor.health_check()).unwrap();
    json["checks"]["allocator_options"].clone()
}

fn setting(monitor: &Monitor, name: &str) -> Setting {
    monitor.settings().into_iter().find(|setting| setting.name == name).unwrap()
}

fn background_threads_are_started_and_reported() {
    assert!(!read::<bool>(b"background_thread\0"));
    let monitor = Monitor::builder().background_purge(true).start().unwrap();
    assert!(read::<bool>(b"background_thread\0"));
    assert_eq!(setting(&monitor, "background_purge").value, "on");
    let check = check(&monitor);
    assert_eq!(check["options"]["background_thread"], true);
    assert_eq!(check["options"]["opt.background_thread"], false, "as the process started");
    assert_eq!(check["healthy"], true, "{check}");
    // Then they decide when an arena gives its pages back; a purge takes what there is.
    leave_unused(64 << 20);
    assert!(monitor.purge().unwrap().success);
}

fn decay_is_set_for_all_arenas_and_those_to_come() {
    let decay = Duration::from_millis(2500);
    let monitor = Monitor::builder().dirty_decay(decay).start().unwrap();
    assert_eq!(setting(&monitor, "dirty_decay").value, "2s 500ms");
    let of_thread = || {
        let arena: u32 = read(b"thread.arena\0");
        read::<isize>(format!("arena.{arena}.dirty_decay_ms\0").as_bytes())
    };
    assert_eq!(of_thread(), 2500);
    assert_eq!(std::thread::spawn(of_thread).join().unwrap(), 2500);
    assert_eq!(check(&monitor)["options"]["arenas.dirty_decay_ms"], 2500);
    assert_eq!(check(&monitor)["options"]["opt.dirty_decay_ms"], 10_000);
}

fn what_is_not_asked_for_stays_as_it_is() {
    let monitor = Monitor::builder().start().unwrap();
    assert_eq!(setting(&monitor, "background_purge").value, "left as it is: off");
    assert_eq!(setting(&monitor, "dirty_decay").value, "left as it is: 10s");
    let check = check(&monitor);
    for option in ["opt.narenas", "arenas.narenas", "opt.tcache_max", "opt.thp", "opt.retain"] {
        assert!(!check["options"][option].is_null(), "{option} in {check}");
    }
    for option in ["opt.metadata_thp", "opt.percpu_arena", "arenas.muzzy_decay_ms"] {
        assert!(!check["options"][option].is_null(), "{option} in {check}");
    }
}

fn a_variable_that_jemalloc_does_not_read_is_named() {
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("MALLOC_CONF", "narenas:1") };
    let check = check(&Monitor::builder().start().unwrap());
    let message = check["message"].as_str().unwrap();
    assert_eq!(check["severity"], "warning");
    assert!(
        message.contains(
            "MALLOC_CONF is set and changes nothing: this jemalloc reads _RJEM_MALLOC_CONF"
        ),
        "{message}"
    );
}

/// In a process of its own, since jemalloc reads it when it starts.
fn the_variable_that_it_reads_is_named_too() {
    const VARIABLE: &str = "_RJEM_MALLOC_CONF";
    if std::env::var_os(VARIABLE).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        assert!(again.env(VARIABLE, "narenas:3,dirty_decay_ms:-1").status().unwrap().success());
        return;
    }
    let check = check(&Monitor::builder().start().unwrap());
    assert_eq!(check["options_from"]["environment"], VARIABLE);
    assert_eq!(check["options"]["opt.narenas"], 3);
    assert_eq!(check["options"]["opt.dirty_decay_ms"], -1);
    assert!(
        check["message"].as_str().unwrap().contains("never gives unused pages back"),
        "{check}"
    );
}

fn a_refused_value_is_named() {
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("PLIMSOLL_DIRTY_DECAY", "2days") };
    let error = Monitor::builder().start().unwrap_err().to_string();
    assert_eq!(
        error,
        "environment variable PLIMSOLL_DIRTY_DECAY: dirty_decay of 2days: must be from 0s to 1day"
    );
    assert_eq!(read::<isize>(b"arenas.dirty_decay_ms\0"), 10_000, "nothing was changed");
}

fn a_check_of_that_name_is_refused() {
    let check = || plimsoll::Check::healthy("mine");
    let error = Monitor::builder().check("allocator_options", check).start().unwrap_err();
    assert!(error.to_string().contains("a name of its own"), "{error}");
}

fn huge_pages_are_seen_below_the_root() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("sys/kernel/mm/transparent_hugepage");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("enabled"), "[always] madvise never\n").unwrap();
    let monitor = Monitor::builder().root(root.path()).start().unwrap();
    assert_eq!(check(&monitor)["huge_pages"]["anon_huge_bytes"], Value::Null, "unknown is not 0");
    std::fs::create_dir_all(root.path().join("proc/self")).unwrap();
    std::fs::write(root.path().join("proc/self/smaps_rollup"), "AnonHugePages: 2048 kB\n").unwrap();
    let check = check(&monitor);
    assert_eq!(check["huge_pages"]["system"], "always");
    assert_eq!(check["huge_pages"]["anon_huge_bytes"], 2 << 20);
    assert!(check["message"].as_str().unwrap().contains("may be filled in again"), "{check}");
}
