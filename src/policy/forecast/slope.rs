//! The slope of a figure with its interval: the median of the slopes between all pairs of points, and the two of them
//! between which the true one lies in nine cases of ten (Theil 1950, Sen 1968). A quarter of wild points moves neither.

use serde::Serialize;

/// Points at most: 1770 pairs.
pub(super) const POINTS: usize = 60;
const PAIRS: usize = POINTS * (POINTS - 1) / 2;

/// Fewer say nothing of an interval: with four, even the steepest pair bounds nothing at this confidence.
const LEAST: usize = 5;

/// Points closer together than a second say nothing about a trend.
const SHORTEST: f64 = 1.0;

/// Of the normal distribution: 5 % lie above.
const Z: f64 = 1.645;

/// The median deviation of a normal distribution times this is its standard deviation.
const SIGMA_PER_MAD: f64 = 1.4826;

/// How fast a figure grows, per second, with a 90 % confidence interval: each bound by itself holds in 95 of 100 cases.
///
/// An estimate from at most 60 points whose deviations from the line are independent; where they hang together (caches
/// that fill and empty), it holds less often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rate {
    /// The best guess.
    pub likely: f64,
    /// The lower bound: what alerts go by.
    pub at_least: f64,
    /// The upper bound: what the emergency is armed by.
    pub at_most: f64,
}

impl Rate {
    /// Whether it certainly grows, as far as the interval holds.
    pub fn rises(&self) -> bool {
        self.at_least > 0.0
    }

    /// Whether it certainly shrinks.
    pub fn falls(&self) -> bool {
        self.at_most < 0.0
    }
}

/// The line through points, and how far they scatter around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) rate: Rate,
    intercept: f64,
    /// Standard deviation of the points around the line; outliers do not move it.
    pub(super) sigma: f64,
}

impl Line {
    /// Where the line is at a time.
    pub(super) fn at(&self, time: f64) -> f64 {
        self.intercept + self.rate.likely * time
    }

    /// Through `points`; `None` when they are too few or too close together.
    pub(super) fn through(points: &Series) -> Option<Self> {
        let rate = rate(points)?;
        let levels = points.as_slice().iter().map(|(time, y)| y - rate.likely * time);
        let mut levels = Numbers::<POINTS>::of(levels);
        let intercept = levels.median()?;
        levels.each(|level| (level - intercept).abs());
        Some(Line { rate, intercept, sigma: levels.median()? * SIGMA_PER_MAD })
    }
}

/// Up to 60 points (seconds, figure) that rise in time, on the stack. What is no number is left out.
pub(super) struct Series {
    points: [(f64, f64); POINTS],
    used: usize,
}

impl Series {
    pub(super) fn of(points: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut of = Series { points: [(0.0, 0.0); POINTS], used: 0 };
        for (place, point) in of.points.iter_mut().zip(points.filter(|(_, y)| y.is_finite())) {
            *place = point;
            of.used += 1;
        }
        of
    }

    fn as_slice(&self) -> &[(f64, f64)] {
        self.points.get(..self.used).unwrap_or_default()
    }
}

/// The slope of `points`; `None` as for a line.
pub(super) fn rate(points: &Series) -> Option<Rate> {
    let points = points.as_slice();
    if points.len() < LEAST || points.last()?.0 - points.first()?.0 < SHORTEST {
        return None;
    }
    let pairs = points.iter().enumerate().flat_map(|(index, a)| {
        let later = points.get(index + 1..).unwrap_or_default();
        later.iter().map(move |b| (b.1 - a.1) / (b.0 - a.0))
    });
    let mut slopes = Numbers::<PAIRS>::of(pairs.filter(|slope| slope.is_finite()));
    let (below, above) = bounds(points.len(), slopes.used);
    Some(Rate {
        likely: slopes.median()?,
        at_least: slopes.smallest(below)?,
        at_most: slopes.smallest(above)?,
    })
}

/// Which of the ordered slopes bound the true one: Kendall's S of `count` independent points has this variance.
fn bounds(count: usize, pairs: usize) -> (usize, usize) {
    let n = count as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let outside = ((pairs as f64 - Z * deviation) / 2.0).max(1.0) as usize;
    (outside.saturating_sub(1), pairs.saturating_sub(outside))
}

/// Up to `N` numbers on the stack.
struct Numbers<const N: usize> {
    numbers: [f64; N],
    used: usize,
}

impl<const N: usize> Numbers<N> {
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut of = Numbers { numbers: [0.0; N], used: 0 };
        for (place, number) in of.numbers.iter_mut().zip(numbers) {
            *place = number;
            of.used += 1;
        }
        of
    }

    fn each(&mut self, change: impl Fn(f64) -> f64) {
        self.numbers.iter_mut().take(self.used).for_each(|number| *number = change(*number));
    }

    /// The middle one; of an even number, half way between the two in the middle.
    fn median(&mut self) -> Option<f64> {
        let (above, is_even) = (self.used / 2, self.used.is_multiple_of(2));
        let upper = self.smallest(above)?;
        // What is smaller lies before it now.
        let below = self.numbers.get(..above).unwrap_or_default().iter().copied();
        let lower = below.max_by(f64::total_cmp).filter(|_| is_even);
        Some(lower.map_or(upper, |lower| f64::midpoint(lower, upper)))
    }

    /// The one that has `rank` smaller ones.
    fn smallest(&mut self, rank: usize) -> Option<f64> {
        let numbers = self.numbers.get_mut(..self.used)?;
        (rank < numbers.len()).then(|| *numbers.select_nth_unstable_by(rank, f64::total_cmp).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: usize, figure: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..count).map(|n| (n as f64, figure(n as f64))).collect()
    }

    fn of(points: &[(f64, f64)]) -> Option<Rate> {
        rate(&Series::of(points.iter().copied()))
    }

    #[test]
    fn a_straight_line_has_its_slope_and_no_doubt() {
        let rate = of(&points(60, |t| 1000.0 - 7.0 * t));
        assert_eq!(rate, Some(Rate { likely: -7.0, at_least: -7.0, at_most: -7.0 }));
        assert!(rate.is_some_and(|rate| rate.falls() && !rate.rises()));
    }

    #[test]
    fn the_bounds_are_those_of_the_ordered_slopes() {
        let five = [(0.0, 10.0), (1.0, 15.0), (2.0, 14.0), (3.0, 20.0), (4.0, 19.0)];
        // Kendall's S of five points deviates by 4.08: (10 - 6.72) / 2 is 1.6, so the first of ten from either end.
        let mut slopes: Vec<f64> = vec![];
        for (index, a) in five.iter().enumerate() {
            slopes.extend(five[index + 1..].iter().map(|b| (b.1 - a.1) / (b.0 - a.0)));
        }
        slopes.sort_by(f64::total_cmp);
        let likely = f64::midpoint(slopes[4], slopes[5]);
        let expected = Rate { likely, at_least: slopes[0], at_most: slopes[9] };
        assert_eq!(of(&five), Some(expected));
        // With ten points the deviation is 11.18: (45 - 18.39) / 2 is 13.3, so the 13th from either end.
        assert_eq!(bounds(10, 45), (12, 32));
    }

    #[test]
    fn a_quarter_of_wild_points_moves_little() {
        let mut line = points(60, |t| 5.0 * t);
        line.iter_mut().step_by(4).for_each(|point| point.1 = 1e12);
        let rate = of(&line).expect("a slope");
        assert_eq!(rate.likely, 5.0);
        let line = Line::through(&Series::of(line.iter().copied())).expect("a line");
        assert_eq!((line.at(100.0), line.sigma), (500.0, 0.0));
    }

    #[test]
    fn too_little_is_unknown() {
        assert_eq!(of(&points(4, |t| t)), None);
        assert_eq!(of(&[]), None);
        let close: Vec<_> = (0..20).map(|n| (f64::from(n) / 100.0, 5.0)).collect();
        assert_eq!(of(&close), None);
        let standing = [(7.0, 1.0); 10];
        assert_eq!(of(&standing), None, "a clock that stands still");
        let unknown = [(0.0, f64::NAN); 10];
        assert!(Line::through(&Series::of(unknown.into_iter())).is_none());
    }

    #[test]
    fn the_scatter_around_the_line_is_its_standard_deviation() {
        let sawing =
            points(60, |t| 3.0 * t + if (t as u32).is_multiple_of(2) { 10.0 } else { -10.0 });
        let line = Line::through(&Series::of(sawing.into_iter())).expect("a line");
        assert!((line.sigma - 14.8).abs() < 1.0, "{line:?}");
        assert!((line.at(30.0) - 90.0).abs() < 11.0, "{line:?}");
    }
}
