//! Whether the process may grow by so many bytes: everything far from the line, less and less near it, nothing beyond.

use super::budget::size;
use super::threshold::{Threshold, Thresholds};
use crate::level::Level;
use serde::Serialize;
use std::time::Duration;

/// While somebody waits or has been refused, the monitor looks this often at least.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Far from the line, what is at most this share of the room below `prompt` is admitted unseen.
const UNSEEN: u64 = 16;

/// 2^64 divided by the golden ratio: its multiples, modulo 2^64, lie as evenly as those of no other number.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What one look at the memory showed, and where the lines are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sight {
    pub(crate) usage: u64,
    /// Live bytes at the look: from there on the usage moves as they do. `None` where nothing is counted.
    pub(crate) live: Option<u64>,
    pub(crate) budget: u64,
    pub(crate) warning: u64,
    pub(crate) prompt: u64,
    pub(crate) emergency: u64,
    pub(crate) level: Level,
}

/// What is held against the lines: measured, and promised since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// The usage, moved by the live bytes since the look.
    pub(crate) usage: u64,
    /// Bytes admitted since the look.
    pub(crate) admitted: u64,
}

impl Sight {
    pub(crate) fn new(
        usage: u64,
        live: Option<u64>,
        budget: u64,
        thresholds: &Thresholds,
        level: Level,
    ) -> Self {
        let at = |threshold| thresholds.bytes(threshold, budget);
        Sight {
            usage,
            live,
            budget,
            warning: at(Threshold::Warning),
            prompt: at(Threshold::Prompt),
            emergency: at(Threshold::Emergency),
            level,
        }
    }

    /// Requests below so many bytes are admitted unseen; 0 when every one has to be judged.
    pub(crate) fn unseen_below(&self) -> u64 {
        if self.usage < self.warning { (self.prompt - self.usage) / UNSEEN } else { 0 }
    }

    /// The usage by now, when the live bytes are `live`.
    pub(crate) fn usage_now(&self, live: Option<u64>) -> u64 {
        let (Some(then), Some(now)) = (self.live, live) else { return self.usage };
        self.usage.saturating_add_signed(now.wrapping_sub(then).cast_signed())
    }

    /// Whether `bytes` more stay below the emergency line, and nothing if it is reached.
    pub(crate) fn fits(&self, load: Load, bytes: u64) -> bool {
        let held = load.usage.saturating_add(load.admitted);
        held < self.emergency && bytes < self.emergency - held
    }

    /// Whether `bytes` could ever be admitted.
    pub(crate) fn could_ever_fit(&self, bytes: u64) -> bool {
        self.fits(Load { usage: 0, admitted: 0 }, bytes)
    }

    /// The share of requests to be refused, of 2^64: 0 up to `prompt`, all of them from `emergency` on.
    fn refused_share(&self, load: Load) -> u64 {
        let above = load.usage.saturating_add(load.admitted).saturating_sub(self.prompt);
        let band = self.emergency.saturating_sub(self.prompt).max(1);
        // A float saturates where it becomes an integer.
        (above as f64 / band as f64 * u64::MAX as f64) as u64
    }

    /// Whether `bytes` more are admitted; `turn` counts the requests that were judged, and draws the lots.
    pub(crate) fn admits(&self, load: Load, bytes: u64, turn: u64) -> bool {
        self.fits(load, bytes) && self.wins(load, turn)
    }

    /// Whether the lot of that `turn` is one that is admitted.
    pub(crate) fn wins(&self, load: Load, turn: u64) -> bool {
        lot(turn) >= self.refused_share(load)
    }
}

/// The lot of the `turn`-th request: any few in a row are spread evenly over all of `u64`.
fn lot(turn: u64) -> u64 {
    turn.wrapping_mul(GOLDEN)
}

/// The brake did not let the process grow.
///
/// ```
/// use plimsoll::{Budget, Monitor};
/// # fn main() -> Result<(), plimsoll::Error> {
/// let monitor = Monitor::builder().budget("64MiB".parse()?).start()?;
/// # while monitor.latest().is_none() { std::thread::yield_now() }
/// let refused = monitor.admit(1 << 30).unwrap_err();
/// assert_eq!((refused.requested_bytes, refused.budget_bytes), (1 << 30, 64 << 20));
/// assert_eq!(refused.retry_after, None); // it will never fit
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Bytes that were asked for.
    pub requested_bytes: u64,
    /// The usage, by the meter in force, with what was admitted since it was read.
    pub usage_bytes: u64,
    /// What the process may use.
    pub budget_bytes: u64,
    /// The level at the last tick.
    pub level: Level,
    /// When to try again: by then the monitor has looked again. `None` for what does not fit into the whole budget.
    pub retry_after: Option<Duration>,
}

impl Refused {
    pub(crate) fn new(sight: &Sight, load: Load, requested_bytes: u64) -> Self {
        Refused {
            requested_bytes,
            usage_bytes: load.usage.saturating_add(load.admitted),
            budget_bytes: sight.budget,
            level: sight.level,
            retry_after: sight.could_ever_fit(requested_bytes).then_some(LOOK_EVERY),
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (requested, used) = (size(self.requested_bytes), size(self.usage_bytes));
        let (budget, level) = (size(self.budget_bytes), self.level);
        write!(f, "growth by {requested} refused: {used} of {budget} are used ({level}); ")?;
        match self.retry_after {
            Some(after) => write!(f, "try again in {}", humantime::format_duration(after)),
            None => write!(f, "it is more than the budget ever admits"),
        }
    }
}

impl std::error::Error for Refused {}

/// What a [`Brake`](crate::Brake) has done so far. Requests far from the line pass unseen and are in none of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BrakeStatistics {
    /// Requests that were judged and admitted, at once or after they had waited.
    pub admitted_total: u64,
    /// Their bytes.
    pub admitted_bytes_total: u64,
    /// Requests that were refused; one that goes on to wait counts only if it is refused in the end.
    pub refused_total: u64,
    /// Requests that had to wait, whatever became of them.
    pub waited_total: u64,
    /// Requests that wait now.
    pub waiting: u64,
}

impl BrakeStatistics {
    pub(crate) fn admit(&mut self, bytes: u64) {
        self.admitted_total += 1;
        self.admitted_bytes_total = self.admitted_bytes_total.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines at 800, 930 and 980 of 1000.
    fn sight(usage: u64) -> Sight {
        Sight::new(usage, Some(5_000), 1_000, &Thresholds::default(), Level::Healthy)
    }

    fn load(usage: u64, admitted: u64) -> Load {
        Load { usage, admitted }
    }

    fn admitted_of(turns: u64, usage: u64) -> u64 {
        let admits = |turn: &u64| sight(usage).admits(load(usage, 0), 1, *turn);
        (0..turns).filter(admits).count() as u64
    }

    #[test]
    fn far_from_the_line_small_requests_pass_unseen_and_near_it_none() {
        assert_eq!(sight(130).unseen_below(), 50, "a sixteenth of the room below prompt");
        assert_eq!(sight(799).unseen_below(), 131 / 16);
        assert_eq!(sight(800).unseen_below(), 0);
        assert_eq!(sight(2_000).unseen_below(), 0);
    }

    #[test]
    fn below_prompt_whatever_fits_is_admitted() {
        for usage in [0, 500, 929, 930] {
            assert_eq!(admitted_of(1_000, usage), 1_000, "{usage}");
        }
        assert!(sight(500).admits(load(500, 0), 479, 0));
        assert!(!sight(500).admits(load(500, 0), 480, 0), "it would reach the emergency line");
        assert!(!sight(500).admits(load(500, 0), u64::MAX, 0));
    }

    #[test]
    fn between_prompt_and_emergency_requests_are_refused_in_proportion() {
        for (usage, refused_percent) in [(935, 10), (955, 50), (975, 90)] {
            let refused = 1_000 - admitted_of(1_000, usage);
            let expected = refused_percent * 10;
            assert!(refused.abs_diff(expected) <= 5, "{refused} of 1000 at {usage}");
        }
    }

    #[test]
    fn from_emergency_on_nothing_is_admitted() {
        for usage in [980, 981, u64::MAX] {
            let admits = |turn| sight(usage).admits(load(usage, 0), 0, turn);
            assert!(!(0..1_000).any(admits), "{usage}");
        }
    }

    #[test]
    fn what_was_admitted_since_the_look_counts_as_used() {
        assert!(sight(500).admits(load(500, 400), 79, 0));
        assert!(!sight(500).admits(load(500, 400), 80, 0));
        assert!(!sight(500).admits(load(500, 480), 0, 0));
        assert!(!sight(500).admits(load(500, u64::MAX), 1, 0));
    }

    #[test]
    fn the_usage_moves_with_the_live_bytes() {
        assert_eq!(sight(500).usage_now(Some(5_100)), 600);
        assert_eq!(sight(500).usage_now(Some(4_900)), 400);
        assert_eq!(sight(500).usage_now(Some(0)), 0);
        assert_eq!(sight(500).usage_now(None), 500);
    }

    #[test]
    fn lots_are_spread_evenly_however_few() {
        for turns in [8, 100, 10_000] {
            let low = (0..turns).filter(|turn| lot(*turn) < u64::MAX / 4).count() as u64;
            assert!(low.abs_diff(turns / 4) <= 2, "{low} of {turns} in the lowest quarter");
        }
    }

    #[test]
    fn a_refusal_has_words() {
        let refused = Refused::new(&sight(950), load(950, 10), 40);
        assert_eq!(
            refused.to_string(),
            "growth by 40 B refused: 960 B of 1000 B are used (healthy); try again in 100ms"
        );
        let never = Refused::new(&sight(0), load(0, 0), 980);
        assert!(never.to_string().ends_with("; it is more than the budget ever admits"));
    }
}
