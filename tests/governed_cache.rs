//! The example under a real limit, short: the kernel kills the twin that nobody governs, and the governed one answers
//! every request. Where no control group can be made, only the budget is looked at, and that is said.
#![cfg(all(feature = "jemalloc", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../benches/governed/contest/mod.rs"]
mod contest;
#[path = "../examples/governed_cache/latency.rs"]
mod latency;

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
    Setup {
        program: example(),
        limit: 64 << 20,
        confined: true,
        round,
        rounds: 1,
        rate: 3.0,
        seed: 1,
    }
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
        // Its peak is sampled, and it grows fast.
        assert!(twin.lost > 0 && twin.peak_bytes > setup.limit / 4 * 3, "{twin:?}");
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
    for confined in [true, false] {
        let program = PathBuf::from("/no/such/program");
        let setup = Setup { program, confined, ..setup() };
        let refusal = contest::run(&setup, &["failing"]).err().unwrap();
        let named = refusal.contains("failing") || refusal.contains("/no/such/program");
        assert!(named, "{refusal}");
    }
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

#[test]
fn latencies_are_read_an_eighth_too_high_at_most() {
    let latencies = latency::Latencies::default();
    (1..=1000).for_each(|millis| latencies.record(Duration::from_millis(millis)));
    let figures = serde_json::to_value(latencies.figures()).unwrap();
    let micros = |name: &str| figures[name].as_u64().unwrap();
    assert_eq!((micros("answered"), micros("max_micros")), (1000, 1_000_000));
    for (name, exact) in [("p50_micros", 500_000), ("p99_micros", 990_000)] {
        assert!((exact..=exact + exact / 8).contains(&micros(name)), "{name}: {figures}");
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
