//! How much is wanted, and what is enough.

use std::time::Duration;

/// An eviction succeeds from this share of its target on.
const SUCCESS: f64 = 0.8;

/// Whether freeing `freed` of `target` is a success.
pub(crate) fn succeeded(freed: u64, target: u64) -> bool {
    freed as f64 >= target as f64 * SUCCESS
}

/// What the usage is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// Where the first level is entered, in bytes.
    pub(super) enter: u64,
    /// Where it is left, in bytes.
    pub(super) leave: u64,
    pub(super) budget: u64,
}

/// How a usage moves, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Motion {
    /// Bytes per second.
    pub(super) slope: f64,
    /// Standard deviation around the trend, in bytes.
    pub(super) sigma: f64,
    /// From the crossing of a line to the end of the eviction that it starts.
    pub(super) reaction: Duration,
}

/// How far below the line an eviction aims: a twentieth of the budget; more where the usage rises so fast that it would be
/// back before the next reaction, or where its noise alone would cross the line.
pub(super) fn guard(budget: u64, motion: &Motion) -> u64 {
    let race = 2.0 * motion.slope.max(0.0) * motion.reaction.as_secs_f64();
    let noise = 3.0 * motion.sigma;
    // A quarter of the budget at most: no eviction should empty everything because of a burst.
    ((budget / 20) as f64).max(race).max(noise).min((budget / 4) as f64) as u64
}

/// Where an eviction aims: a guard below the line at which the first level is entered, and a hundredth of the budget below
/// the line at which it is left.
///
/// The second since a level that is entered at 80 % and left at 73 % would stay for ever if evictions ended at 75 %.
pub(super) fn aim(lines: &Lines, motion: &Motion) -> u64 {
    let guarded = lines.enter.saturating_sub(guard(lines.budget, motion));
    guarded.min(lines.leave.saturating_sub(lines.budget / 100))
}

/// What has to go so that the level falls; nothing while the usage is clearly below where it is left. Exactly there it would
/// be held for ever.
pub(super) fn need(usage: u64, lines: &Lines, motion: &Motion) -> u64 {
    let falls_by_itself = usage.saturating_add(lines.budget / 1000) <= lines.leave;
    if falls_by_itself { 0 } else { usage.saturating_sub(aim(lines, motion)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Lines = Lines { enter: 800, leave: 730, budget: 1000 };

    #[test]
    fn an_eviction_aims_below_where_the_level_is_left() {
        let calm = Motion::default();
        assert_eq!(aim(&LINES, &calm), 720);
        assert_eq!(need(900, &LINES, &calm), 180);
        assert_eq!(need(729, &LINES, &calm), 0, "the level falls by itself");
        assert_eq!(need(730, &LINES, &calm), 10, "the level is held");
    }

    #[test]
    fn a_fast_rise_or_much_noise_aims_lower_and_never_at_nothing() {
        let fast = Motion { slope: 100.0, reaction: Duration::from_secs(1), sigma: 0.0 };
        assert_eq!(guard(1000, &fast), 200);
        assert_eq!(aim(&LINES, &fast), 600);
        let noisy = Motion { sigma: 50.0, ..Motion::default() };
        assert_eq!(guard(1000, &noisy), 150);
        let absurd = Motion { slope: 1e12, reaction: Duration::from_secs(1), sigma: 0.0 };
        assert_eq!(guard(1000, &absurd), 250);
        let falling = Motion { slope: -1e12, reaction: Duration::from_secs(1), sigma: 0.0 };
        assert_eq!(guard(1000, &falling), 50);
    }

    #[test]
    fn four_fifths_are_a_success() {
        assert!(!succeeded(79, 100) && succeeded(80, 100));
    }
}
