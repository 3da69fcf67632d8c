//! Room inside jemalloc's slabs that will be used again: free slots, of each size class as many as were lately taken.
//!
//! A free slot serves its own size class only. After 256 MiB were freed at random, refilling with the same class raised the
//! resident memory by some 12 MiB, with any other by 266 to 322 MiB. So free slots are room only where there is demand.

use crate::source::{SMALL_CLASSES, Slots};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What was taken in this time will be taken again in as long.
const WINDOW: Duration = Duration::from_secs(30);

/// Time between two marks: the window is kept to within this.
const APART: Duration = Duration::from_secs(5);

/// Marks at most: the window's, and the one before it.
const MARKS: usize = 8;

/// How often slots of each class had been taken at a moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    taken: [u64; SMALL_CLASSES],
}

/// What was taken lately, in memory that is taken once: 4 KiB.
#[derive(Debug)]
pub(crate) struct Demand {
    marks: VecDeque<Mark>,
}

impl Demand {
    pub(crate) fn new() -> Self {
        Demand { marks: VecDeque::with_capacity(MARKS + 1) }
    }

    /// Takes in the slots of a moment, and gives the bytes in free slots that the demand of the window would fill.
    pub(crate) fn observe(&mut self, slots: &Slots, now: Instant) -> u64 {
        let age = |mark: &Mark| now.saturating_duration_since(mark.at);
        // The last one that is older than the window tells what was taken in it.
        while self.marks.get(1).is_some_and(|second| age(second) >= WINDOW) {
            self.marks.pop_front();
        }
        let reusable = self.marks.front().map_or(0, |mark| reusable(slots, mark, age(mark)));
        if self.marks.len() < MARKS && self.marks.back().is_none_or(|last| age(last) >= APART) {
            let taken = slots.0.map(|class| class.taken_total);
            self.marks.push_back(Mark { at: now, taken });
        }
        reusable
    }
}

/// Over all classes, the lesser of what is free and what was taken since `mark`, in as long as the window is.
fn reusable(slots: &Slots, mark: &Mark, age: Duration) -> u64 {
    let share = (WINDOW.as_secs_f64() / age.as_secs_f64()).min(1.0);
    let of_class = |(class, taken_before): (&crate::source::SlotClass, &u64)| {
        let taken = class.taken_total.saturating_sub(*taken_before) as f64 * share;
        class.size.saturating_mul(class.free.min(taken as u64))
    };
    slots.0.iter().zip(&mark.taken).map(of_class).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SlotClass;

    /// Classes of 64 and 128 bytes: (free, taken so far).
    fn slots(small: (u64, u64), large: (u64, u64)) -> Slots {
        let mut slots = Slots::default();
        let class = |size, (free, taken_total)| SlotClass { size, free, taken_total };
        (slots.0[0], slots.0[1]) = (class(64, small), class(128, large));
        slots
    }

    #[test]
    fn free_slots_count_as_far_as_their_own_class_is_wanted() {
        let (mut demand, start) = (Demand::new(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(demand.observe(&slots((1000, 500), (1000, 0)), at(0)), 0, "no demand is known");
        assert_eq!(demand.observe(&slots((1000, 700), (1000, 0)), at(10)), 200 * 64);
        assert_eq!(demand.observe(&slots((50, 700), (1000, 0)), at(11)), 50 * 64, "what is free");
        assert_eq!(demand.observe(&slots((50, 700), (1000, 3)), at(12)), 50 * 64 + 3 * 128);
        demand.observe(&slots((9000, 700), (9000, 3)), at(20));
        assert_eq!(demand.observe(&slots((9000, 700), (9000, 3)), at(60)), 0, "long ago");
    }

    #[test]
    fn a_longer_time_than_the_window_counts_in_proportion() {
        let (mut demand, start) = (Demand::new(), Instant::now());
        demand.observe(&slots((1000, 0), (0, 0)), start);
        let hour = demand.observe(&slots((1000, 1200), (0, 0)), start + Duration::from_secs(3600));
        assert_eq!(hour, 10 * 64);
    }

    #[test]
    fn a_clock_that_stands_still_and_totals_that_fall_do_no_harm() {
        let (mut demand, start) = (Demand::new(), Instant::now());
        demand.observe(&slots((10, 100), (0, 0)), start);
        assert_eq!(demand.observe(&slots((10, 104), (0, 0)), start), 4 * 64);
        assert_eq!(demand.observe(&slots((10, 20), (0, 0)), start), 0, "an arena was reset");
    }

    #[test]
    fn it_takes_its_memory_once() {
        let (mut demand, start) = (Demand::new(), Instant::now());
        let room = demand.marks.capacity();
        for tick in 0..10_000 {
            demand.observe(&Slots::default(), start + Duration::from_millis(tick * 100));
        }
        assert!(demand.marks.len() <= MARKS && demand.marks.capacity() == room);
    }
}
