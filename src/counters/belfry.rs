//! The bells of a process: a fixed number, each armed once at a time.

use super::bell::Bell;
use crate::sync::{AtomicU64, Ordering, Thread};

/// How many monitors of a process can be woken by its allocations.
#[cfg(not(loom))]
pub(super) const BELLS: usize = 8;
#[cfg(loom)]
pub(super) const BELLS: usize = 1;

/// Which of the bells are armed. Ringing disarms: a process above a line does not ring with every batch.
pub(super) struct Belfry {
    /// One bit per bell whose line is to be looked at.
    armed: AtomicU64,
    bells: [Bell; BELLS],
}

impl Belfry {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Belfry { armed: AtomicU64::new(0), bells: [const { Bell::new() }; BELLS] }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Belfry { armed: AtomicU64::new(0), bells: std::array::from_fn(|_| Bell::new()) }
    }

    /// A bell for `sleeper`; `None` when all are taken.
    pub(super) fn claim(&self, sleeper: &Thread) -> Option<usize> {
        self.bells.iter().position(|bell| bell.claim(sleeper))
    }

    pub(super) fn bell(&self, index: usize) -> Option<&Bell> {
        self.bells.get(index)
    }

    /// Ordering: release, paired with the acquire in `ring_at`: who sees the bit sees the line.
    pub(super) fn arm(&self, index: usize, line: i64) {
        if let Some(bell) = self.bells.get(index) {
            bell.set_line(line);
            self.armed.fetch_or(1 << index, Ordering::Release);
        }
    }

    pub(super) fn disarm(&self, index: usize) {
        self.armed.fetch_and(!(1 << index), Ordering::Relaxed);
    }

    pub(super) fn leave(&self, index: usize) {
        self.disarm(index);
        if let Some(bell) = self.bells.get(index) {
            bell.leave();
        }
    }

    /// Rings each armed bell whose line `live` has reached, and disarms it: of many that pass it at once, one rings.
    ///
    /// A thread that was held up between its look and its ring may disarm a line that was set since. That is a bell rung
    /// too early, after which its owner arms it again; one that is not rung is not among the cases.
    ///
    /// Ordering: acquire, so that what the ring writes comes after all that the owner did before it armed: its last look at
    /// whether the bell has rung, or its claim, which both take the word back.
    pub(super) fn ring_at(&self, live: i64) {
        let armed = self.armed.load(Ordering::Acquire);
        if armed != 0 {
            self.ring_among(armed, live);
        }
    }

    #[cold]
    fn ring_among(&self, armed: u64, live: i64) {
        for (index, bell) in self.bells.iter().enumerate() {
            let bit = 1 << index;
            let passed = armed & bit != 0 && bell.is_passed_by(live);
            if passed && self.armed.fetch_and(!bit, Ordering::Acquire) & bit != 0 {
                bell.ring();
            }
        }
    }
}
