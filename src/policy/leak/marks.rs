//! `Marks`: the heap profiles by which the places of a leak are found: one where the growth began, one half way.

use super::{LeakVerdict, Tracker};

/// So many epochs lie between two marks: a day, so that its course is the same at both.
const APART: u32 = 4;

/// A profile, and what was known when it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Mark<P> {
    pub(crate) profile: P,
    /// The floor of the epoch that ended then; `None` where none had.
    floor: Option<u64>,
}

/// The end of an epoch, for a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    floor: u64,
    grows: bool,
}

impl EpochEnd {
    pub(super) fn of(tracker: &Tracker) -> Self {
        let [short, _] = &tracker.windows;
        EpochEnd {
            floor: short.floor().map_or(0, |floor| floor.bytes),
            grows: tracker.verdict() != LeakVerdict::None || !short.rises().is_empty(),
        }
    }

    /// By how much the floor has risen since a mark; `None` where that has none.
    pub(crate) fn growth_since<P>(self, mark: &Mark<P>) -> Option<u64> {
        mark.floor.map(|floor| self.floor.saturating_sub(floor))
    }
}

/// Two profiles at most, the first from before whatever grows now.
#[derive(Clone, Debug)]
pub(crate) struct Marks<P> {
    first: Option<Mark<P>>,
    middle: Option<Mark<P>>,
    /// Epochs since the newer of them.
    epochs: u32,
}

impl<P> Default for Marks<P> {
    fn default() -> Self {
        Marks { first: None, middle: None, epochs: 0 }
    }
}

impl<P: Clone> Marks<P> {
    /// The earliest, which all growth is held against.
    pub(crate) fn first(&self) -> Option<&Mark<P>> {
        self.first.as_ref()
    }

    /// Before any epoch has ended: what grows is held against it until one has.
    pub(crate) fn begin(&mut self, profile: P) {
        self.first.get_or_insert(Mark { profile, floor: None });
    }

    /// The profile at the end of an epoch. Gives the two marks before it when it is time to ask whether what grew from the
    /// first to the second went on growing until now: days apart, each a whole one.
    pub(crate) fn take(&mut self, end: EpochEnd, profile: &P) -> Option<[Mark<P>; 2]> {
        let mark = Mark { profile: profile.clone(), floor: Some(end.floor) };
        let is_kept = |first: &&Mark<P>| end.grows && first.floor.is_some();
        let Some(first) = self.first.as_ref().filter(is_kept) else {
            *self = Marks { first: Some(mark), ..Marks::default() };
            return None;
        };
        self.epochs += 1;
        let Some(middle) = &self.middle else {
            if self.epochs >= APART {
                (self.middle, self.epochs) = (Some(mark), 0);
            }
            return None;
        };
        let spans = (self.epochs.is_multiple_of(APART)).then(|| [first.clone(), middle.clone()]);
        if self.epochs >= 2 * APART {
            (self.first, self.middle, self.epochs) = (self.middle.take(), Some(mark), 0);
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(marks: &Option<[Mark<u32>; 2]>) -> Option<[u32; 2]> {
        marks.as_ref().map(|marks| [marks[0].profile, marks[1].profile])
    }

    fn first(marks: &Marks<u32>) -> Option<u32> {
        marks.first().map(|mark| mark.profile)
    }

    #[test]
    fn while_nothing_grows_the_last_epoch_is_where_growth_would_begin() {
        let mut kept = Marks::default();
        kept.begin(1);
        kept.begin(2);
        assert_eq!(first(&kept), Some(1), "it begins once");
        for epoch in 10..20 {
            assert!(kept.take(EpochEnd { floor: 5, grows: false }, &epoch).is_none());
            assert_eq!(first(&kept), Some(epoch));
        }
    }

    #[test]
    fn what_grew_before_the_profile_began_is_not_held_against_it() {
        let mut kept = Marks::default();
        let end = |floor| EpochEnd { floor, grows: true };
        kept.begin(1);
        assert_eq!(end(900).growth_since(kept.first().expect("it has begun")), None);
        let asked: Vec<_> = (2..=10).map(|epoch| kept.take(end(900 + epoch), &epoch)).collect();
        let [first, _] = asked.last().cloned().flatten().expect("two days are over");
        assert_eq!((first.profile, end(910).growth_since(&first)), (2, Some(8)));
    }

    #[test]
    fn two_spans_of_a_day_each_are_compared_once_both_are_over() {
        let mut kept = Marks::default();
        let end = |grows| EpochEnd { floor: 5, grows };
        kept.take(end(false), &0);
        let asked: Vec<_> = (1..=20).map(|epoch| marks(&kept.take(end(true), &epoch))).collect();
        let times: Vec<_> = (1..).zip(&asked).filter_map(|(at, it)| Some((at, (*it)?))).collect();
        // From then on the spans move, so that a leak that began later is found too.
        assert_eq!(times, [(8, [0, 4]), (12, [0, 4]), (16, [4, 12]), (20, [4, 12])]);
        assert!(kept.take(end(false), &21).is_none());
        assert_eq!(first(&kept), Some(21));
    }
}
