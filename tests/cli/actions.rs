//! What changes something: refused unless allowed, measured when done.

use crate::blocks::Blocks;
use crate::support::MIB;
use crate::target::Target;

fn acting() -> Target {
    Target::with(|builder| builder.http_actions(true))
}

#[test]
fn nothing_is_changed_that_was_not_allowed() {
    let target = Target::start();
    for arguments in [&["evict", "1MiB"][..], &["purge"], &["configure", "warning_at=75"]] {
        let told = target.run(arguments).complaint();
        assert!(told.contains("403") && told.contains("PLIMSOLL_HTTP_ACTIONS"), "{told}");
    }
    // A plan asks nobody, and so needs no leave.
    target.run(&["evict", "1MiB", "--dry-run"]).well();
}

#[test]
fn an_eviction_is_planned_then_done_and_measured() {
    let target = acting();
    let (held, _handle) = Blocks::register(&target, "blocks", 8);
    let (other, _other) = Blocks::register(&target, "others", 8);
    let plan =
        target.run(&["evict", "4MiB", "--dry-run", "--cache", "blocks", "--json"]).well().json();
    assert!(plan["asks"].as_array().unwrap().iter().all(|ask| ask["cache"] == "blocks"), "{plan}");
    assert_eq!(held.count(), 8, "nobody was asked");
    let run = target.run(&["evict", "4MiB", "--cache", "blocks"]).well();
    assert!(run.out.contains("asked: blocks"), "{}", run.out);
    let left = held.count();
    assert!(left <= 4 && other.count() == 8, "{left} are left");
    let result = target.run(&["evict", "2MiB", "--cache", "blocks", "--json"]).well().json();
    assert!(result["memory_freed_bytes"].as_u64().unwrap() >= 2 * MIB, "{result}");
}

/// Asked alone, a cache is asked for all of it, whatever a plan for all would leave to it.
#[test]
fn a_dry_run_says_what_the_one_cache_would_be_asked_for() {
    let target = Target::start();
    let (_held, _handle) = Blocks::register(&target, "blocks", 8);
    let (_other, _other_handle) = Blocks::register(&target, "others", 8);
    for (cache, size, planned) in
        [("blocks", "4MiB", 4), ("others", "4MiB", 4), ("blocks", "64MiB", 8)]
    {
        let run = target.run(&["evict", size, "--dry-run", "--cache", cache, "--json"]);
        let plan = run.well().json();
        assert_eq!(plan["planned_bytes"], planned * MIB, "{cache} {size}: {plan}");
        assert_eq!(plan["asks"][0]["cache"], cache);
    }
    let told = target.run(&["evict", "1MiB", "--dry-run", "--cache", "nope"]).complaint();
    assert!(told.contains("\"nope\"") && told.contains("blocks"), "{told}");
}

#[test]
fn an_eviction_of_too_little_is_exit_code_1() {
    let target = acting();
    let (_held, _handle) = Blocks::register(&target, "blocks", 8);
    let run = target.run(&["evict", "64MiB"]);
    assert_eq!(run.code, 1, "{run:?}");
    let told = target.run(&["evict", "1MiB", "--cache", "nope"]).complaint();
    assert!(told.contains("\"nope\"") && told.contains("blocks"), "{told}");
    for size in ["0", "-1MiB", "much"] {
        assert_eq!(target.run(&["evict", size]).code, 3, "{size}");
    }
}

#[test]
fn a_purge_says_what_it_gave_back() {
    let target = acting();
    drop(std::hint::black_box(vec![1_u8; 32 << 20]));
    let run = target.run(&["purge"]);
    let is_jemalloc = cfg!(feature = "jemalloc");
    assert_eq!(run.code == 0 && run.out.starts_with("gave back"), is_jemalloc, "{run:?}");
}

#[test]
fn settings_change_and_say_what_they_were() {
    let target = acting();
    let run = target.run(&["configure", "warning_at=75", "budget=128MiB"]).well();
    assert!(run.out.contains("warning_at") && run.out.contains("->  75"), "{}", run.out);
    assert_eq!(target.monitor.budget_bytes(), 128 * MIB);
    let again = target.run(&["configure", "warning_at=75", "--json"]).well().json();
    assert_eq!(again["updated_fields"].as_array().unwrap().len(), 0);
    let told = target.run(&["configure", "ring=5"]).complaint();
    assert!(told.contains("\"ring\"") && told.contains("warning_at"), "{told}");
    let told = target.run(&["configure", "warning_at"]).complaint();
    assert!(told.contains("--attach"), "{told}");
}
