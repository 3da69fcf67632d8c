//! What it costs to give unused pages back, all at once and bit by bit, and to touch them again.
//!
//! `cargo bench --bench purge [-- --quick] [--json FILE]`. Each round takes every measure once. Bit by bit is as the monitor
//! does it when nothing is urgent: the arena is told to take two seconds for what it has, and is called upon every 10 ms.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench prints, and sets jemalloc's options by name"
)]

mod harness;

use harness::arguments::Arguments;
use harness::figures::Figures;
use harness::machine::Machine;
use harness::timing::nanos;
use plimsoll::{Budget, Monitor, Plimsoll};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tikv_jemalloc_ctl::{epoch, raw};

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const MIB: usize = 1 << 20;
/// Larger ones come back in pieces of 8 MiB, which jemalloc purges by itself at once.
const OBJECTS: [usize; 2] = [4096, 1 << 16];
const LOADS: [usize; 3] = [32, 256, 1024];

/// The measures of one load, a figure for each round.
#[derive(Default)]
struct Rounds {
    at_once: Vec<f64>,
    bit_by_bit: Vec<f64>,
    longest: Vec<f64>,
    touch_new: Vec<f64>,
    touch_again: Vec<f64>,
}

fn main() -> ExitCode {
    harness::exit_code("purge", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--json", "--quick"])?;
    let rounds = if arguments.quick { 2 } else { 9 };
    let budget = Budget::Bytes(3 << 30);
    let builder = Monitor::builder().budget(budget).interval(Duration::from_secs(3600));
    let monitor = builder.purge(false).dirty_decay(Duration::from_secs(3600)).start();
    let monitor = monitor.map_err(|error| error.to_string())?;
    let loads = OBJECTS.iter().flat_map(|object| LOADS.map(|load| (*object, load)));
    let rows: Vec<_> = loads.map(|(object, load)| row(&monitor, object, load, rounds)).collect();
    let document = json!({ "bench": "purge", "machine": Machine::here(), "quick": arguments.quick, "rows": rows });
    match &arguments.json {
        Some(file) => harness::write_json(file, &document),
        None => {
            print(&rows);
            Ok(())
        }
    }
}

fn row(monitor: &Monitor, object: usize, mebibytes: usize, rounds: usize) -> Value {
    let mut all = Rounds::default();
    (0..rounds).for_each(|_| round(monitor, object, mebibytes, &mut all));
    json!({
        "object_bytes": object,
        "dirty_mib": mebibytes,
        "at_once_ms_per_mib": Figures::of(&all.at_once),
        "bit_by_bit_ms_per_mib": Figures::of(&all.bit_by_bit),
        "longest_slice_ms": Figures::of(&all.longest),
        "touch_new_ms_per_mib": Figures::of(&all.touch_new),
        "touch_again_ms_per_mib": Figures::of(&all.touch_again),
    })
}

fn round(monitor: &Monitor, object: usize, mebibytes: usize, all: &mut Rounds) {
    let per_mib = |nanos: f64| nanos / 1e6 / mebibytes as f64;
    all.touch_new.push(per_mib(fill(object, mebibytes)));
    all.touch_again.push(per_mib(fill(object, mebibytes)));
    let result = monitor.purge().unwrap();
    all.at_once.push(result.duration_seconds * 1e3 / (result.purged_bytes as f64 / MIB as f64));
    fill(object, mebibytes);
    let slices = bit_by_bit();
    all.bit_by_bit.push(per_mib(slices.iter().sum()));
    all.longest.push(slices.iter().copied().fold(0.0, f64::max) / 1e6);
    monitor.purge().unwrap();
}

/// Fills and frees; the nanoseconds of the filling.
fn fill(object: usize, mebibytes: usize) -> f64 {
    let mut objects = Vec::with_capacity(mebibytes * MIB / object);
    nanos(|| (0..objects.capacity()).for_each(|_| objects.push(vec![1u8; object])))
}

/// The nanoseconds of each call upon this thread's arena until it has given everything back.
fn bit_by_bit() -> Vec<f64> {
    // SAFETY: the value is an `unsigned`.
    let arena: u32 = unsafe { raw::read(b"thread.arena\0") }.unwrap();
    let mut command = [0; 3];
    raw::name_to_mib(format!("arena.{arena}.decay\0").as_bytes(), &mut command).unwrap();
    let name = format!("arena.{arena}.dirty_decay_ms\0");
    let set = |millis: isize| {
        // SAFETY: the value is an `ssize_t`.
        unsafe { raw::write(name.as_bytes(), millis) }.unwrap();
    };
    set(2000);
    let slices = (0..220).map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        epoch::advance().unwrap();
        nanos(|| decay(&command))
    });
    let slices = slices.collect();
    set(3_600_000);
    slices
}

fn decay(command: &[usize; 3]) {
    let none = std::ptr::null_mut();
    // SAFETY: a complete MIB that takes and gives no value.
    let answer = unsafe {
        tikv_jemalloc_sys::mallctlbymib(command.as_ptr(), 3, none, std::ptr::null_mut(), none, 0)
    };
    assert_eq!(answer, 0);
}

fn print(rows: &[Value]) {
    println!(
        "{:>8}{:>8}{:>14}{:>14}{:>14}{:>14}{:>14}",
        "object", "dirty", "at once", "bit by bit", "longest", "touch new", "touch again"
    );
    println!(
        "{:>8}{:>8}{:>14}{:>14}{:>14}{:>14}{:>14}",
        "bytes", "MiB", "ms/MiB", "ms/MiB", "ms", "ms/MiB", "ms/MiB"
    );
    for row in rows {
        print!("{:>8}{:>8}", row["object_bytes"].to_string(), row["dirty_mib"].to_string());
        for name in [
            "at_once_ms_per_mib",
            "bit_by_bit_ms_per_mib",
            "longest_slice_ms",
            "touch_new_ms_per_mib",
            "touch_again_ms_per_mib",
        ] {
            print!("{:>14.3}", row[name]["median"].as_f64().unwrap_or(f64::NAN));
        }
        println!();
    }
}
