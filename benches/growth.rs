//! How cost grows: with threads, with the slots of threads that ran at once, with the size of the monitor's ring.
//!
//! `cargo bench --bench growth [-- --quick] [--json FILE]`. Threads are measured as in `overhead`, by programs of
//! `benches/peers` in turn; slots and rings in this process, over plimsoll.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints, and has nobody to tell of an error but its caller"
)]

mod harness;

use harness::arguments::Arguments;
use harness::child::Order;
use harness::contest::Contest;
use harness::figures::Figures;
use harness::machine::Machine;
use harness::parked::Parked;
use harness::peers::{Build, build, named};
use harness::timing::nanos_per_call;
use plimsoll::{Budget, Monitor, Plimsoll, Region};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const THREADS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const SLOTS: [u64; 7] = [1, 8, 64, 256, 512, 1024, 4096];
const RINGS: [usize; 4] = [16, 256, 2880, 28_800];
/// Bare first, for the ratios.
const COMPARED: [&str; 3] = ["jemalloc", "plimsoll", "naive"];

fn main() -> ExitCode {
    harness::exit_code("growth", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--json", "--quick"])?;
    let machine = Machine::here();
    // First, while this process has had no thread but one.
    let slots = slots();
    let document = json!({
        "bench": "growth",
        "machine": machine,
        "quick": arguments.quick,
        "threads": threads(arguments.quick),
        "slots": slots,
        "rings": rings(arguments.quick),
    });
    match &arguments.json {
        Some(file) => harness::write_json(file, &document),
        None => {
            print(&document);
            Ok(())
        }
    }
}

/// 64 B allocated and freed, by more and more threads at once.
fn threads(quick: bool) -> Vec<Value> {
    // `build` has said what is missing.
    let (programs, _) = build(&named(&COMPARED), Build::FatLto);
    let order = |threads| Order { workload: "pair", threads, samples: 2, sample_millis: 20 };
    let mut contests: Vec<_> =
        THREADS.iter().map(|&threads| Contest::new(order(threads), programs.iter())).collect();
    for round in 0..if quick { 3 } else { 15 } {
        contests.iter_mut().for_each(|contest| contest.round(round));
    }
    contests.iter().flat_map(of_contest).collect()
}

fn of_contest(contest: &Contest) -> Vec<Value> {
    let of_entrant = |entrant: &harness::contest::Entrant| {
        json!({
            "threads": contest.order.threads,
            "allocator": entrant.program.peer.name,
            "nanos_per_pair": entrant.nanos(),
            "ratio": contest.ratio(entrant),
        })
    };
    contest.entrants.iter().map(of_entrant).collect()
}

/// `counts()` adds up every slot that was ever leased. The threads that lease them wait meanwhile.
fn slots() -> Vec<Value> {
    let mut parked = Parked::default();
    let mut rows = vec![];
    for slots in SLOTS {
        if let Err(error) = parked.until_slots(slots) {
            eprintln!("{slots} slots cannot be had here: {error}");
            break;
        }
        let slots = plimsoll::counts().thread_slots;
        rows.push(json!({ "slots": slots, "nanos": nanos_per_call(200, plimsoll::counts) }));
    }
    rows
}

/// What a monitor with a full ring costs.
fn rings(quick: bool) -> Vec<Value> {
    // The largest takes longest to fill: at one snapshot a millisecond, half a minute at least.
    let rings = if quick { &RINGS[..3] } else { &RINGS[..] };
    rings.iter().map(|&ring| of_ring(ring)).collect()
}

fn of_ring(ring: usize) -> Value {
    let region = Region::process();
    let builder = Monitor::builder().budget(Budget::Bytes(1 << 30)).ring(ring);
    let monitor = builder.interval(Duration::from_millis(1)).start().unwrap();
    // By the time that the ring is full, nothing is allocated any more.
    while monitor.metrics().profiler.current_snapshot_count < ring {
        std::thread::sleep(Duration::from_millis(20));
    }
    let bytes = region.delta().live_bytes;
    json!({
        "ring": ring,
        "bytes": bytes,
        "tick_nanos": tick_nanos(&monitor),
        "snapshot_nanos": nanos_per_call(50, || monitor.snapshot()),
        "latest_nanos": nanos_per_call(50, || monitor.latest()),
        "metrics_nanos": nanos_per_call(50, || monitor.metrics()),
        "history_nanos": nanos_per_call(50, || monitor.history()),
    })
}

/// What the monitor's thread spends of a core on one tick, waking up included: all it spends in a while, by its ticks.
/// `None` where the kernel does not tell what a thread spends.
fn tick_nanos(monitor: &Monitor) -> Option<Figures> {
    let ticks = || monitor.metrics().profiler.total_snapshots_taken;
    let mut samples = vec![];
    for _ in 0..5 {
        let (spent, taken) = (spent_by_monitor()?, ticks());
        let end = Instant::now() + Duration::from_millis(200);
        std::thread::sleep(end - Instant::now());
        samples.push((spent_by_monitor()? - spent) / (ticks() - taken) as f64);
    }
    Figures::of(&samples)
}

/// Nanoseconds of a core that the thread named `plimsoll` had so far.
fn spent_by_monitor() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let named = |task: &std::path::PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "plimsoll")
    };
    let task = tasks.filter_map(|task| Some(task.ok()?.path())).find(named)?;
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    text.split(' ').next()?.parse().ok()
}

fn print(document: &Value) {
    let rows = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let number = |value: &Value| value.as_f64().map_or("?".into(), |number| format!("{number:.2}"));
    println!("\n64 B alloc+free{:>12}{:>16}{:>12}", "", "ns per pair", "ratio");
    for row in rows("threads") {
        let (nanos, ratio) = (&row["nanos_per_pair"]["median"], &row["ratio"]["median"]);
        let name = row["allocator"].as_str().unwrap_or_default();
        println!(
            "{:>3} threads {name:<16}{:>16}{:>12}",
            row["threads"],
            number(nanos),
            number(ratio)
        );
    }
    println!("\n{:<10}{:>16}", "slots", "counts(), ns");
    for row in rows("slots") {
        println!("{:<10}{:>16}", row["slots"].to_string(), number(&row["nanos"]["median"]));
    }
    println!("\n{:<8}{:>12}", "ring", "bytes");
    for row in rows("rings") {
        print!("{:<8}{:>12}", row["ring"].to_string(), row["bytes"].to_string());
        for name in ["tick", "snapshot", "latest", "metrics", "history"] {
            let nanos = row[format!("{name}_nanos")]["median"].as_f64();
            let micros = nanos.map_or("?".into(), |nanos| format!("{:.1}", nanos / 1000.0));
            print!("  {name} {micros} us");
        }
        println!();
    }
}
