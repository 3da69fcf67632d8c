//! The exit codes that scripts and probes go by.

use crate::command::{Run, end, plimsoll, program};
use crate::support::{ballast, eventually};
use crate::target::Target;
use plimsoll::Check;
use std::path::Path;

/// Asks until the answer is of that code: a level is taken at the next tick.
fn health_of(target: &Target, code: i32) -> Run {
    eventually("another exit code", || {
        let run = target.run(&["health"]);
        (run.code == code).then_some(run)
    })
}

#[test]
fn healthy_is_0_warning_1_critical_2_and_unreachable_3() {
    let target = Target::start();
    assert!(health_of(&target, 0).out.starts_with("healthy"));
    let warning = ballast(95.0);
    assert!(health_of(&target, 1).out.starts_with("warning"));
    drop(warning);
    let critical = ballast(99.5);
    let run = health_of(&target, 2);
    assert!(run.out.starts_with("critical") && run.err.is_empty(), "{run:?}");
    drop(critical);
    let url = target.url();
    target.monitor.stop();
    assert!(plimsoll(&["health", &url]).complaint().contains("cannot be reached"));
    assert_eq!(plimsoll(&["health", "--no-such-option"]).code, 3);
}

#[test]
fn a_users_own_check_counts_and_its_words_are_shown() {
    let target = Target::with(|builder| {
        builder
            .growth_limits(1 << 50, 1 << 51)
            .check("queue", || Check::critical("it is \x1b[2Jlong"))
    });
    let run = health_of(&target, 2);
    assert!(run.out.contains("queue") && run.out.contains("\u{fffd}[2Jlong"), "{run:?}");
    let json = target.run(&["health", "--json"]);
    assert_eq!((json.code, json.json()["failed_checks"][0].as_str()), (2, Some("queue")));
}

/// `plimsoll health | head -0` under `pipefail`, say.
#[test]
fn whoever_does_not_read_it_still_gets_the_code() {
    let report =
        |status: &str| crate::fixture::json(&format!(r#"{{"status":"{status}","checks":{{}}}}"#));
    for (status, code) in [("healthy", 0), ("warning", 1), ("critical", 2)] {
        let server = crate::fixture::Fixture::start([("/api/v1/health", report(status))]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program(Path::new("/nowhere"), &["health", &server.url()]);
        let run = end(command.stdout(writer).spawn().unwrap());
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{status}");
    }
}

#[test]
fn the_help_says_them() {
    let help = plimsoll(&["health", "--help"]).well().out;
    for code in ["0  healthy", "1  warning", "2  critical", "3  the process cannot be reached"] {
        assert!(help.contains(code), "{help}");
    }
}
