//! What a figure was some minutes ago: a few points, in memory that is taken once.

use std::time::Duration;

/// What explanations look back.
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// Enough to reach over the window however fast the ticks come; 24 bytes each.
const POINTS: usize = 32;
const APART: Duration = Duration::from_secs(10);

/// A figure's way through the last minutes, a point each ten seconds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline {
    points: [(Duration, u64); POINTS],
    noted: usize,
}

impl Baseline {
    pub(crate) const fn new() -> Self {
        Baseline { points: [(Duration::ZERO, 0); POINTS], noted: 0 }
    }

    /// Takes in a figure, unless the last one is only just in. Allocates nothing.
    pub(crate) fn note(&mut self, at: Duration, figure: u64) {
        let last = self.newest_first().next();
        if last.is_some_and(|(last, _)| at.saturating_sub(last) < APART) {
            return;
        }
        if let Some(place) = self.points.get_mut(self.noted % POINTS) {
            *place = (at, figure);
            self.noted += 1;
        }
    }

    /// The figure at that time, or the last one known before it; `None` when nothing was known yet, or no longer is.
    pub(crate) fn at(&self, time: Duration) -> Option<u64> {
        self.newest_first().find(|(at, _)| *at <= time).map(|(_, figure)| figure)
    }

    fn newest_first(&self) -> impl Iterator<Item = (Duration, u64)> {
        let oldest = self.noted.saturating_sub(POINTS);
        (oldest..self.noted).rev().filter_map(|n| self.points.get(n % POINTS).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_window_is_covered_however_fast_the_ticks_come() {
        let mut baseline = Baseline::new();
        (0..600_000).for_each(|tick| baseline.note(Duration::from_millis(tick), tick));
        let now = secs(600);
        assert_eq!(baseline.at(now - WINDOW), Some(300_000));
        assert_eq!(baseline.at(now), Some(590_000));
        assert_eq!(baseline.at(secs(100)), None, "forgotten");
    }

    #[test]
    fn what_was_not_known_yet_is_unknown() {
        let mut baseline = Baseline::new();
        assert_eq!(baseline.at(secs(9)), None);
        baseline.note(secs(30), 7);
        baseline.note(secs(60), 8);
        assert_eq!(
            [29, 30, 59, 99].map(|at| baseline.at(secs(at))),
            [None, Some(7), Some(7), Some(8)]
        );
    }
}
