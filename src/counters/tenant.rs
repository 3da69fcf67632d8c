//! What a thread keeps to itself beside its slot: how far it is from the next thing due, and the most it had while measured.

use super::countdown::Countdown;
use super::peak::Peak;
use super::slot::{Operation, Slot};
use crate::sync::{Ordering, OwnI64, signal_fence};
use std::cell::Cell;

/// How many bytes of a thread's net growth may be missing from the approximate process total.
///
/// Each thread publishes at least every `BATCH / 2` bytes of traffic and leaves out less than `BATCH / 2`, so
/// the approximate total (and the peak taken from it) is exact to within `threads x BATCH`.
pub const BATCH: u64 = 128 * 1024;

/// Less than half a batch may be allocated, and as much freed, before the slow path is due.
const HALF_BATCH: i64 = (BATCH / 2).cast_signed();

/// The slow path is due at every call, of whatever size: nothing may be taken off this.
const NOTHING: i64 = -1;

/// The private side of a lease: nobody but its thread, and that thread's signal handlers, touches it.
pub(super) struct Tenant<'a> {
    /// Where bookings go while something is left. What stands here without a lease is never booked in.
    slot: Cell<&'a Slot>,
    /// How many more bytes may be allocated before something is due; negative: it is.
    alloc_left: Cell<i64>,
    /// The same for bytes freed.
    free_left: Cell<i64>,
    /// What the slow path leaves.
    allowance: Cell<i64>,
    /// What it last left for allocations: what is missing of it was allocated since.
    left_last: Cell<i64>,
    pub(super) countdown: Countdown,
    /// The most net bytes seen since the measurement in force began; exact, since measuring makes every call due.
    high_water: OwnI64,
}

impl<'a> Tenant<'a> {
    /// Without a lease. `nowhere` is never booked in.
    pub(super) const fn homeless(nowhere: &'a Slot) -> Self {
        Tenant {
            slot: Cell::new(nowhere),
            alloc_left: Cell::new(NOTHING),
            free_left: Cell::new(NOTHING),
            allowance: Cell::new(NOTHING),
            left_last: Cell::new(NOTHING),
            countdown: Countdown::new(),
            high_water: OwnI64::new(0),
        }
    }

    pub(super) fn slot(&self) -> &'a Slot {
        self.slot.get()
    }

    /// Books what the allocator did; false when something is due, so that the slow path must.
    #[inline(always)]
    pub(super) fn book(&self, operation: Operation) -> bool {
        let due = match operation {
            Operation::Alloc(bytes) | Operation::Grow(bytes) => take(&self.alloc_left, bytes),
            Operation::Free(bytes) | Operation::Shrink(bytes) => take(&self.free_left, bytes),
        };
        if !due {
            // Looked up after: a handler that was first to find nothing left may have moved the thread in.
            signal_fence();
            self.slot.get().book(operation);
        }
        !due
    }

    /// The slow path of a booking: also does what is due, and says when it will be next.
    pub(super) fn book_due(&self, operation: Operation, peak: &Peak) {
        let slot = self.slot.get();
        slot.book(operation);
        if self.allowance.get() == NOTHING {
            self.high_water.fetch_max(slot.net_bytes(), Ordering::Relaxed);
        }
        slot.publish_from(HALF_BATCH.unsigned_abs(), peak);
        self.leave(self.allowance.get());
    }

    /// Takes `bytes` into the approximate total before they are booked; false when that would take it above `ceiling`.
    ///
    /// All that the slot has is published first: what is missing then is what other threads have not published, and what
    /// was left to this one by its last slow path.
    pub(super) fn admit(&self, bytes: i64, ceiling: i64, total: &Peak) -> bool {
        self.slot.get().publish_from(0, total);
        let admitted = total.admit(bytes, ceiling);
        if admitted {
            self.slot.get().prepay(bytes);
        }
        admitted
    }

    /// Gives back what was admitted and did not come to pass.
    pub(super) fn retract(&self, bytes: i64, total: &Peak) {
        self.slot.get().prepay(bytes.wrapping_neg());
        total.publish(bytes.wrapping_neg());
    }

    /// Whether `operation`, an allocation or a growth, can be booked before something is due.
    #[inline(always)]
    pub(super) fn has_left_for(&self, operation: Operation) -> bool {
        self.alloc_left.get() >= operation.net_bytes()
    }

    /// Begins the lease of `slot`. It is due at once, and from then on at every half batch.
    pub(super) fn move_in(&self, slot: &'a Slot) {
        self.slot.set(slot);
        // Nothing may be left before there is a slot to book in.
        signal_fence();
        self.allowance.set(HALF_BATCH - 1);
    }

    /// Ends the lease: publishes what is not yet, and books nothing more.
    ///
    /// In this order for signal handlers in between: as long as the slot is there they may book in it, and once it is
    /// not nothing is left, nor left again by a slow path of theirs.
    pub(super) fn move_out(&self, nowhere: &'a Slot, peak: &Peak) {
        let slot = self.slot.get();
        self.allowance.set(NOTHING);
        signal_fence();
        self.leave(NOTHING);
        signal_fence();
        self.slot.set(nowhere);
        signal_fence();
        slot.publish_from(0, peak);
    }

    /// Begins a measurement of the most net bytes: every call is due while it lasts.
    pub(super) fn begin_measuring(&self) -> Outer<'a> {
        let slot = self.slot.get();
        let high_water = self.high_water.swap(slot.net_bytes(), Ordering::Relaxed);
        let allowance = self.allowance.replace(NOTHING);
        // A handler's slow path leaves nothing either from here on.
        signal_fence();
        self.leave(NOTHING);
        Outer { slot, high_water, allowance }
    }

    /// The most net bytes since the innermost measurement began.
    pub(super) fn high_water(&self) -> i64 {
        self.high_water.load(Ordering::Relaxed)
    }

    /// Ends the innermost measurement; the one around it has seen what this one saw.
    pub(super) fn end_measuring(&self, outer: &Outer<'a>) {
        self.high_water.fetch_max(outer.high_water, Ordering::Relaxed);
        if std::ptr::eq(outer.slot, self.slot.get()) {
            self.allowance.set(outer.allowance);
        }
    }

    /// What was allocated since it was last asked.
    pub(super) fn taken(&self) -> i64 {
        let left = self.alloc_left.get();
        self.left_last.replace(left).saturating_sub(left)
    }

    /// Says when something is due next.
    fn leave(&self, bytes: i64) {
        // No sample can be made of these bytes any more.
        self.countdown.pass(self.taken());
        let until_sample = bytes.min(self.countdown.left());
        self.alloc_left.set(until_sample);
        self.left_last.set(until_sample);
        self.free_left.set(bytes);
    }

    /// Keeps what is left from wrapping, where a slow path books nothing here: the next call is due too.
    pub(super) fn leave_nothing(&self) {
        self.leave(NOTHING);
    }
}

/// What a measurement found when it began, and puts back when it ends.
pub(super) struct Outer<'a> {
    slot: &'a Slot,
    high_water: i64,
    allowance: i64,
}

/// Takes `bytes` off what is left; whether that was too much, so that something is due.
///
/// PERF: a subtraction in memory and a branch on its sign: two instructions. What is left is apart from the slot so that
/// it can be a plain cell; to compare the slot's atomic total with a due point takes four.
///
/// A signal handler that allocates in between finds what is left negative as well, and takes the slow path as its thread is
/// about to: however many do, no memory is so large that sizes which were had take it round to positive.
#[inline(always)]
fn take(left: &Cell<i64>, bytes: u64) -> bool {
    let rest = left.get().wrapping_sub(bytes.cast_signed());
    left.set(rest);
    rest < 0
}
