//! What a snapshot costs and its parts, what `counts()` costs, and what snapshots and threads weigh.
//!
//! `cargo bench --bench snapshot [-- --quick] [--json FILE]`. Each round takes every measure once, so that the machine's
//! moods fall on all of them alike. The parts of a snapshot are told apart from outside: a monitor whose root folder is
//! empty reads the allocator only, one whose root has only `/proc` reads that too, and so on; the rest is subtraction,
//! by rounds. What a thread weighs is the memory of a process that has many (`benches/peers`), less that of bare jemalloc.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints, and has nobody to tell of an error but its caller"
)]

mod harness;

use harness::arguments::Arguments;
use harness::child;
use harness::figures::Figures;
use harness::machine::Machine;
use harness::parked::Parked;
use harness::peers::{Build, Program, build, named};
use harness::timing::{nanos, nanos_per_call};
use plimsoll::{Budget, Meter, Monitor, Plimsoll, Region, Snapshot};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

/// Slower than this and the control group's parts and the pressure are read anew.
const SLOW_EVERY: Duration = Duration::from_millis(1001);
const THREADS: usize = 1000;

/// One line of the result; figures in `unit`.
struct Row {
    name: String,
    unit: &'static str,
    figures: Option<Figures>,
    /// The most that the median should be.
    target: Option<f64>,
}

impl Row {
    fn new(name: &str, unit: &'static str, values: &[f64]) -> Self {
        Row { name: name.to_owned(), unit, figures: Figures::of(values), target: None }
    }

    fn at_most(mut self, target: f64) -> Self {
        self.target = Some(target);
        self
    }

    fn met(&self) -> Option<bool> {
        Some(self.figures?.median <= self.target?)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "figures": self.figures,
            "target": self.target,
            "met": self.met(),
        })
    }
}

fn main() -> ExitCode {
    harness::exit_code("snapshot", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--json", "--quick"])?;
    let machine = Machine::here();
    // First, while this process has had one thread only; the many slots last, for they stay and every snapshot adds them up.
    let few_slots = counts([1, 8]);
    let ballast: Vec<Vec<u8>> = (0..100_000).map(|n| vec![0; 16 + n % 512]).collect();
    let mut rows = snapshots(if arguments.quick { 5 } else { 20 });
    rows.extend(few_slots);
    rows.extend(brakes());
    rows.extend(counts([64, 512]));
    rows.extend(memory_of_snapshots());
    drop(ballast);
    rows.extend(memory_of_threads(if arguments.quick { 5 } else { 15 }));
    let document = json!({
        "bench": "snapshot",
        "machine": machine,
        "quick": arguments.quick,
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    });
    match &arguments.json {
        Some(file) => harness::write_json(file, &document),
        None => {
            rows.iter().for_each(print);
            Ok(())
        }
    }
}

fn monitor(root: &Path) -> Monitor {
    let builder = Monitor::builder().budget(Budget::Bytes(1 << 30)).root(root);
    builder.interval(Duration::from_secs(3600)).start().unwrap()
}

/// A snapshot and its parts, in nanoseconds.
fn snapshots(rounds: usize) -> Vec<Row> {
    let (empty, with_proc) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink("/proc", with_proc.path().join("proc")).unwrap();
    let monitors = [empty.path(), with_proc.path(), Path::new("/")].map(monitor);
    let epoch = tikv_jemalloc_ctl::epoch::mib().unwrap();
    let mut measured = [const { Vec::new() }; 6];
    for _ in 0..rounds {
        std::thread::sleep(SLOW_EVERY);
        // The first after a while reads the slow files, for each monitor by itself, and nothing is in the caches.
        measured[5].push(nanos(|| epoch.advance()));
        measured[4].push(nanos(|| monitors[2].snapshot()));
        monitors[..2].iter().for_each(|monitor| drop(monitor.snapshot()));
        for _ in 0..20 {
            measured[0].push(nanos(|| epoch.advance()));
            for (monitor, nanos_taken) in monitors.iter().zip(&mut measured[1..]) {
                nanos_taken.push(nanos(|| monitor.snapshot()));
            }
        }
    }
    rows_of_snapshots(&measured)
}

fn rows_of_snapshots(
    [epoch, allocator, with_proc, whole, slow, cold_epoch]: &[Vec<f64>; 6],
) -> Vec<Row> {
    let beyond = |more: &[f64], less: &[f64]| -> Vec<f64> {
        more.iter().zip(less).map(|(more, less)| more - less).collect()
    };
    // One slow snapshot for every twenty quick ones: it is held against the first of those.
    let first_of_round =
        |quick: &[f64]| -> Vec<f64> { quick.iter().step_by(20).copied().collect() };
    vec![
        Row::new("a snapshot", "ns", whole),
        Row::new("beyond jemalloc's epoch", "ns", &beyond(whole, epoch)).at_most(20_000.0),
        Row::new("its part: jemalloc's epoch", "ns", epoch),
        Row::new("its part: counts and jemalloc's figures", "ns", &beyond(allocator, epoch)),
        Row::new("its part: /proc", "ns", &beyond(with_proc, allocator)),
        Row::new("its part: the control group's charge", "ns", &beyond(whole, with_proc)),
        Row::new("once a second: a snapshot with the slow files", "ns", slow),
        Row::new("its cost beyond a cold epoch", "ns", &beyond(slow, cold_epoch)).at_most(20_000.0),
        Row::new(
            "above a quick one: slow files, cold caches",
            "ns",
            &beyond(slow, &first_of_round(whole)),
        ),
    ]
}

/// `counts()` with the slots of more and more threads.
fn counts(slots: [u64; 2]) -> Vec<Row> {
    let mut parked = Parked::default();
    let mut row = |slots: u64| {
        parked.until_slots(slots).unwrap();
        let figures = nanos_per_call(400, plimsoll::counts);
        let have = plimsoll::counts().thread_slots.unwrap();
        let target = (slots <= 8).then_some(1000.0);
        Row { name: format!("counts(), slots: {have}"), unit: "ns", figures, target }
    };
    slots.into_iter().map(&mut row).collect()
}

/// A request to the brake: far from the line, and where every one is judged.
fn brakes() -> Vec<Row> {
    let row = |(name, target, share): (&str, f64, u64)| {
        let budget = Budget::Bytes((plimsoll::counts().live_bytes() * 100 / share).max(1 << 20));
        let monitor = Monitor::builder().budget(budget).meter(Meter::LiveBytes).start().unwrap();
        while monitor.latest().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let figures = nanos_per_call(400, || monitor.admit(16).is_ok());
        Row { name: name.to_owned(), unit: "ns", figures, target: Some(target) }
    };
    [("admit(), far from the line", 2.0, 50), ("admit(), near the line", 1000.0, 85)]
        .map(row)
        .into()
}

fn memory_of_snapshots() -> Vec<Row> {
    let size = size_of::<Snapshot>() as f64;
    let region = Region::process();
    let monitor = monitor(Path::new("/"));
    std::thread::sleep(Duration::from_millis(50));
    let with_ring = region.delta().live_bytes as f64;
    drop(monitor);
    vec![
        Row::new("memory of a snapshot", "bytes", &[size]),
        Row::new("memory of 2880 snapshots", "bytes", &[2880.0 * size]).at_most(1e6),
        Row::new("memory of a monitor with its ring of 2880", "bytes", &[with_ring]),
    ]
}

/// What a thread that runs weighs, over plimsoll and over bare jemalloc.
fn memory_of_threads(rounds: usize) -> Vec<Row> {
    // `build` has said what is missing.
    let (programs, _) = build(&named(&["jemalloc", "plimsoll"]), Build::FatLto);
    let [bare, plimsoll] = programs.as_slice() else { return vec![] };
    let weigh = |program: &Program| child::weigh_thread(program, THREADS);
    let difference = |_| match (weigh(bare), weigh(plimsoll)) {
        (Ok(bare), Ok(plimsoll)) => Some(plimsoll - bare),
        (Err(reason), _) | (_, Err(reason)) => {
            eprintln!("missing: memory of a thread: {reason}");
            None
        }
    };
    let differences: Vec<f64> = (0..rounds).filter_map(difference).collect();
    vec![Row::new("memory that a running thread takes more", "bytes", &differences).at_most(256.0)]
}

fn print(row: &Row) {
    let Some(figures) = row.figures else {
        return println!("{:<48} unknown", row.name);
    };
    let range = format!("({:.0} to {:.0})", figures.minimum, figures.maximum);
    print!("{:<48}{:>12.0} {:<6}{range:<24}", row.name, figures.median, row.unit);
    match (row.target, row.met()) {
        (Some(target), Some(true)) => println!("target {target:.0} met"),
        (Some(target), _) => println!("target {target:.0} MISSED"),
        _ => println!(),
    }
}
