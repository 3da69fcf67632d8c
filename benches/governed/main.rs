//! A service under a limit, kept down in three ways, side by side: `examples/governed_cache` on real memory.
//!
//! `cargo bench --bench governed [-- --quick | --minutes N] [--json FILE] [--traces DIRECTORY] [--unconfined]`. Each
//! contestant is a process in a memory control group of its own where the machine allows that, else (or `--unconfined`)
//! under a budget alone. All run at the same time and get the same requests at the same times. The last line is one JSON
//! object.
#![allow(clippy::print_stdout, reason = "a bench prints")]

mod contest;
#[path = "../harness/mod.rs"]
mod harness;
mod table;

use contest::figures::Figures;
use contest::{Outcome, Setup};
use harness::arguments::Arguments;
use harness::machine::Machine;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const STRATEGIES: [&str; 3] = ["ungoverned", "evict-only", "governed"];
const LIMIT: u64 = 256 << 20;
/// One round of the load and the rest after it.
const ROUND: Duration = Duration::from_secs(75);

fn main() -> ExitCode {
    harness::exit_code("governed", run())
}

fn run() -> Result<(), String> {
    let arguments =
        Arguments::of_process(&["--json", "--quick", "--minutes", "--traces", "--unconfined"])?;
    let machine = Machine::here();
    let setup = setup(&arguments)?;
    let outcome = contest::run(&setup, &STRATEGIES)?;
    if let Some(directory) = &arguments.traces {
        write_traces(directory, &outcome)?;
    }
    print!("{}", table::text(&setup, &outcome));
    let document = document(&arguments, &machine, &setup, &outcome);
    if let Some(file) = &arguments.json {
        harness::write_json(file, &document)?;
    }
    println!("{}", last_line(document));
    Ok(())
}

fn setup(arguments: &Arguments) -> Result<Setup, String> {
    let program = build()?;
    let rounds = (arguments.minutes.unwrap_or(0) * 60).div_ceil(ROUND.as_secs()).max(1);
    let rounds = u32::try_from(rounds).map_err(|_| "--minutes: too many".to_owned())?;
    let setup = Setup {
        program,
        limit: LIMIT,
        confined: !arguments.unconfined,
        round: ROUND,
        rounds,
        rate: 1.0,
        seed: 1,
    };
    // Fewer requests in all than in a whole round, and still enough to pass the limit.
    let quick = Setup { round: Duration::from_secs(10), rate: 3.0, ..setup.clone() };
    Ok(if arguments.quick { quick } else { setup })
}

/// Builds the example as benches are built, and says where it is.
fn build() -> Result<PathBuf, String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["build", "--release", "--locked", "--example", "governed_cache"]);
    let status = command.status().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !status.success() {
        return Err(format!("the example governed_cache cannot be built: {status}"));
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let release = own.parent().and_then(Path::parent).ok_or("this bench is in no directory")?;
    Ok(release.join("examples/governed_cache"))
}

fn document(arguments: &Arguments, machine: &Machine, setup: &Setup, outcome: &Outcome) -> Value {
    json!({
        "bench": "governed",
        "machine": machine,
        "quick": arguments.quick,
        "place": outcome.place,
        "limited": outcome.limited,
        "limit_bytes": setup.limit,
        "budget_bytes": setup.budget(),
        "round_seconds": setup.round.as_secs_f64(),
        "rounds": setup.rounds,
        "contestants": outcome.contestants,
    })
}

/// The whole without what only a picture wants.
fn last_line(mut document: Value) -> Value {
    for contestant in document["contestants"].as_array_mut().into_iter().flatten() {
        for field in ["curve", "phases"] {
            contestant.as_object_mut().map(|contestant| contestant.remove(field));
        }
    }
    document
}

/// Every line of every contestant: what the monitor did and when, for whoever asks why.
fn write_traces(directory: &Path, outcome: &Outcome) -> Result<(), String> {
    outcome.contestants.iter().try_for_each(|contestant: &Figures| {
        let file = directory.join(format!("{}.jsonl", contestant.strategy));
        let lines: String = contestant.trace.lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&file, lines).map_err(|error| format!("{}: {error}", file.display()))
    })
}
