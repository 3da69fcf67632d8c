//! What counts as in use while pages are on their way back to the system.

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
}
