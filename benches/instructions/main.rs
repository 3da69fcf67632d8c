//! Instructions that counting adds to the work of a program, under callgrind: the same on any machine, however busy.
//!
//! `cargo bench --bench instructions [-- --check] [-- --record]` (needs valgrind). Each workload of `benches/peers` runs
//! once and twice as long; the difference is the workload without the program around it. `--check` fails when a figure has
//! risen by more than 5 % above `recorded.json`, which `--record` writes.
#![allow(clippy::print_stdout, reason = "a bench prints")]

mod alone;
mod brake;
mod callgrind;
#[path = "../harness/mod.rs"]
mod harness;
mod recorded;

use callgrind::Counted;
use harness::arguments::Arguments;
use harness::peers::{BARE, Build, Program, build, named};
use std::process::ExitCode;

/// A workload of the peers', and how often it is repeated: enough for the instructions of one to show.
///
/// `vec` is none of them: whether jemalloc extends a large object in place or copies it is chance, 35 000 instructions or
/// 49 000 for the same program from run to run. `realloc` stays below large objects.
const WORKLOADS: [(&str, u64, &str); 8] = [
    ("pair", 20_000, "alloc and free, 64 B"),
    ("pair_of_size", 20_000, "the same, the size not known to the compiler"),
    ("pair_zeroed", 20_000, "alloc_zeroed and free, 64 B"),
    ("pair_4k", 20_000, "alloc and free, 4 KiB"),
    ("mixed", 20, "an object of mixed sizes, freed shuffled"),
    ("realloc", 1000, "a realloc, 64 B to 8 KiB and back"),
    ("json", 2, "1 MB of JSON parsed and dropped"),
    ("map", 2, "an entry of a BTreeMap of strings"),
];

/// Those that are told without LTO too.
const WITHOUT_LTO: usize = 2;

fn main() -> ExitCode {
    if alone::is_child() || brake::is_child() {
        return ExitCode::SUCCESS;
    }
    harness::exit_code("instructions", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--check", "--record"])?;
    if !callgrind::is_here() {
        let message = "valgrind cannot be run here: nothing was counted";
        println!("{message}");
        return if arguments.check { Err(message.into()) } else { Ok(()) };
    }
    let mut counted = alone::count()?;
    counted.push(brake::count()?);
    counted.extend(over_jemalloc("plimsoll", Build::FatLto, &WORKLOADS)?);
    counted.extend(over_jemalloc("plimsoll", Build::NoLto, &WORKLOADS[..WITHOUT_LTO])?);
    counted.extend(over_jemalloc("plimsoll_profile_off", Build::FatLto, &WORKLOADS)?);
    print(&counted);
    if arguments.record {
        recorded::write(&counted)?;
    }
    if arguments.check { recorded::check(&counted) } else { Ok(()) }
}

/// What the same program executes over bare jemalloc and over plimsoll.
fn over_jemalloc(
    peer: &str,
    how: Build,
    workloads: &[(&'static str, u64, &'static str)],
) -> Result<Vec<Counted>, String> {
    let (programs, missing) = build(&named(&[BARE, peer]), how);
    if let Some(missing) = missing.first() {
        return Err(format!("{} cannot be built: {}", missing.allocator, missing.reason));
    }
    let of = |name| programs.iter().find(|program: &&Program| program.peer.name == name);
    let (Some(bare), Some(counting)) = (of(BARE), of(peer)) else {
        return Err("a program is missing that was built".into());
    };
    let suffix = match (how, peer) {
        (Build::NoLto, _) => ", without LTO",
        (_, "plimsoll") => "",
        (_, _) => ", the profile built in and off",
    };
    let count = |&(workload, repeats, title): &(&str, u64, &str)| {
        let per_operation = |program: &Program| {
            callgrind::per_operation(&program.path, &["repeat", workload], repeats)
        };
        let title = format!("{title}{suffix}");
        Ok(Counted { title, bare: per_operation(bare)?, counting: per_operation(counting)? })
    };
    workloads.iter().map(count).collect()
}

fn print(counted: &[Counted]) {
    println!(
        "{:<60} {:>12} {:>12} {:>9} {:>7}",
        "instructions", "bare", "plimsoll", "added", "ratio"
    );
    for Counted { title, bare, counting } in counted {
        let (added, ratio) = (counting - bare, counting / bare);
        println!("{title:<60} {bare:>12.1} {counting:>12.1} {added:>9.1} {ratio:>7.3}");
    }
}
