//! When unused pages are given back to the system.

use crate::level::Level;

/// Fewer dirty pages than this are not worth a purge.
const LEAST: u64 = 32 << 20;

/// Whether to purge: dirty pages above a twentieth of the budget once the warning threshold is reached, or above a
/// fifth at any time.
pub(crate) fn is_due(dirty: Option<u64>, budget: u64, level: Level) -> bool {
    let Some(dirty) = dirty else { return false };
    let near_the_line = level >= Level::Caution && dirty > LEAST.max(budget / 20);
    near_the_line || dirty > LEAST.max(budget / 5)
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
        assert!(is_due(Some(twentieth), budget, Level::Caution));
        assert!(!is_due(Some(twentieth), budget, Level::Healthy));
        assert!(is_due(Some(budget / 5 + 1), budget, Level::Healthy));
        assert!(!is_due(Some(LEAST), 64 << 20, Level::Critical), "little is left alone");
        assert!(!is_due(None, budget, Level::Critical));
    }
}
