//! Numbers that look random and are the same in every run: a failing script can be run again by its seed.

/// The splitmix64 generator.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    /// Mostly small, now and then up to 1 MiB: both the hot path of the counters and the slow one.
    pub(crate) fn size(&mut self) -> usize {
        let magnitude = if self.below(50) == 0 { 20 } else { 1 + self.below(11) };
        1 + self.below(1 << magnitude)
    }

    pub(crate) fn layout(&mut self) -> std::alloc::Layout {
        let size = self.size();
        std::alloc::Layout::from_size_align(size, 1 << self.below(8)).expect("a layout")
    }
}
