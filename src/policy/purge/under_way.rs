//! What counts as in use while pages are on their way back to the system.

use crate::metric::Values;

/// jemalloc's pages at one moment, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// All that it has mapped and not given back.
    pub(crate) mapped: u64,
    pub(crate) active: u64,
    pub(crate) dirty: u64,
}

impl Held {
    /// `None` where jemalloc's figures are unknown.
    pub(crate) fn of(values: &Values) -> Option<Self> {
        Some(Held {
            mapped: values.jemalloc_mapped_bytes()?,
            active: values.jemalloc_active_bytes()?,
            dirty: values.jemalloc_dirty_bytes()?,
        })
    }

    /// Mapped, and neither in use nor kept: bookkeeping, and what is being given back. jemalloc takes pages off its dirty
    /// count before it asks the kernel to drop them, and off what it has mapped when the kernel has dropped them all.
    fn neither(self) -> u64 {
        self.mapped.saturating_sub(self.active).saturating_sub(self.dirty)
    }
}

/// A purge under way, and what was held when it began.
///
/// jemalloc takes all pages of a slice off its dirty count before the kernel has the first of them back. Until then they
/// look like pages in use: a heap at 85 % of its budget was read at 126 %.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnderWay {
    usage: u64,
    held: Held,
}

impl UnderWay {
    /// `None` where jemalloc's figures are unknown.
    pub(crate) fn begin(usage: Option<u64>, held: Option<Held>) -> Option<Self> {
        Some(UnderWay { usage: usage?, held: held? })
    }

    /// The usage that was `read`, without the pages that are on their way at this moment. What else has grown meanwhile
    /// stays in it; and since the kernel may have some of those pages already, it is no less than what was held at the
    /// beginning and has been taken into use since, unless it was read so.
    pub(crate) fn usage(self, read: u64, held: Option<Held>) -> u64 {
        let Some(held) = held else { return read };
        let on_their_way = held.neither().saturating_sub(self.held.neither());
        let since = held.active.cast_signed().saturating_sub(self.held.active.cast_signed());
        let of_the_heap = self.usage.saturating_add_signed(since);
        read.saturating_sub(on_their_way).max(read.min(of_the_heap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(mapped: u64, active: u64, dirty: u64) -> Option<Held> {
        Some(Held { mapped, active, dirty })
    }

    /// 80 of 100 bytes are active, 60 more are dirty, and 5 are bookkeeping.
    fn purge() -> UnderWay {
        UnderWay::begin(Some(100), held(145, 80, 60)).expect("known figures")
    }

    #[test]
    fn pages_on_their_way_back_are_not_in_use() {
        assert_eq!(purge().usage(160, held(145, 80, 0)), 100, "the dirty count fell first");
        assert_eq!(purge().usage(120, held(145, 80, 0)), 100, "the kernel has some of them");
        assert_eq!(
            purge().usage(175, held(160, 95, 0)),
            115,
            "more is in use meanwhile, newly mapped"
        );
        assert_eq!(purge().usage(160, held(145, 95, 0)), 115, "or of those that were unused");
        assert_eq!(purge().usage(150, held(145, 70, 10)), 90, "or less");
        assert_eq!(purge().usage(60, held(145, 80, 0)), 60, "as read where that is lower");
        assert_eq!(purge().usage(150, None), 150);
        assert!(UnderWay::begin(None, held(145, 80, 60)).is_none());
    }

    #[test]
    fn what_grows_outside_the_heap_meanwhile_is_in_use() {
        assert_eq!(purge().usage(140, held(145, 80, 60)), 140, "nothing is on its way yet");
        assert_eq!(purge().usage(200, held(145, 80, 0)), 140, "all is, and nothing has arrived");
        assert_eq!(purge().usage(150, held(115, 80, 20)), 140, "10 are, 30 have arrived");
        assert_eq!(purge().usage(140, held(85, 80, 0)), 140, "all have arrived");
    }
}
