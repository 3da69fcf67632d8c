//! Following a process: its statuses, its events, its death and its return.

use crate::child::Served;
use crate::command::{Lines, end, program, run as run_program};
use crate::support::ballast;
use crate::target::Target;
use serde_json::Value;
use std::io::{BufRead, BufReader};

#[test]
fn it_ends_by_itself_after_so_many_lines_or_so_long() {
    let target = Target::start();
    let lines = target.run(&["watch", "--count", "2"]).well().out;
    assert_eq!(lines.lines().filter(|line| line.contains("used")).count(), 2, "{lines}");
    let lines = target.run(&["watch", "--json", "--for", "3s"]).well().json_lines();
    let statuses = lines.iter().filter(|line| line["kind"] == "status");
    assert!((1..=3).contains(&statuses.count()), "{lines:?}");
    let told = target.run(&["watch", "--count", "0"]).complaint();
    assert!(told.contains('0'), "{told}");
}

#[test]
fn a_change_of_level_is_seen_as_an_event_and_in_the_status() {
    let target = Target::start();
    let mut child = program(target.home(), &["watch", &target.url(), "--json"]).spawn().unwrap();
    let lines = Lines::of(&mut child);
    lines.find(|line| line["kind"] == "status" && line["data"]["level"] == "healthy");
    let _full = ballast(95.0);
    let event =
        lines.find(|line| line["kind"] == "event" && line["data"]["event_type"] == "level_changed");
    assert!(event["data"]["to"] != "healthy", "{event}");
    lines.find(|line| line["kind"] == "status" && line["data"]["level"] == "warning");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn whoever_reads_it_may_go() {
    let target = Target::start();
    let mut child = program(target.home(), &["watch", &target.url()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    let run = end(child);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "quietly");
}

#[test]
fn it_goes_on_when_the_process_comes_back_and_misses_no_event() {
    let home = tempfile::tempdir().unwrap();
    let acting = [("PLIMSOLL_SOCKET", "on"), ("PLIMSOLL_HTTP_ACTIONS", "on")];
    let served = Served::with(home.path(), &acting);
    let mut child = program(home.path(), &["watch", "--json"]).spawn().unwrap();
    let lines = Lines::of(&mut child);
    let run = |line: &Value| line["data"]["process"]["run"].clone();
    let before = run(&lines.find(|line| line["kind"] == "status"));
    // The other run's numbers begin anew, below what was heard of this one.
    run_program(home.path(), &["configure", "warning_at=75"]).well();
    let heard = lines.find(|line| line["kind"] == "event");
    assert!(heard["data"]["sequence"].as_u64().unwrap() > 0, "{heard}");
    served.kill();
    assert!(lines.find(|line| line["kind"] == "lost")["error"].is_string());
    let _again = Served::start(home.path());
    let restarted = lines.find(|line| line["kind"] != "lost");
    assert_eq!(restarted["kind"], "restarted");
    assert_ne!(restarted["run"], before);
    let first = lines.find(|line| line["kind"] == "event");
    assert_eq!(first["data"]["event_type"], "monitor_started");
    assert_eq!(run(&lines.find(|line| line["kind"] == "status")), restarted["run"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_that_was_never_there_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let told = end(program(home.path(), &["watch", "--for", "20s"]).spawn().unwrap()).complaint();
    assert!(told.contains("PLIMSOLL_SOCKET=on"), "{told}");
}

#[test]
fn a_stopped_monitor_is_told_in_words() {
    let target = Target::start();
    let mut child = program(target.home(), &["watch", &target.url()]).spawn().unwrap();
    let lines = Lines::of(&mut child);
    assert!(lines.next().unwrap().contains("healthy"));
    target.monitor.stop();
    let mut told = std::iter::from_fn(|| lines.next()).filter(|line| line.starts_with("-- "));
    assert!(told.next().expect("a word of it").contains("waiting for it to come back"));
    drop(told);
    child.kill().unwrap();
    child.wait().unwrap();
}
