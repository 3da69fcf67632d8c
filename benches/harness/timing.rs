//! The time that a call takes, within this process.

use super::figures::Figures;
use std::hint::black_box;
use std::time::Instant;

/// Calls are timed together until they take so long, so that the clock's own cost does not show.
const LEAST_NANOS: f64 = 5_000.0;

/// The nanoseconds that `work` takes.
pub(crate) fn nanos<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as f64
}

/// The nanoseconds of a call, from `samples` samples; `None` of no samples.
pub(crate) fn nanos_per_call<T>(samples: usize, mut work: impl FnMut() -> T) -> Option<Figures> {
    let mut calls = 1u32;
    let mut together = |calls: u32| nanos(|| (0..calls).for_each(|_| drop(black_box(work()))));
    while together(calls) < LEAST_NANOS {
        calls *= 2;
    }
    let per_call: Vec<f64> = (0..samples).map(|_| together(calls) / f64::from(calls)).collect();
    Figures::of(&per_call)
}
