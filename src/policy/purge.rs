//! When unused pages are given back to the system.

use crate::level::Level;
use std::time::Duration;

/// Fewer dirty pages than this are not worth a purge, unless they stand against the wall.
const LEAST: u64 = 32 << 20;

/// How urgently unused pages should be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// With a rest between purges: pages that are wanted again would be zeroed for nothing.
    Routine,
    /// At once: usage and unused pages together have nearly reached the budget, and the kernel counts both.
    Wall,
}

impl Need {
    /// The least time between two purges.
    pub(crate) const fn rest(self) -> Duration {
        match self {
            Need::Routine => Duration::from_secs(1),
            Need::Wall => Duration::from_millis(100),
        }
    }
}

/// Whether to purge: dirty pages above a twentieth of the budget once the warning threshold is reached, above a fifth at
/// any time, or above a fiftieth when usage and they together come to 95 % of the budget.
pub(crate) fn need(
    dirty: Option<u64>,
    usage: Option<u64>,
    budget: u64,
    level: Level,
) -> Option<Need> {
    let dirty = dirty?;
    let together = usage.unwrap_or(0).saturating_add(dirty);
    if together >= budget / 100 * 95 && dirty > budget / 50 {
        return Some(Need::Wall);
    }
    let near_the_line = level >= Level::Caution && dirty > LEAST.max(budget / 20);
    (near_the_line || dirty > LEAST.max(budget / 5)).then_some(Need::Routine)
}

/// A purge under way, and what was held when it began.
///
/// jemalloc takes all pages off its dirty count before the kernel has the first of them back. Until the purge has
/// ended they look like pages in use: a heap at 85 % of its budget was read at 126 %.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnderWay {
    usage: u64,
    active: u64,
}

impl UnderWay {
    /// `None` where jemalloc's figures are unknown.
    pub(crate) fn begin(usage: Option<u64>, active: Option<u64>) -> Option<Self> {
        Some(UnderWay { usage: usage?, active: active? })
    }

    /// The usage that was `read`, at most what was held at the beginning and has been taken into use since.
    pub(crate) fn usage(self, read: u64, active: Option<u64>) -> u64 {
        let Some(active) = active else { return read };
        let since = active.cast_signed().saturating_sub(self.active.cast_signed());
        read.min(self.usage.saturating_add_signed(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_on_their_way_back_are_not_in_use() {
        let purge = UnderWay::begin(Some(100), Some(80)).expect("known figures");
        assert_eq!(purge.usage(150, Some(80)), 100, "the dirty count fell before the pages went");
        assert_eq!(purge.usage(150, Some(95)), 115, "more is in use meanwhile");
        assert_eq!(purge.usage(150, Some(70)), 90, "or less");
        assert_eq!(purge.usage(60, Some(80)), 60, "as read where that is lower");
        assert_eq!(purge.usage(150, None), 150);
        assert!(UnderWay::begin(None, Some(80)).is_none());
    }

    #[test]
    fn near_the_line_a_twentieth_and_always_a_fifth() {
        let budget = 4 << 30;
        let twentieth = budget / 20 + 1;
        let routine = Some(Need::Routine);
        assert_eq!(need(Some(twentieth), Some(0), budget, Level::Caution), routine);
        assert_eq!(need(Some(twentieth), Some(0), budget, Level::Healthy), None);
        assert_eq!(need(Some(budget / 5 + 1), Some(0), budget, Level::Healthy), routine);
        assert_eq!(
            need(Some(LEAST), Some(0), 64 << 20, Level::Critical),
            None,
            "little is left alone"
        );
        assert_eq!(need(None, Some(0), budget, Level::Critical), None);
    }

    #[test]
    fn against_the_wall_little_counts() {
        let budget = 64 << 20;
        assert_eq!(need(Some(8 << 20), Some(54 << 20), budget, Level::Caution), Some(Need::Wall));
        assert_eq!(need(Some(8 << 20), Some(50 << 20), budget, Level::Caution), None);
        assert_eq!(need(Some(1 << 20), Some(64 << 20), budget, Level::Critical), None);
    }
}
