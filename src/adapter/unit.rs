//! Between bytes and what a cache counts in: weights that are bytes, or entries.

/// The bytes that one unit of a cache's own counting stands for; at least 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit(pub(super) u64);

impl Unit {
    /// Weights that are bytes.
    pub(super) const BYTES: Unit = Unit(1);

    /// Entries of so many bytes each.
    pub(super) fn entries_of(bytes: u64) -> Self {
        Unit(bytes.max(1))
    }

    pub(super) fn to_bytes(self, units: u64) -> u64 {
        units.saturating_mul(self.0)
    }

    /// The fewest units that come to `bytes`.
    pub(super) fn to_reach(self, bytes: u64) -> u64 {
        bytes.div_ceil(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_are_rounded_up() {
        let entries = Unit::entries_of(100);
        assert_eq!((entries.to_reach(250), entries.to_bytes(3)), (3, 300));
        assert_eq!((Unit::BYTES.to_reach(250), Unit::BYTES.to_bytes(3)), (250, 3));
        assert_eq!(Unit::entries_of(0).to_reach(7), 7, "of no bytes there are none to divide by");
    }
}
