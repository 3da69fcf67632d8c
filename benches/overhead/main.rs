//! What counting costs: the same work over plimsoll, bare allocators and other wrappers, as ratios to bare jemalloc.
//!
//! `cargo bench --bench overhead [-- --quick] [--json FILE] [--only PEER,...] [--workload NAME,...]`. Builds one program
//! for each allocator (`benches/peers`), then has them do every workload in turn, round after round (`contest.rs`
//! says why). A table is printed, or every figure written to FILE.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a bench prints")]

#[path = "../harness/mod.rs"]
mod harness;
mod jobs;
mod report;
mod table;

use harness::arguments::{Arguments, check_names};
use harness::child::Order;
use harness::contest::Contest;
use harness::machine::Machine;
use harness::peers::{BARE, Build, Missing, PEERS, Peer, Program, build};
use jobs::{JOBS, Job, WITHOUT_LTO};
use report::{Measured, Report};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    harness::exit_code("overhead", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--json", "--quick", "--only", "--workload"])?;
    check_names("the peer", &arguments.only, &PEERS.map(|peer| peer.name))?;
    check_names("the workload", &arguments.workloads, &JOBS.map(|job| job.workload))?;
    let report = measure(&arguments);
    match &arguments.json {
        Some(file) => harness::write_json(file, &report.json()),
        None => {
            table::print(&report);
            Ok(())
        }
    }
}

fn measure(arguments: &Arguments) -> Report {
    let machine = Machine::here();
    let started = Instant::now();
    let (programs, mut missing) = build(&wanted(arguments, |_| true), Build::FatLto);
    let few = wanted(arguments, |peer| WITHOUT_LTO.contains(&peer.name));
    let (programs_without_lto, missing_without_lto) = build(&few, Build::NoLto);
    missing.extend(missing_without_lto);
    let building = started.elapsed();

    let started = Instant::now();
    let rounds = if arguments.quick { 5 } else { 21 };
    let mut contests = contests(arguments, Build::FatLto, &programs);
    contests.extend(self::contests(arguments, Build::NoLto, &programs_without_lto));
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        contests.iter_mut().for_each(|(_, _, contest)| contest.round(round));
    }
    let measured: Vec<Measured> = contests.iter().flat_map(report::measured).collect();
    missing.extend(contests.iter().flat_map(failures));
    Report {
        machine,
        quick: arguments.quick,
        rounds,
        building,
        measuring: started.elapsed(),
        missing,
        measured,
    }
}

/// The peers to measure; bare jemalloc always, for the ratios.
fn wanted(arguments: &Arguments, among: impl Fn(&Peer) -> bool) -> Vec<&'static Peer> {
    let chosen = |peer: &&Peer| {
        let named = arguments.only.iter().any(|name| name == peer.name);
        among(peer) && (arguments.only.is_empty() || named || peer.name == BARE)
    };
    PEERS.iter().filter(chosen).collect()
}

type Entry<'a> = (Build, &'static Job, Contest<'a>);

fn contests<'a>(arguments: &Arguments, build: Build, programs: &'a [Program]) -> Vec<Entry<'a>> {
    let samples = if arguments.quick { 1 } else { 2 };
    let chosen = |job: &&Job| {
        let named = arguments.workloads.iter().any(|name| name == job.workload);
        (arguments.workloads.is_empty() || named) && (build == Build::FatLto || job.without_lto)
    };
    let contest = |job: &'static Job| {
        let order =
            Order { workload: job.workload, threads: job.threads, samples, sample_millis: 20 };
        (build, job, Contest::new(order, programs.iter()))
    };
    JOBS.iter().filter(chosen).map(contest).collect()
}

fn failures<'a>((build, job, contest): &'a Entry<'_>) -> impl Iterator<Item = Missing> + 'a {
    contest.entrants.iter().filter_map(|entrant| {
        let failure = entrant.failure.as_ref()?;
        Some(Missing {
            allocator: entrant.program.peer.name,
            build: build.name(),
            reason: format!("{}: {failure}", job.title),
        })
    })
}
