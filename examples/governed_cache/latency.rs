//! How long answers took: a histogram of fixed size, eight steps to every doubling.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps to a doubling: a figure read from the histogram is at most an eighth too high.
const STEPS: u32 = 8;
const BUCKETS: usize = 40 * STEPS as usize;

/// Counts of answers by how long they took, in microseconds.
pub(crate) struct Latencies {
    buckets: [AtomicU64; BUCKETS],
    longest: AtomicU64,
}

/// The whole in a few figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) answered: u64,
    p50_micros: u64,
    p99_micros: u64,
    max_micros: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { buckets: [const { AtomicU64::new(0) }; BUCKETS], longest: AtomicU64::new(0) }
    }
}

impl Latencies {
    /// Relaxed, all of it: figures for people, which order nothing.
    pub(crate) fn record(&self, took: Duration) {
        let micros = took.as_micros() as u64;
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.longest.fetch_max(micros, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> Latency {
        let counts: Vec<u64> =
            self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let (answered, max_micros) = (counts.iter().sum(), self.longest.load(Ordering::Relaxed));
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(&counts, answered, share));
        Latency {
            answered,
            p50_micros: p50.min(max_micros),
            p99_micros: p99.min(max_micros),
            max_micros,
        }
    }
}

/// The bucket that holds the answer at `share` of all, by its upper end.
fn quantile(counts: &[u64], all: u64, share: f64) -> u64 {
    let mut left = (all as f64 * share).ceil() as u64;
    let reached = counts.iter().position(|count| {
        left = left.saturating_sub(*count);
        left == 0
    });
    reached.map_or(0, |bucket| ends(bucket + 1))
}

/// Below 8 us each has its own, then eight to a doubling.
fn bucket_of(micros: u64) -> usize {
    let doublings = micros.max(1).ilog2().saturating_sub(STEPS.ilog2());
    let step = micros >> doublings;
    (doublings * STEPS) as usize + step as usize
}

/// Where the buckets before `bucket` end.
fn ends(bucket: usize) -> u64 {
    let (bucket, steps) = (bucket as u64, u64::from(STEPS));
    let doublings = (bucket / steps).saturating_sub(1);
    (bucket - doublings * steps) << doublings
}
