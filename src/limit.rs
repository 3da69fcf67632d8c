//! `Limit`: how many bytes may be live at once, held by the allocator itself: a wall, where a budget is a line.

use std::sync::atomic::{AtomicU64, Ordering};

/// Unless told otherwise a 64th of the limit is held back, and never more than this: errors and evictions need little.
const MOST_RESERVE: u64 = 8 << 20;

/// From here on a request is data. Below are messages, the boxes of errors, a panic and its trace.
const PAGE: u64 = 4096;

/// No limit. As a limit it would refuse nothing either.
const NONE: u64 = u64::MAX;

/// The most requested bytes that may be live at once, and how much of them is held back for what must go on.
///
/// | request | is refused when it would take the live bytes above |
/// |---|---|
/// | of a page (4096 bytes) or more | the limit less the reserve |
/// | smaller, so that errors can be made and handled | the limit less half of the reserve |
/// | by plimsoll's own threads, those that run the caches' code among them | the limit |
/// | by a thread that panics, whose trace needs memory and would hang without | never |
///
/// ```
/// # use plimsoll::Limit;
/// let limit = Limit::bytes(512 << 20).reserve(4 << 20);
/// assert_eq!((limit.limit_bytes(), limit.reserve_bytes()), (512 << 20, 4 << 20));
/// assert_eq!(Limit::bytes(64 << 20).reserve_bytes(), 1 << 20); // a 64th, and 8 MiB at most
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    bytes: u64,
    reserve: u64,
}

impl Limit {
    /// At most `bytes`, of which a 64th is held back, and never more than 8 MiB.
    pub const fn bytes(bytes: u64) -> Self {
        let share = bytes / 64;
        Limit { bytes, reserve: if share < MOST_RESERVE { share } else { MOST_RESERVE } }
    }

    /// Holds back `bytes` of the limit; half of it at most, more counts as that.
    pub const fn reserve(self, bytes: u64) -> Self {
        let half = self.bytes / 2;
        Limit { reserve: if bytes < half { bytes } else { half }, ..self }
    }

    /// The most bytes that may be live at once, the reserve included.
    pub const fn limit_bytes(self) -> u64 {
        self.bytes
    }

    /// How many of them are held back.
    pub const fn reserve_bytes(self) -> u64 {
        self.reserve
    }

    /// How many bytes may be live with an object of `size` that is asked for, by one of our own threads or not.
    const fn ceiling(self, size: u64, own: bool) -> u64 {
        let held_back = match (own, size < PAGE) {
            (true, _) => 0,
            (false, true) => self.reserve / 2,
            (false, false) => self.reserve,
        };
        self.bytes.saturating_sub(held_back)
    }
}

/// The limit in force, if any. All relaxed: one that is changed while requests are made holds for those after it.
#[derive(Debug)]
pub(crate) struct Wall {
    bytes: AtomicU64,
    reserve: AtomicU64,
}

impl Wall {
    pub(crate) const fn none() -> Self {
        Wall { bytes: AtomicU64::new(NONE), reserve: AtomicU64::new(0) }
    }

    pub(crate) const fn at(limit: Limit) -> Self {
        Wall { bytes: AtomicU64::new(limit.bytes), reserve: AtomicU64::new(limit.reserve) }
    }

    pub(crate) fn set(&self, limit: Option<Limit>) {
        let Limit { bytes, reserve } = limit.unwrap_or(Limit { bytes: NONE, reserve: 0 });
        self.reserve.store(reserve, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        let reserve = self.reserve.load(Ordering::Relaxed);
        Some(Limit { bytes: self.bytes.load(Ordering::Relaxed), reserve }).filter(|_| self.is_up())
    }

    #[inline(always)]
    pub(crate) fn is_up(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) != NONE
    }

    /// As [`Limit`]'s table says; `None` without a limit.
    pub(crate) fn ceiling(&self, size: u64, own: bool) -> Option<u64> {
        Some(self.limit()?.ceiling(size, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_how_much_decides_how_much_of_the_reserve_is_theirs() {
        let wall = Wall::at(Limit::bytes(1000).reserve(100));
        let ceilings = [(4096, false), (4095, false), (4095, true), (4096, true)]
            .map(|(size, own)| wall.ceiling(size, own));
        assert_eq!(ceilings, [Some(900), Some(950), Some(1000), Some(1000)]);
    }

    #[test]
    fn a_limit_can_be_changed_and_lifted() {
        let wall = Wall::none();
        assert_eq!((wall.is_up(), wall.limit(), wall.ceiling(1, true)), (false, None, None));
        let limit = Limit::bytes(1 << 30);
        wall.set(Some(limit));
        assert_eq!((wall.is_up(), wall.limit()), (true, Some(limit)));
        wall.set(None);
        assert_eq!((wall.is_up(), wall.ceiling(1, false)), (false, None));
    }

    #[test]
    fn the_reserve_is_half_of_the_limit_at_most() {
        assert_eq!(Limit::bytes(1 << 40).reserve_bytes(), 8 << 20);
        assert_eq!(Limit::bytes(100).reserve(1000).reserve_bytes(), 50);
        assert_eq!(Limit::bytes(0).reserve_bytes(), 0);
    }
}
