//! How long a burst of allocations goes on until a cache is asked: the monitor sleeps for 30 s, and is woken by them.
//!
//! `cargo bench --bench burst [-- --quick] [--json FILE]`. Each burst is a process of its own: it touches half of its budget,
//! starts a monitor with its defaults, and when that sleeps touches the other half within 100 ms, by one thread or by two.
//! The thread whose piece passes the warning threshold notes the time, and so does the cache when it is first asked. Over
//! live bytes the threshold is known to the byte; over the default meter it is reckoned from what the first half was read as.
//! Then the opposite: how often a monitor is woken while nothing happens, and while what happens stays below the line.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints, and has nobody to tell of an error but its caller"
)]

mod harness;

use harness::arguments::Arguments;
use harness::figures::Figures;
use harness::machine::Machine;
use plimsoll::{Budget, CacheSpec, Level, Meter, Monitor, Plimsoll, Threshold};
use serde_json::{Value, json};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const BUDGET: usize = 256 << 20;
const PIECE: usize = 64 << 10;
const BURST: Duration = Duration::from_millis(100);
/// From the line to the first call of a cache, as a median.
const TARGET_MILLIS: f64 = 5.0;

const BURSTS: [&str; 4] =
    ["live bytes, 1 thread", "live bytes, 2 threads", "pressure, 1 thread", "pressure, 2 threads"];

/// Names what a child process shall do.
const CHILD: &str = "PLIMSOLL_BURST";

fn main() -> ExitCode {
    let done = match std::env::var(CHILD).as_deref() {
        Ok("live bytes, 1 thread") => answer(burst(Meter::LiveBytes, 1)),
        Ok("live bytes, 2 threads") => answer(burst(Meter::LiveBytes, 2)),
        Ok("pressure, 1 thread") => answer(burst(Meter::Pressure, 1)),
        Ok("pressure, 2 threads") => answer(burst(Meter::Pressure, 2)),
        Ok("idle") => answer(wakeups(|| std::thread::sleep(Duration::from_millis(10)))),
        Ok(_) => answer(wakeups(saw_tooth)),
        Err(_) => run(),
    };
    harness::exit_code("burst", done)
}

fn answer(value: Option<f64>) -> Result<(), String> {
    let value = value.ok_or("it cannot be measured here")?;
    println!("{value}");
    Ok(())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--json", "--quick"])?;
    let machine = Machine::here();
    let bursts = if arguments.quick { 10 } else { 50 };
    let mut rows = vec![];
    for burst in BURSTS {
        let name = format!("from the line to the first call: {burst}");
        rows.push(row(&name, "ms", burst, bursts, TARGET_MILLIS)?);
    }
    rows.push(row("woken in 5 s: nothing happens", "times", "idle", 1, 0.0)?);
    rows.push(row("woken in 5 s: work that stays below the line", "times", "busy", 1, 0.0)?);
    let document =
        json!({ "bench": "burst", "machine": machine, "quick": arguments.quick, "rows": rows });
    match &arguments.json {
        Some(file) => harness::write_json(file, &document),
        None => {
            rows.iter().for_each(print);
            Ok(())
        }
    }
}

fn row(name: &str, unit: &str, child: &str, times: usize, target: f64) -> Result<Value, String> {
    let values: Vec<f64> = (0..times).map(|_| in_child(child)).collect::<Result<_, _>>()?;
    let figures = Figures::of(&values);
    let met = figures.map(|figures| figures.median <= target);
    Ok(json!({ "name": name, "unit": unit, "figures": figures, "target": target, "met": met }))
}

fn in_child(what: &str) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).env(CHILD, what).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A monitor with its defaults, asleep.
fn asleep(meter: Meter) -> Monitor {
    let builder = Monitor::builder().budget(Budget::Bytes(BUDGET as u64)).meter(meter);
    let monitor = builder.start().unwrap();
    while monitor.latest().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(20));
    monitor
}

fn pieces(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| vec![1; PIECE]).collect()
}

/// Milliseconds from the piece that passed the line to the first call of the cache; negative when the call came first.
fn burst(meter: Meter, threads: usize) -> Option<f64> {
    let half = pieces(BUDGET / 2 / PIECE);
    let monitor = asleep(meter);
    let called = Arc::new(OnceLock::new());
    let first = called.clone();
    let hook = move |_: u64| {
        let _ = first.set(Instant::now());
        0
    };
    monitor.register(CacheSpec::new("burst").from(Level::Caution), hook).unwrap();
    let line = bytes_to_the_line(&monitor)?;
    let touched = Touched { bytes: AtomicU64::new(0), line, passed: OnceLock::new() };
    let kept = touched.by_threads(threads);
    let give_up = Instant::now() + Duration::from_secs(60);
    while called.get().is_none() && Instant::now() < give_up {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop((half, kept));
    let (called, passed) = (*called.get()?, *touched.passed.get()?);
    let late = called.saturating_duration_since(passed).as_secs_f64();
    let early = passed.saturating_duration_since(called).as_secs_f64();
    Some((late - early) * 1000.0)
}

/// How many bytes may be allocated before the meter reads the warning threshold, if it goes on as it did.
fn bytes_to_the_line(monitor: &Monitor) -> Option<u64> {
    let now = monitor.snapshot();
    let (usage, live) = (now.usage_bytes()?, now.live_bytes()?);
    let left = monitor.thresholds().bytes(Threshold::Warning, BUDGET as u64) - usage;
    Some((left as f64 * live as f64 / usage as f64) as u64)
}

/// What the burst has touched, and when that passed the line.
struct Touched {
    bytes: AtomicU64,
    line: u64,
    passed: OnceLock<Instant>,
}

impl Touched {
    fn by_threads(&self, threads: usize) -> Vec<Vec<Vec<u8>>> {
        let count = BUDGET / 2 / PIECE / threads;
        std::thread::scope(|scope| {
            let spawned: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.burst(count))).collect();
            spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// Spread evenly over the time of a burst, where the machine is fast enough.
    fn burst(&self, count: usize) -> Vec<Vec<u8>> {
        let start = Instant::now();
        let mut kept = Vec::with_capacity(count);
        for piece in 0..count {
            while start.elapsed() < BURST * piece as u32 / count as u32 {
                std::hint::spin_loop();
            }
            kept.push(vec![1; PIECE]);
            self.add(PIECE as u64);
        }
        kept
    }

    fn add(&self, bytes: u64) {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes >= self.line {
            self.passed.get_or_init(Instant::now);
        }
    }
}

/// How often the monitor's thread ran in five seconds of `work`.
fn wakeups(mut work: impl FnMut()) -> Option<f64> {
    let half = pieces(BUDGET / 2 / PIECE);
    let monitor = asleep(Meter::default());
    let before = switches_of_monitor()?;
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        work();
    }
    let after = switches_of_monitor()?;
    drop((half, monitor));
    Some((after - before) as f64)
}

/// Up to 60 % of the budget and back.
fn saw_tooth() {
    drop(pieces(BUDGET / 10 / PIECE));
}

/// How often the thread named `plimsoll` has given up its core or been taken off it.
fn switches_of_monitor() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let named = |task: &std::path::PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "plimsoll")
    };
    let task = tasks.filter_map(|task| Some(task.ok()?.path())).find(named)?;
    let status = std::fs::read_to_string(task.join("status")).ok()?;
    let switches = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
    Some(switches.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum())
}

fn print(row: &Value) {
    let number = |value: &Value| value.as_f64().map_or("?".into(), |number| format!("{number:.2}"));
    let figures = &row["figures"];
    let verdict = if row["met"] == true { "met" } else { "MISSED" };
    println!(
        "{:<56}median {:>6} {:<6}worst {:>8}   target {} {verdict}",
        row["name"].as_str().unwrap_or_default(),
        number(&figures["median"]),
        row["unit"].as_str().unwrap_or_default(),
        number(&figures["maximum"]),
        number(&row["target"]),
    );
}
