//! Following a process: its statuses, its events, its death and its return.

use crate::child::Served;
use crate::command::{end, program};
use crate::support::{ballast, eventually};
use crate::target::Target;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Child;

/// The next line of a program that still runs.
struct Lines(std::io::Lines<BufReader<std::process::ChildStdout>>);

impl Lines {
    fn of(child: &mut Child) -> Self {
        Lines(BufReader::new(child.stdout.take().unwrap()).lines())
    }

    /// Reads on to the first that is as wanted.
    #[track_caller]
    fn find(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let json =
            |line: String| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let mut lines = (&mut self.0).map(|line| json(line.unwrap()));
        lines.find(is_wanted).expect("it ended before that")
    }
}

#[test]
fn it_ends_by_itself_after_so_many_lines_or_so_long() {
    let target = Target::start();
    let lines = target.run(&["watch", "--count", "2"]).well().out;
    assert_eq!(lines.lines().filter(|line| line.contains("used")).count(), 2, "{lines}");
    let lines = target.run(&["watch", "--json", "--for", "1500ms"]).well().json_lines();
    let statuses = lines.iter().filter(|line| line["kind"] == "status");
    assert!((1..=2).contains(&statuses.count()), "{lines:?}");
    let told = target.run(&["watch", "--count", "0"]).complaint();
    assert!(told.contains('0'), "{told}");
}

#[test]
fn a_change_of_level_is_seen_as_an_event_and_in_the_status() {
    let target = Target::start();
    let mut child = program(target.home(), &["watch", &target.url(), "--json"]).spawn().unwrap();
    let mut lines = Lines::of(&mut child);
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
    let mut lines = Lines::of(&mut child);
    lines.0.next().unwrap().unwrap();
    drop(lines);
    let run = end(child);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "quietly");
}

#[test]
fn it_goes_on_when_the_process_comes_back_and_misses_no_event() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(home.path());
    let mut child = program(home.path(), &["watch", "--json"]).spawn().unwrap();
    let mut lines = Lines::of(&mut child);
    let run = |line: &Value| line["data"]["process"]["run"].clone();
    let before = run(&lines.find(|line| line["kind"] == "status"));
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
    let mut child =
        program(target.home(), &["watch", &target.url(), "--for", "5s"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("healthy"));
    target.monitor.stop();
    let told = lines.map(|line| line.unwrap()).find(|line| line.starts_with("-- "));
    assert!(told.expect("a word of it").contains("waiting for it to come back"));
    eventually("its end", || child.try_wait().unwrap());
}
