//! What a snapshot costs beyond the jemalloc epoch it needs, what `counts()` costs, and what a day of snapshots weighs.
//!
//! `cargo bench --bench snapshot`. Targets: a snapshot at most 20 us above its epoch; 2880 snapshots under 1 MB. Each
//! round takes every measure once, so that the machine's moods fall on all of them alike; medians are printed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use plimsoll::{Budget, Monitor, Plimsoll, Region, Snapshot};
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const ROUNDS: usize = 400;

/// The nanoseconds that `work` takes.
fn nanos<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as f64
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn micros(name: &str, nanos: f64) {
    println!("{name:<44} {:>9.2} us", nanos / 1000.0);
}

fn snapshots(monitor: &Monitor) {
    let epoch = tikv_jemalloc_ctl::epoch::mib().unwrap();
    let (mut epochs, mut fast, mut slow, mut latest) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        epochs.push(nanos(|| epoch.advance()));
        fast.push(nanos(|| monitor.snapshot()));
        latest.push(nanos(|| monitor.latest()));
        // Once a second the control group's parts and the pressure are read too.
        if round % 40 == 0 {
            std::thread::sleep(Duration::from_millis(1001));
            epochs.push(nanos(|| epoch.advance()));
            slow.push(nanos(|| monitor.snapshot()));
        }
    }
    let (epoch, fast, slow) = (median(&mut epochs), median(&mut fast), median(&mut slow));
    micros("jemalloc's epoch alone", epoch);
    micros("a snapshot, its epoch included", fast);
    micros("  beyond the epoch (target: 20)", fast - epoch);
    micros("a snapshot with the slow sources, once a second", slow);
    micros("  beyond the epoch (target: 20)", slow - epoch);
    micros("the latest snapshot, copied", median(&mut latest));
}

fn counts_with(threads: usize) {
    let (ready, done) = (Arc::new(Barrier::new(threads)), Arc::new(Barrier::new(threads)));
    let keepers: Vec<_> = (1..threads)
        .map(|_| {
            let (ready, done) = (ready.clone(), done.clone());
            std::thread::spawn(move || {
                let kept = black_box(vec![0u8; 64]);
                ready.wait();
                done.wait();
                drop(kept);
            })
        })
        .collect();
    ready.wait();
    let mut samples: Vec<f64> = (0..ROUNDS).map(|_| nanos(plimsoll::counts)).collect();
    let slots = plimsoll::counts().thread_slots.unwrap_or(0);
    micros(&format!("counts() with {slots} slots"), median(&mut samples));
    done.wait();
    keepers.into_iter().for_each(|keeper| keeper.join().unwrap());
}

fn memory() {
    let bytes = 2880 * size_of::<Snapshot>();
    println!("{:<44} {bytes:>9} bytes (target: 1 000 000)", "2880 snapshots");
    let region = Region::process();
    let monitor = Monitor::builder().budget(Budget::Bytes(1 << 30)).start().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    println!("{:<44} {:>9} bytes", "a monitor with its ring of 2880", region.delta().live_bytes);
    drop(monitor);
}

fn main() {
    let budget = Budget::Bytes(1 << 30);
    let monitor =
        Monitor::builder().budget(budget).interval(Duration::from_secs(3600)).start().unwrap();
    let ballast: Vec<Vec<u8>> = (0..100_000).map(|n| vec![0; 16 + n % 512]).collect();
    snapshots(&monitor);
    [1, 8, 64, 512].into_iter().for_each(counts_with);
    memory();
    drop(ballast);
}
