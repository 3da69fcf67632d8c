//! What makes an emergency of any usage: the kernel's wall is near, and not only because of page cache.
//!
//! The charge alone says nothing: it stands at the limit whenever files are read. Nor do the times that the limit was hit:
//! 1.5 GiB of files written and read three times through a group of 128 MiB hit it 3682 times and stopped nobody (all tasks waited
//! 0.7 % of ten seconds). What tells is that work waits for memory; or, since the kernel does not say so of every group, that
//! the limit is hit while there is hardly anything left to drop.

use crate::level::Level;
use crate::policy::usage::{NEAR_PERCENT, Usage};

/// What cannot be dropped makes an emergency from this share of the limit on, in percent.
const CRITICAL_PERCENT: f64 = 97.0;

/// A charge from this share of the limit on stands at it.
const AT_THE_LIMIT: f64 = 0.98;

/// All tasks wait for memory in this share of the time, in percent: more than reading files costs, by far.
const STALLED_PERCENT: f64 = 10.0;

/// Less than this share of the limit that could be dropped is nothing.
const NOTHING_TO_DROP: f64 = 0.05;

/// Whether the wall is near, and how often it was hit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wall {
    is_near: bool,
    hits: Option<u64>,
}

impl Wall {
    /// The least level that the wall calls for: [`Level::Critical`], or none.
    ///
    /// `hits` is how often the limit was hit so far, `stalled_percent` the time in which all tasks waited.
    pub(crate) fn observe(
        &mut self,
        usage: &Usage,
        hits: Option<u64>,
        stalled_percent: Option<f64>,
    ) -> Level {
        let was_hit = self.was_hit(hits);
        let least = if self.is_near { NEAR_PERCENT } else { CRITICAL_PERCENT };
        self.is_near = usage.proximity_percent.is_some_and(|percent| percent >= least);
        let waits = stalled_percent.is_some_and(|percent| percent >= STALLED_PERCENT);
        let presses = waits || was_hit && nothing_to_drop(usage);
        if self.is_near || presses && is_at_the_limit(usage) {
            Level::Critical
        } else {
            Level::Healthy
        }
    }

    fn was_hit(&mut self, hits: Option<u64>) -> bool {
        let before = std::mem::replace(&mut self.hits, hits);
        before.zip(hits).is_some_and(|(before, now)| now > before)
    }
}

fn is_at_the_limit(usage: &Usage) -> bool {
    share(usage.high_bytes, usage).is_some_and(|share| share >= AT_THE_LIMIT)
}

fn nothing_to_drop(usage: &Usage) -> bool {
    let droppable =
        usage.high_bytes.zip(usage.low_bytes).map(|(high, low)| high.saturating_sub(low));
    share(droppable, usage).is_some_and(|share| share < NOTHING_TO_DROP)
}

fn share(bytes: Option<u64>, usage: &Usage) -> Option<f64> {
    Some(bytes? as f64 / usage.limit_bytes.filter(|limit| *limit > 0)? as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{Critical, Healthy};

    fn usage(low: u64, high: u64) -> Usage {
        Usage {
            low_bytes: Some(low),
            high_bytes: Some(high),
            limit_bytes: Some(1000),
            proximity_percent: Some(low as f64 / 10.0),
            ..Usage::default()
        }
    }

    #[test]
    fn near_the_wall_nothing_is_subtracted() {
        let mut wall = Wall::default();
        let mut at = |low| wall.observe(&usage(low, low), None, None);
        let levels = [960, 970, 955, 950, 949, 960].map(&mut at);
        assert_eq!(levels, [Healthy, Critical, Critical, Critical, Healthy, Healthy]);
        assert_eq!(Wall::default().observe(&Usage::default(), Some(5), Some(99.0)), Healthy);
    }

    #[test]
    fn page_cache_at_the_limit_alarms_nobody() {
        let mut wall = Wall::default();
        for hits in 0..1000 {
            assert_eq!(wall.observe(&usage(300, 1000), Some(hits * 37), Some(0.7)), Healthy);
            assert_eq!(wall.observe(&usage(300, 1000), Some(hits * 37), None), Healthy);
        }
    }

    #[test]
    fn what_the_kernel_cannot_drop_alarms_when_work_waits_for_it() {
        let mut wall = Wall::default();
        assert_eq!(wall.observe(&usage(300, 1000), Some(5), Some(40.0)), Critical);
        assert_eq!(wall.observe(&usage(300, 900), Some(6), Some(40.0)), Healthy, "another's wait");
        assert_eq!(wall.observe(&usage(300, 1000), Some(6), Some(2.0)), Healthy);
    }

    #[test]
    fn hits_count_when_nothing_can_be_dropped() {
        let mut wall = Wall::default();
        assert_eq!(wall.observe(&usage(945, 990), Some(5), None), Healthy, "nothing to compare");
        assert_eq!(wall.observe(&usage(945, 990), Some(5), None), Healthy);
        assert_eq!(wall.observe(&usage(945, 990), Some(6), None), Critical);
        assert_eq!(wall.observe(&usage(900, 990), Some(7), None), Healthy, "there is page cache");
        assert_eq!(wall.observe(&usage(945, 990), None, None), Healthy);
        let mut of_the_machine = Wall::default();
        of_the_machine.observe(&usage(945, 990), Some(5), Some(0.1));
        let hit = of_the_machine.observe(&usage(945, 990), Some(6), Some(0.1));
        assert_eq!(hit, Critical, "version 1: the machine does not wait, the group may");
    }
}
