//! Timing: how much work makes a sample, and what one operation of it takes.

use crate::workload::Workload;
use std::sync::Barrier;
use std::time::Instant;

/// Nanoseconds of a core per operation, `samples` times, each measured over some `nanos` nanoseconds.
pub(crate) fn take(workload: &Workload, threads: usize, samples: usize, nanos: f64) -> Vec<f64> {
    let threads = workload.fixed_threads.unwrap_or(threads);
    let repeats = calibrate(workload, threads, nanos);
    (0..samples).map(|_| per_operation(workload, threads, repeats)).collect()
}

/// The repeats that take some `nanos`. Doubles what is tried until it takes a good part of that.
fn calibrate(workload: &Workload, threads: usize, nanos: f64) -> u64 {
    let mut repeats = 1;
    loop {
        // The quicker of two: a thread that lost its core for once would pass for slow, and be given next to no work.
        let took =
            wall_nanos(workload, threads, repeats).min(wall_nanos(workload, threads, repeats));
        if took >= nanos / 4.0 {
            return ((repeats as f64 * nanos / took) as u64).max(1);
        }
        repeats *= if took < nanos / 32.0 { 8 } else { 2 };
    }
}

fn per_operation(workload: &Workload, threads: usize, repeats: u64) -> f64 {
    let operations = repeats as f64 * workload.operations as f64;
    let (done, cores) = if workload.fixed_threads.is_some() {
        // The threads of such a workload do one job together.
        (operations, 1)
    } else {
        (operations * threads as f64, threads.min(cores()))
    };
    wall_nanos(workload, threads, repeats) * cores as f64 / done
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// From the first thread's start to the last one's end. Every thread is new and warms up before it starts.
fn wall_nanos(workload: &Workload, threads: usize, repeats: u64) -> f64 {
    let barrier = Barrier::new(threads);
    let timed = |thread| {
        (workload.work)(thread, repeats / 16 + 1);
        barrier.wait();
        let start = Instant::now();
        (workload.work)(thread, repeats);
        (start, Instant::now())
    };
    let times: Vec<_> = std::thread::scope(|scope| {
        let timed = &timed;
        let running: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || timed(thread))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("a workload does not panic"))
            .collect()
    });
    let start = times.iter().map(|(start, _)| *start).min().expect("one thread at least");
    let end = times.iter().map(|(_, end)| *end).max().expect("one thread at least");
    (end - start).as_nanos() as f64
}
