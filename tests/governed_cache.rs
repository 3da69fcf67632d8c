//! The example under a real limit, short: the kernel kills the twin that nobody governs, and the governed one answers
//! every request. Where no control group can be made, only the budget is looked at, and that is said.
#![cfg(all(feature = "jemalloc", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../benches/governed/contest/mod.rs"]
mod contest;

use contest::figures::Figures;
use contest::{Outcome, Setup};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

/// Cargo builds the examples beside the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let example = profile.join("examples/governed_cache");
    assert!(example.exists(), "not built: cargo build --example governed_cache");
    example
}

fn setup() -> Setup {
    let round = Duration::from_secs(8);
    Setup { program: example(), limit: 64 << 20, round, rounds: 1, rate: 3.0, seed: 1 }
}

#[test]
fn the_governed_one_lives_where_its_twin_is_killed() {
    let setup = setup();
    let Outcome { contestants, place, limited } =
        contest::run(&setup, &["ungoverned", "governed"]).unwrap();
    let [twin, governed] = contestants.as_slice() else { panic!("two took part") };
    if limited {
        // By the kernel's own count, by its signal, and against its wall.
        assert_eq!((twin.oom_kills, twin.signal), (Some(1), Some(9)), "{place}: {twin:?}");
        assert!(twin.lost > 0 && twin.peak_bytes > setup.limit / 10 * 9, "{twin:?}");
        assert_eq!(governed.oom_kills, Some(0), "{governed:?}");
    } else {
        println!("no kill was looked for: {place}");
        assert!(twin.peak_bytes > setup.limit, "nothing needed to be governed: {twin:?}");
    }
    assert_governed(&setup, governed);
    assert_none_left(&["ungoverned", "governed"]);
}

fn assert_governed(setup: &Setup, governed: &Figures) {
    assert!(governed.survived, "{governed:?}");
    assert_eq!((governed.lost, governed.answered), (0, governed.planned), "{governed:?}");
    assert!(governed.peak_bytes <= setup.limit, "{governed:?}");
    assert!(governed.evicted_bytes > 0, "nothing needed to be evicted: {governed:?}");
    assert!(governed.held_bytes > setup.budget() / 4, "the caches were emptied: {governed:?}");
}

/// Neither a process nor a control group stays behind.
#[test]
fn a_contest_that_fails_leaves_nothing() {
    let program = PathBuf::from("/no/such/program");
    let refused = contest::run(&Setup { program, ..setup() }, &["failing"]).err().unwrap();
    assert!(refused.contains("failing") || refused.contains("/no/such/program"), "{refused}");
    assert_none_left(&["failing"]);
}

/// No group of `strategies` is left; another test's may be.
fn assert_none_left(strategies: &[&str]) {
    let name = |group: &PathBuf| group.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<_> = contest::group::left().iter().map(name).collect();
    let is_of =
        |name: &&String| strategies.iter().any(|strategy| name.ends_with(&format!("-{strategy}")));
    assert_eq!(names.iter().find(is_of), None, "{names:?}");
}

fn run(arguments: &[&str]) -> Output {
    Command::new(example()).args(arguments).output().unwrap()
}

#[test]
fn what_cannot_be_done_is_named() {
    for (arguments, named) in [
        (["--strategy", "evict-only"], "needs a --budget in bytes"),
        (["--strategy", "hopeful"], "'hopeful' for '--strategy"),
        (["--budget", "plenty"], r#"cannot read "plenty" as a size"#),
        (["--round", "soon"], "'soon' for '--round"),
        (["--round", "0s"], "'0s' for '--round"),
        (["--rounds", "0"], "'0' for '--rounds"),
        (["--rate", "-1"], "'-1' for '--rate"),
        (["--working-set", "0"], "'0' for '--working-set"),
    ] {
        let output = run(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(named), "{arguments:?}: {error}");
    }
}

/// A program that nobody listens to any more has no reason to go on.
#[test]
fn it_ends_when_its_reader_has_gone() {
    let mut command = Command::new(example());
    command.args(["--strategy", "ungoverned", "--working-set", "8MiB", "--round", "1h"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(!child.wait().unwrap().success());
}
