//! What samples say of everything: an unbiased estimate, its standard error, and an interval that holds for few samples too.

use serde::{Deserialize, Serialize};

/// The standard normal's quantile for 95 %, both sides.
const Z: f64 = 1.959_963_984_540_054;

/// A figure estimated from samples: objects or bytes.
///
/// `value` is unbiased: the mean over many profiles of the same heap is the truth. `low` and `high` enclose the truth in 95 of
/// 100 profiles. A figure that was counted and not sampled has a standard error of 0 and both ends at its value.
///
/// ```
/// use plimsoll::Estimate;
///
/// let estimate = Estimate::exact(4096.0);
/// assert_eq!((estimate.low, estimate.high), (4096.0, 4096.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimate, without bias. Negative only in a difference of two profiles.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The lower end of the interval of 95 %.
    pub low: f64,
    /// The upper end of the interval of 95 %.
    pub high: f64,
}

impl Estimate {
    /// A figure that is known.
    pub fn exact(value: f64) -> Self {
        Estimate { value, standard_error: 0.0, low: value, high: value }
    }

    /// A figure that may be negative: the difference of two estimates, of `variance`, whose samples weigh up to `weight` each.
    pub(super) fn of_difference(value: f64, variance: f64, weight: f64) -> Self {
        let reach = Z * (variance.max(0.0) + (Z * weight).powi(2) / 4.0).sqrt();
        Estimate {
            value: rounded(value),
            standard_error: rounded(variance.max(0.0).sqrt()),
            low: rounded(value - reach),
            high: rounded(value + reach),
        }
    }
}

impl std::iter::Sum for Estimate {
    /// Of estimates that stand on different samples: variances add up.
    fn sum<I: Iterator<Item = Estimate>>(estimates: I) -> Self {
        let add = |sum: Sum, it: Estimate| sum.plus(Sum::of(it.value, it.standard_error.powi(2)));
        let sum = estimates.fold(Sum::default(), add);
        // Differences: some may be negative.
        if sum.value < 0.0 {
            return Estimate::of_difference(sum.value, sum.variance, sum.weight());
        }
        sum.estimate(0.0)
    }
}

/// The chance that an object of `size` bytes is in the sample, where one is taken every `mean` bytes on average.
pub(super) fn chance(size: u64, mean: u64) -> f64 {
    // Not 1 - exp(..): small objects would lose their digits.
    let share = size.max(1) as f64 / mean.max(1) as f64;
    -(-share).exp_m1()
}

/// A sum over samples, each weighing the inverse of its chance (Horvitz and Thompson).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    value: f64,
    variance: f64,
    /// What was sampled itself: the truth is no less.
    seen: f64,
    /// The variances, each times what one more object like this one would weigh: see [`Sum::weight`].
    weighed: f64,
}

impl Sum {
    /// One sampled object that was in the sample by `chance` and counts `amount`: its bytes, or 1.
    pub(super) fn add(&mut self, amount: f64, chance: f64) {
        let unseen = (1.0 - chance) / chance;
        let variance = amount * amount * unseen / chance;
        self.value += amount / chance;
        self.variance += variance;
        self.seen += amount;
        self.weighed += variance * amount * unseen;
    }

    /// What was summed up elsewhere.
    pub(super) fn of(value: f64, variance: f64) -> Self {
        let weight = if value > 0.0 { variance / value } else { 0.0 };
        Sum { value, variance, seen: 0.0, weighed: variance * weight }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Sum {
            value: self.value + other.value,
            variance: self.variance + other.variance,
            seen: self.seen + other.seen,
            weighed: self.weighed + other.weighed,
        }
    }

    /// How much the truth may move without that a sample is more or less: some mean for small objects, nothing for those
    /// that are sampled for certain.
    pub(super) fn weight(&self) -> f64 {
        if self.variance > 0.0 { self.weighed / self.variance } else { 0.0 }
    }

    /// The estimate. Where there is no sample, one would have weighed `weight`.
    ///
    /// The interval is the score interval: those values x of which what was found is within 1.96 standard deviations as
    /// they would be if x was the truth (`weight * x` is the variance then), not as they are estimated to be. So it is
    /// not symmetric, does not collapse where there are few samples or none, and does where all are certain.
    pub(super) fn estimate(&self, weight: f64) -> Estimate {
        let weight = if self.variance > 0.0 { self.weight().max(weight) } else { weight };
        let middle = self.value + Z * Z * weight / 2.0;
        let reach = Z * (self.variance + (Z * weight).powi(2) / 4.0).sqrt();
        Estimate {
            value: rounded(self.value),
            standard_error: rounded(self.variance.sqrt()),
            low: rounded((middle - reach).max(self.seen)),
            high: rounded(middle + reach),
        }
    }
}

/// To the thousandth: no digit more is worth its place in a file.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests;
