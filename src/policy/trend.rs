//! How fast a figure grows: the median of all slopes between its points (Theil-Sen), which outliers do not move.

use std::collections::VecDeque;
use std::time::Duration;

/// At most this many points are looked at, evenly spread over the window: 496 slopes, sorted on the stack.
const POINTS: usize = 32;
const SLOPES: usize = POINTS * (POINTS - 1) / 2;

/// Points closer together than this say nothing about a trend.
const SHORTEST: Duration = Duration::from_secs(1);

/// Points that a trail keeps: enough for any window, however fast the ticks come near the line.
const KEPT: u32 = 256;

/// A figure's way through the window, thinned to 256 points in memory that is taken once.
#[derive(Debug)]
pub(crate) struct Trail {
    window: Duration,
    points: VecDeque<(Duration, u64)>,
}

impl Trail {
    pub(crate) fn new(window: Duration) -> Self {
        Trail { window, points: VecDeque::with_capacity(KEPT as usize + 1) }
    }

    /// Takes in a figure, and gives the growth over the window up to it.
    pub(crate) fn push(&mut self, at: Duration, figure: u64) -> Option<f64> {
        let start = at.saturating_sub(self.window);
        while self.points.front().is_some_and(|(oldest, _)| *oldest < start) {
            self.points.pop_front();
        }
        let growth = growth_per_sec(self.points.iter().copied().chain([(at, figure)]));
        let apart = self.window / KEPT;
        if self.points.back().is_none_or(|(last, _)| at.saturating_sub(*last) >= apart) {
            self.points.push_back((at, figure));
        }
        growth
    }
}

/// Units per second over `points`, which rise in time; `None` when they span less than a second.
///
/// Allocates nothing and keeps nothing: whoever asks gets the same answer, and asking changes nothing.
fn growth_per_sec(points: impl Iterator<Item = (Duration, u64)> + Clone) -> Option<f64> {
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

    #[test]
    fn a_trail_keeps_the_window_and_no_more_than_its_room() {
        let mut trail = Trail::new(Duration::from_secs(300));
        let room = trail.points.capacity();
        let mut growth = None;
        for tick in 0..100_000u64 {
            growth = trail.push(Duration::from_millis(tick * 10), tick * 10);
        }
        assert_eq!(growth.map(f64::round), Some(1000.0));
        assert!(trail.points.len() <= KEPT as usize + 1 && trail.points.capacity() == room);
        let (oldest, _) = trail.points.front().expect("a point");
        assert!(oldest.as_secs() >= 699 && oldest.as_secs() <= 702);
    }

    #[test]
    fn a_fall_shows_once_the_rise_has_left_the_window() {
        let mut trail = Trail::new(Duration::from_secs(10));
        let rise = (0..20).map(|second| trail.push(Duration::from_secs(second), second * 5)).last();
        assert_eq!(rise, Some(Some(5.0)));
        let fall =
            (20..40).map(|second| trail.push(Duration::from_secs(second), 200 - second)).last();
        assert_eq!(fall, Some(Some(-1.0)));
    }
}
