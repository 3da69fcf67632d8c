//! Steps: a usage that has left its line for good (CUSUM; Page 1954).
//!
//! A table that is loaded moves the usage once and says nothing of its growth. One wild sample is no step: each counts for
//! four deviations at most, so that it takes four to be believed.

use serde::Serialize;

/// A deviation from the line counts for no more than this many standard deviations.
const MOST: f64 = 4.0;

/// What every sample is forgiven, in standard deviations.
const FORGIVEN: f64 = 0.5;

/// Where the sum of what was not forgiven is believed.
const BELIEVED: f64 = 12.0;

/// So much of its last deviation a step has reached half way; what bends upwards is only half there.
const STEEP: f64 = 0.75;

/// Less of its last deviation is noise from before it.
const BEGUN: f64 = 0.25;

/// A jump of the usage from one level to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// When it began, in seconds since the monitor's start; as exact as the time between two samples.
    pub uptime_secs: f64,
    /// How far it went; negative downwards.
    pub bytes: i64,
}

/// Two sums, one for each direction, and how many samples each has grown by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cusum {
    up: Side,
    down: Side,
}

#[derive(Clone, Copy, Debug, Default)]
struct Side {
    sum: f64,
    samples: usize,
}

impl Side {
    fn add(&mut self, deviation: f64) -> Option<usize> {
        let sum = self.sum + deviation.min(MOST) - FORGIVEN;
        *self = if sum > 0.0 { Side { sum, samples: self.samples + 1 } } else { Side::default() };
        (self.sum > BELIEVED).then_some(self.samples)
    }
}

impl Cusum {
    /// Takes in a deviation from the line, in standard deviations; gives how many samples, this one included, lie off the
    /// line when that is certain.
    pub(super) fn add(&mut self, deviation: f64) -> Option<usize> {
        let (up, down) = (self.up.add(deviation), self.down.add(-deviation));
        up.or(down)
    }
}

/// Where among `residuals`, the bytes by which the last samples lie off the line, a step begins, and its height; `None` when
/// they go on growing and the line only bends.
pub(super) fn onset(residuals: &[f64]) -> Option<(usize, f64)> {
    let last = residuals.last()?;
    // Noise before the step may have begun the sum.
    let first = residuals.iter().position(|residual| residual / last >= BEGUN)?;
    let middle = residuals.get(first + (residuals.len() - first - 1) / 2)?;
    (middle / last >= STEEP).then_some((first, *last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed_after(deviations: &[f64]) -> Option<(usize, usize)> {
        let mut cusum = Cusum::default();
        let found = |(n, deviation): (usize, &f64)| Some((n + 1, cusum.add(*deviation)?));
        deviations.iter().enumerate().find_map(found)
    }

    #[test]
    fn four_samples_make_a_step_and_three_do_not() {
        assert_eq!(believed_after(&[0.0, 0.2, -0.3, 50.0, 50.0, 50.0, 50.0]), Some((7, 4)));
        assert_eq!(believed_after(&[-9.0; 10]), Some((4, 4)));
        assert_eq!(believed_after(&[1e9, 1e9, 1e9, 0.0, 0.0, 0.0]), None);
    }

    #[test]
    fn noise_is_forgiven_and_a_lasting_deviation_is_not() {
        let noise: Vec<f64> = (0..10_000).map(|n| [1.5, -0.5, -1.5, 0.5][n % 4]).collect();
        assert_eq!(believed_after(&noise), None);
        assert_eq!(believed_after(&[1.5; 20]), Some((13, 13)));
    }

    #[test]
    fn a_step_stands_and_a_bend_goes_on() {
        assert_eq!(onset(&[100.0, 101.0, 99.0, 100.0]), Some((0, 100.0)));
        let slow = [50.0, 100.0, 101.0, 99.0];
        assert_eq!(onset(&slow), Some((0, 99.0)), "on its way for one sample");
        assert_eq!(onset(&[5.0, 9.0, 7.0, 100.0, 101.0, 99.0]), Some((3, 99.0)), "noise before it");
        assert_eq!(onset(&[-7.0, -7.0, -7.0, -7.0]), Some((0, -7.0)));
        for samples in 4..60 {
            let bend: Vec<_> = (1..=samples).map(f64::from).collect();
            assert_eq!(onset(&bend), None, "{samples}");
        }
        assert_eq!(onset(&[]), None);
    }
}
