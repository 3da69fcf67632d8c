//! How much a program takes into use within half a minute: pages that a purge had better leave to it.

use std::time::Duration;

/// How far back demand is looked for, in seconds.
const WINDOW: u64 = 30;

/// One place for every second of the window and the one that has begun.
const PLACES: usize = 31;

/// The least and the most that was active within a second, and how far it rose.
#[derive(Clone, Copy, Debug)]
struct Span {
    second: u64,
    low: u64,
    high: u64,
    rise: u64,
}

/// What was active in each of the last 30 seconds. Fixed size; the time is the caller's, since any beginning.
#[derive(Clone, Debug)]
pub(crate) struct Demand([Option<Span>; PLACES]);

impl Demand {
    pub(crate) const fn new() -> Self {
        Demand([None; PLACES])
    }

    /// Notes the bytes in active pages at `at`, not before the last one.
    pub(crate) fn push(&mut self, at: Duration, active: u64) {
        let second = at.as_secs();
        let Some(place) = self.0.get_mut((second % PLACES as u64) as usize) else { return };
        let span = place.filter(|span| span.second == second);
        let span = span.unwrap_or(Span { second, low: active, high: active, rise: 0 });
        let low = span.low.min(active);
        let rise = span.rise.max(active - low);
        *place = Some(Span { second, low, high: span.high.max(active), rise });
    }

    /// The largest rise of what was active within the window that ends at `at`: pages that were taken into use, and would
    /// have been had from the unused ones. `None` until there are two seconds to compare.
    pub(crate) fn within(&self, at: Duration) -> Option<u64> {
        let last = at.as_secs();
        let place = |second: u64| self.0.get((second % PLACES as u64) as usize).copied().flatten();
        let spans = (last.saturating_sub(WINDOW)..=last)
            .filter_map(|second| place(second).filter(|span| span.second == second));
        let (mut seconds, mut lowest, mut rise) = (0, u64::MAX, 0);
        for span in spans {
            seconds += 1;
            rise = rise.max(span.rise).max(span.high.saturating_sub(lowest));
            lowest = lowest.min(span.low);
        }
        (seconds >= 2).then_some(rise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(readings: &[(u64, u64)]) -> Option<u64> {
        let mut demand = Demand::new();
        readings.iter().for_each(|&(millis, active)| {
            demand.push(Duration::from_millis(millis), active);
        });
        demand.within(Duration::from_millis(readings.last()?.0))
    }

    #[test]
    fn the_largest_rise_counts_wherever_it_lies() {
        assert_eq!(after(&[(0, 100), (1000, 150), (2000, 120), (3000, 190), (4000, 50)]), Some(90));
        assert_eq!(after(&[(0, 900), (1000, 500), (2000, 100)]), Some(0), "it only falls");
        assert_eq!(after(&[(0, 10), (900, 60), (1500, 20)]), Some(50), "within a second");
        let fall = [(0, 900), (1100, 900), (1500, 100), (1900, 130)];
        assert_eq!(after(&fall), Some(30), "a fall within a second is none");
    }

    #[test]
    fn what_is_older_than_half_a_minute_is_forgotten() {
        assert_eq!(after(&[(0, 100), (1000, 900), (20_000, 300), (40_000, 350)]), Some(50));
        assert_eq!(after(&[(0, 100), (30_500, 170)]), Some(70), "the window's first second");
        assert_eq!(after(&[(0, 100), (31_500, 170)]), None, "nothing to compare it with");
        assert_eq!(after(&[(100, 5), (900, 9)]), None, "one second has no history");
        assert_eq!(Demand::new().within(Duration::ZERO), None);
    }
}
