//! Processes that are found by their sockets: by id, as the only one, among several, and what is left of dead ones.

use crate::child::Served;
use crate::command::{finish, program, run};
use crate::support::eventually;
use serde_json::Value;
use std::os::unix::net::UnixListener;
use std::path::Path;

fn listed(home: &Path) -> Vec<Value> {
    run(home, &["list", "--json"]).well().json().as_array().unwrap().clone()
}

#[test]
fn the_only_process_needs_no_name_and_any_is_found_by_its_id() {
    let home = tempfile::tempdir().unwrap();
    let none = run(home.path(), &["list"]).well().out;
    assert!(none.contains("PLIMSOLL_SOCKET=on"), "{none}");
    let served = Served::start(home.path());
    let pid: u64 = served.pid().parse().unwrap();
    for arguments in [&["status", "--json"][..], &["status", "--json", &served.pid()]] {
        assert_eq!(run(home.path(), arguments).well().json()["process"]["pid"], pid);
    }
    let list = listed(home.path());
    assert_eq!(
        (list.len(), &list[0]["level"], &list[0]["stale"]),
        (1, &"healthy".into(), &false.into())
    );
    assert!(run(home.path(), &["list"]).well().out.contains(&served.pid()));
}

#[test]
fn of_several_none_is_guessed() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Served::start(home.path()), Served::start(home.path()));
    assert_eq!(listed(home.path()).len(), 2);
    let told = run(home.path(), &["status"]).complaint();
    assert!(told.contains(&one.pid()) && told.contains(&two.pid()), "{told}");
    let status = run(home.path(), &["status", "--json", &two.pid()]).well().json();
    assert_eq!(status["process"]["pid"].to_string(), two.pid());
    let mut command = program(home.path(), &["status", "--json"]);
    command.env("PLIMSOLL_TARGET", one.pid());
    assert_eq!(finish(command).well().json()["process"]["pid"].to_string(), one.pid());
}

#[test]
fn what_a_killed_process_leaves_is_told_to_be_stale_and_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start(home.path());
    let (pid, socket) = (served.pid(), listed(home.path())[0]["socket"].clone());
    served.kill();
    let told = run(home.path(), &["status", &pid]).complaint();
    assert!(told.contains("stale: the process has ended"), "{told}");
    let told = run(home.path(), &["status", socket.as_str().unwrap()]).complaint();
    assert!(told.contains("stale, its process has ended"), "{told}");
    let list = listed(home.path());
    assert_eq!((&list[0]["stale"], &list[0]["socket"]), (&true.into(), &socket));
    assert!(run(home.path(), &["list"]).well().out.contains("stale: the process has ended"));
    let other = Served::start(home.path());
    let status = run(home.path(), &["status", "--json"]).well().json();
    assert_eq!(status["process"]["pid"].to_string(), other.pid());
}

#[test]
fn a_later_process_of_the_same_id_is_not_taken_for_it() {
    let home = tempfile::tempdir().unwrap();
    let pid = std::process::id();
    let _listens = UnixListener::bind(home.path().join(format!("plimsoll-{pid}-1.sock"))).unwrap();
    let told = run(home.path(), &["status", &pid.to_string()]).complaint();
    assert!(told.contains("another process has its id"), "{told}");
    assert_eq!(listed(home.path())[0]["stale"], true);
}

#[test]
fn a_process_that_does_not_answer_is_told_and_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let started = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap();
    let path = home.path().join(format!("plimsoll-{}-{started}.sock", std::process::id()));
    let _silent = UnixListener::bind(path).unwrap();
    let list = run(home.path(), &["list", "--json", "--timeout", "100ms"]).well().json();
    let error = list[0]["error"].as_str().unwrap();
    assert!(error.contains("did not answer within 100ms"), "{error}");
    assert_eq!(list[0]["usage_bytes"], Value::Null, "unknown is null");
    let told = run(home.path(), &["health", "--timeout", "100ms"]).complaint();
    assert!(told.contains("--timeout"), "{told}");
}

#[test]
fn a_process_that_ends_takes_its_socket_along() {
    let home = tempfile::tempdir().unwrap();
    let target = crate::target::Target::start();
    let path = target.path();
    assert!(path.exists());
    target.monitor.stop();
    eventually("no socket", || (!path.exists()).then_some(()));
    run(home.path(), &["status", path.to_str().unwrap()]).complaint();
}
