//! A fixed number of slots and the bitmap that says which are leased: a lease and a return are one atomic step each.

use super::slot::Slot;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Slots per chunk: with the header, which takes the place of one slot, a chunk fills 8 KiB.
#[cfg(not(loom))]
const SLOTS: usize = 63;
/// Two in a model, so that a third thread must append a chunk.
#[cfg(loom)]
const SLOTS: usize = 2;

const FULL: u64 = (1 << SLOTS) - 1;

/// A fixed number of slots, all zero when new.
#[repr(C, align(128))]
pub(super) struct Chunk {
    /// One bit per slot that has a tenant.
    leased: AtomicU64,
    /// One bit per slot that ever had one; never cleared. What readers need to look at.
    used: AtomicU64,
    /// The chunk that was appended before this one.
    pub(super) next: AtomicPtr<Chunk>,
    slots: [Slot; SLOTS],
}

impl Chunk {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Chunk {
            leased: AtomicU64::new(0),
            used: AtomicU64::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
            slots: [const { Slot::new() }; SLOTS],
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Chunk {
            leased: AtomicU64::new(0),
            used: AtomicU64::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
            slots: std::array::from_fn(|_| Slot::new()),
        }
    }

    /// Takes a slot that has no tenant now but had one before.
    pub(super) fn lease_again(&self) -> Option<&Slot> {
        self.lease_among(self.used.load(Ordering::Relaxed))
    }

    /// Takes any slot that has no tenant now.
    pub(super) fn lease_any(&self) -> Option<&Slot> {
        self.lease_among(FULL)
    }

    /// Ordering: acquire, paired with the release in `give_back`, so that the new tenant goes on from
    /// the old one's totals. The second step is no part of the lease: a slot that is leased but not yet `used`
    /// has nothing new to show.
    fn lease_among(&self, candidates: u64) -> Option<&Slot> {
        let mut leased = self.leased.load(Ordering::Relaxed);
        loop {
            let index = (!leased & candidates).trailing_zeros();
            let slot = self.slots.get(index as usize)?;
            let bit = 1 << index;
            match self.leased.compare_exchange(
                leased,
                leased | bit,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    // Relaxed: a reader must see this bit only once it sees a free of something that was
                    // booked here, and then it does (`book_free`).
                    self.used.fetch_or(bit, Ordering::Relaxed);
                    return Some(slot);
                }
                // Lock-free: somebody else's lease or return came through.
                Err(now) => leased = now,
            }
        }
    }

    /// Ends the lease of `slot`; false when it is another chunk's.
    ///
    /// Ordering: release, paired with the acquire in `lease_among`.
    pub(super) fn give_back(&self, slot: &Slot) -> bool {
        let index = self.slots.iter().position(|mine| std::ptr::eq(mine, slot));
        if let Some(index) = index {
            self.leased.fetch_and(!(1 << index), Ordering::Release);
        }
        index.is_some()
    }

    pub(super) fn used_slots(&self) -> impl Iterator<Item = &Slot> {
        let mut left = self.used.load(Ordering::Relaxed);
        std::iter::from_fn(move || {
            let slot = self.slots.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(slot)
        })
    }
}
