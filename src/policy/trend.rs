//! How fast a figure grows: the median of all slopes between its points (Theil-Sen), which outliers do not move.

use std::time::Duration;

/// At most this many points are looked at, evenly spread over the window: 496 slopes, sorted on the stack.
const POINTS: usize = 32;
const SLOPES: usize = POINTS * (POINTS - 1) / 2;

/// Points closer together than this say nothing about a trend.
const SHORTEST: Duration = Duration::from_secs(1);

/// Units per second over `points`, which rise in time; `None` when they span less than a second.
///
/// Allocates nothing and keeps nothing: whoever asks gets the same answer, and asking changes nothing.
pub(crate) fn growth_per_sec(points: impl Iterator<Item = (Duration, u64)> + Clone) -> Option<f64> {
    let count = points.clone().count();
    let (mut kept, stride) = ([(0.0, 0.0); POINTS], count.div_ceil(POINTS).max(1));
    // Counted from the newest, so that the newest is always among them.
    let skip = count.checked_sub(1)? % stride;
    let mut used = 0;
    for (slot, (at, figure)) in kept.iter_mut().zip(points.skip(skip).step_by(stride)) {
        *slot = (at.as_secs_f64(), figure as f64);
        used += 1;
    }
    let kept = kept.get(..used)?;
    let span = kept.last()?.0 - kept.first()?.0;
    if span < SHORTEST.as_secs_f64() { None } else { median_slope(kept) }
}

fn median_slope(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = points.iter().enumerate().flat_map(|(index, a)| {
        points.iter().skip(index + 1).map(move |b| (b.1 - a.1) / (b.0 - a.0))
    });
    let mut slopes = [0.0; SLOPES];
    let mut used = 0;
    for (slot, slope) in slopes.iter_mut().zip(pairs.filter(|slope| slope.is_finite())) {
        *slot = slope;
        used += 1;
    }
    let slopes = slopes.get_mut(..used)?;
    let middle = used.checked_sub(1)? / 2;
    let (_, median, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(points: &[(u64, u64)]) -> Option<f64> {
        growth_per_sec(points.iter().map(|(at, figure)| (Duration::from_millis(*at), *figure)))
    }

    #[test]
    fn a_straight_line_has_its_slope() {
        let line: Vec<_> = (0..2880).map(|n| (n * 30_000, 1_000_000 + n * 300)).collect();
        assert_eq!(growth(&line), Some(10.0));
        let falling: Vec<_> = (0..50).map(|n| (n * 1000, 1_000_000 - n * 7)).collect();
        assert_eq!(growth(&falling), Some(-7.0));
    }

    #[test]
    fn one_spike_changes_nothing() {
        let mut flat: Vec<_> = (0..20).map(|n| (n * 1000, 500)).collect();
        flat[10].1 = 1_000_000_000;
        assert_eq!(growth(&flat), Some(0.0));
    }

    #[test]
    fn too_little_is_unknown() {
        assert_eq!(growth(&[]), None);
        assert_eq!(growth(&[(0, 5)]), None);
        assert_eq!(growth(&[(0, 5), (999, 50)]), None);
        assert_eq!(growth(&[(0, 5), (1000, 50)]), Some(45.0));
        assert_eq!(growth(&[(7, 5), (7, 6), (7, 7)]), None, "a clock that stands still");
    }

    #[test]
    fn the_newest_point_is_always_looked_at() {
        for count in 2..200u64 {
            let mut flat: Vec<_> = (0..count).map(|n| (n * 1000, 0)).collect();
            let newest = flat.len() - 1;
            flat[newest].1 = 10;
            let only_two = [flat[0], flat[newest]];
            assert!(growth(&only_two) > Some(0.0));
            assert!(growth(&flat).is_some());
        }
    }
}
