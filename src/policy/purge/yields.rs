//! What the system really gets back of purged pages, and when purging has no point.

use serde::Serialize;
use std::time::{Duration, Instant};

/// A purge that gives back less than this share of its pages is a poor one.
const POOR: f64 = 0.2;

/// Fewer purged bytes say nothing: the process's other memory moves as much.
const LEAST_JUDGED: u64 = 8 << 20;

/// What a new yield weighs against all before it.
const WEIGHT: f64 = 0.25;

/// How long purging is left off after two poor yields; doubled with each further one.
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Why purged pages do not come back to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PoorYield {
    /// The kernel backs the heap with transparent huge pages: it fills holes in again, or frees a huge page only when all of
    /// it is unused.
    HugePages,
    /// What was purged was hardly backed by memory, or others took it again at once: the heap is scattered.
    Fragmentation,
}

impl PoorYield {
    /// In words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            PoorYield::HugePages => "transparent huge pages",
            PoorYield::Fragmentation => "fragmentation",
        }
    }
}

/// Purging is left off for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Suspension {
    pub(crate) until: Instant,
    pub(crate) length: Duration,
    pub(crate) cause: PoorYield,
}

/// The yields so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yields {
    mean: f64,
    /// Poor ones without a good one between.
    poor: u32,
    suspension: Option<Suspension>,
}

impl Yields {
    pub(crate) const fn new() -> Self {
        Yields { mean: 1.0, poor: 0, suspension: None }
    }

    /// The share of purged bytes by which the process has shrunk, the newest purge weighing a quarter; 1 before the first.
    pub(crate) const fn mean(&self) -> f64 {
        self.mean
    }

    /// The last suspension, while it lasts.
    pub(crate) fn suspension(&self, now: Instant) -> Option<Suspension> {
        self.suspension.filter(|suspension| now < suspension.until)
    }

    /// Notes the yield of a purge; says so when purging is to be left off from now on.
    pub(crate) fn record(
        &mut self,
        now: Instant,
        purged: u64,
        share: f64,
        cause: PoorYield,
    ) -> Option<Suspension> {
        if purged < LEAST_JUDGED {
            return None;
        }
        self.mean += WEIGHT * (share - self.mean);
        if share >= POOR {
            (self.poor, self.suspension) = (0, None);
            return None;
        }
        self.poor = self.poor.saturating_add(1);
        (self.poor >= 2).then(|| self.suspend(now, cause))
    }

    fn suspend(&mut self, now: Instant, cause: PoorYield) -> Suspension {
        let longer = |last: Suspension| last.length.saturating_mul(2).min(LONGEST_PAUSE);
        let length = self.suspension.map_or(PAUSE, longer);
        *self.suspension.insert(Suspension { until: now + length, length, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURGED: u64 = 100 << 20;

    fn record(yields: &mut Yields, now: Instant, share: f64) -> Option<u64> {
        let suspension = yields.record(now, PURGED, share, PoorYield::Fragmentation);
        suspension.map(|suspension| suspension.length.as_secs())
    }

    #[test]
    fn two_poor_yields_in_a_row_stop_it_for_a_while() {
        let (mut yields, now) = (Yields::new(), Instant::now());
        assert_eq!(record(&mut yields, now, 0.1), None, "once may be chance");
        assert_eq!(record(&mut yields, now, 0.9), None);
        assert_eq!(record(&mut yields, now, 0.1), None, "not in a row");
        assert_eq!(record(&mut yields, now, 0.19), Some(60));
        let ends = now + Duration::from_secs(60);
        assert!(yields.suspension(ends - Duration::from_nanos(1)).is_some());
        assert!(yields.suspension(ends).is_none());
    }

    #[test]
    fn each_further_try_in_vain_doubles_it_and_a_good_one_ends_it() {
        let (mut yields, now) = (Yields::new(), Instant::now());
        record(&mut yields, now, 0.0);
        for seconds in [60, 120, 240, 480, 600, 600] {
            assert_eq!(record(&mut yields, now, 0.0), Some(seconds));
        }
        assert_eq!(record(&mut yields, now, 0.5), None);
        assert!(yields.suspension(now).is_none());
        record(&mut yields, now, 0.0);
        assert_eq!(record(&mut yields, now, 0.0), Some(60), "short again");
    }

    #[test]
    fn the_mean_follows_and_small_purges_say_nothing() {
        let (mut yields, now) = (Yields::new(), Instant::now());
        assert_eq!(yields.mean(), 1.0);
        yields.record(now, PURGED, 0.6, PoorYield::HugePages);
        assert!((yields.mean() - 0.9).abs() < 1e-9);
        for _ in 0..5 {
            assert_eq!(yields.record(now, LEAST_JUDGED - 1, 0.0, PoorYield::HugePages), None);
        }
        assert!((yields.mean() - 0.9).abs() < 1e-9);
    }
}
