//! One thread's totals: written by its tenant alone, readable by everyone.
#![expect(unsafe_code, reason = "Sync for a cell that only the tenant touches")]

use super::Counts;
use crate::sync::{AtomicU64, Ordering, OwnI64, OwnU64, own};
use std::cell::Cell;

/// How many bytes of a thread's net growth may be missing from the approximate process total.
///
/// Each thread publishes at least every `BATCH / 2` bytes of traffic and leaves out less than `BATCH / 2`, so
/// the approximate total (and the peak taken from it) is exact to within `threads x BATCH`.
pub const BATCH: u64 = 128 * 1024;

/// One direction of a slot's traffic: allocations or frees. Totals only grow.
#[repr(C)]
pub(super) struct Side {
    pub(super) bytes: AtomicU64,
    pub(super) objects: AtomicU64,
    /// The byte total at which the slow path has something to do; 0 means at every call. The tenant's own.
    ///
    /// PERF: a cell, since LLVM compares with plain memory in one instruction and with an atomic in two: 3 more for an
    /// allocation and its free.
    due: Cell<u64>,
}

/// The totals of one thread at a time; they stay when the thread ends and the next tenant goes on from them.
///
/// 128 bytes: two cache lines, since the adjacent-line prefetcher makes neighbours of pairs. What the hot
/// path touches lies in the first.
///
/// What is the tenant's own is atomic too, but for `due`: its signal handlers allocate in between. Relaxed, since tenancy
/// passes on through `Chunk::lease_among` (acquire) and `Chunk::give_back` (release).
#[repr(C, align(128))]
pub(crate) struct Slot {
    pub(super) alloc: Side,
    pub(super) free: Side,
    pub(super) reallocs: AtomicU64,
    /// The tenant's net bytes that the approximate process total already holds.
    published: OwnI64,
    /// The most net bytes seen since the measurement in force began; exact, since measuring makes every call due.
    high_water: OwnI64,
    /// How many nested measurements want `high_water` kept.
    measuring: OwnU64,
}

// SAFETY: `due` is the only part that is not atomic. No two threads touch it at once: the tenant alone reads and writes
// it, and tenancy passes from thread to thread through `Chunk::lease_among` (acquire) and `Chunk::give_back`
// (release); of the shared slot and of those that count nothing it is read at most, and never written.
//
// A signal handler that allocates may still write it between two instructions of its own thread. An aligned word is
// loaded and stored whole where words have 64 bits, in halves elsewhere, and any value does: it only says when the slow
// path is next taken, which books the same and sets it anew. While the thread is measured it is 0, handlers or not.
unsafe impl Sync for Slot {}

impl Side {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Side { bytes: AtomicU64::new(0), objects: AtomicU64::new(0), due: Cell::new(0) }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Side { bytes: AtomicU64::new(0), objects: AtomicU64::new(0), due: Cell::new(0) }
    }

    /// Adds one object of `bytes`; only the tenant calls it.
    ///
    /// PERF: load and store of one address, which x86-64 gets as one `add` to memory: no lock prefix, and a signal
    /// handler that allocates in between loses nothing. (Unoptimised builds and other processors have no such promise.)
    #[inline(always)]
    fn book(&self, bytes: u64, order: Ordering) {
        self.bytes.store(own(&self.bytes).wrapping_add(bytes), order);
        self.objects.store(own(&self.objects).wrapping_add(1), order);
    }

    /// Whether `bytes` more would reach the due point.
    #[inline(always)]
    fn is_due_with(&self, bytes: u64) -> bool {
        own(&self.bytes).wrapping_add(bytes) >= self.due.get()
    }

    fn due_in(&self, bytes: Option<u64>) {
        self.due.set(bytes.map_or(0, |bytes| own(&self.bytes).saturating_add(bytes)));
    }
}

impl Slot {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Slot {
            alloc: Side::new(),
            free: Side::new(),
            reallocs: AtomicU64::new(0),
            published: OwnI64::new(0),
            high_water: OwnI64::new(0),
            measuring: OwnU64::new(0),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Slot {
            alloc: Side::new(),
            free: Side::new(),
            reallocs: AtomicU64::new(0),
            published: OwnI64::new(0),
            high_water: OwnI64::new(0),
            measuring: OwnU64::new(0),
        }
    }

    /// Whether the slow path must do the booking of `bytes` more: the slot counts nothing, or has something due.
    #[inline(always)]
    pub(crate) fn alloc_is_due(&self, bytes: u64) -> bool {
        self.alloc.is_due_with(bytes)
    }

    /// As [`Slot::alloc_is_due`], for bytes freed.
    #[inline(always)]
    pub(crate) fn free_is_due(&self, bytes: u64) -> bool {
        self.free.is_due_with(bytes)
    }

    /// Books one object of `bytes` as allocated.
    ///
    /// Ordering: relaxed. A reader need not see an allocation at once; it must see it before the free of the
    /// same object, and that follows from the free's release store (see `Registry::counts`).
    #[inline(always)]
    pub(crate) fn book_alloc(&self, bytes: u64) {
        self.alloc.book(bytes, Ordering::Relaxed);
    }

    /// Books one object of `bytes` as freed.
    ///
    /// Ordering: release, paired with the reader's acquire load of the same totals: whoever sees this free also
    /// sees every booking that happened before it, the allocation of the freed object among them, whichever
    /// thread made it, since the program handed the object over with a synchronisation of its own.
    #[inline(always)]
    pub(crate) fn book_free(&self, bytes: u64) {
        self.free.book(bytes, Ordering::Release);
    }

    /// Books the growth of an object that stays the same one.
    #[inline(always)]
    pub(crate) fn book_growth(&self, bytes: u64) {
        self.reallocs.store(own(&self.reallocs).wrapping_add(1), Ordering::Relaxed);
        self.alloc.bytes.store(own(&self.alloc.bytes).wrapping_add(bytes), Ordering::Relaxed);
    }

    /// Books the shrinkage of an object that stays the same one.
    ///
    /// Ordering: release as in `book_free`; these bytes were allocated by somebody who must be seen first.
    #[inline(always)]
    pub(crate) fn book_shrinkage(&self, bytes: u64) {
        self.reallocs.store(own(&self.reallocs).wrapping_add(1), Ordering::Relaxed);
        self.free.bytes.store(own(&self.free.bytes).wrapping_add(bytes), Ordering::Release);
    }

    /// The tenant's net bytes: negative when it frees what others allocated.
    pub(super) fn net_bytes(&self) -> i64 {
        own(&self.alloc.bytes).wrapping_sub(own(&self.free.bytes)).cast_signed()
    }

    /// The slow path of a booking: what is not yet in the approximate process total, if it is worth a locked
    /// add, and the next due points.
    pub(super) fn settle(&self) -> Option<i64> {
        let net = self.net_bytes();
        let measuring = self.measuring.load(Ordering::Relaxed) > 0;
        if measuring {
            self.raise_high_water(net);
        }
        let step = (!measuring).then_some(BATCH / 2);
        self.alloc.due_in(step);
        self.free.due_in(step);
        self.unpublished(net, BATCH / 2)
    }

    /// What the approximate process total lacks when the tenant leaves: all of it. A measurement that it did not end, its
    /// stack being gone, must not make every call of the next tenant due.
    pub(super) fn settle_last(&self) -> i64 {
        self.measuring.store(0, Ordering::Relaxed);
        self.unpublished(self.net_bytes(), 0).unwrap_or(0)
    }

    /// One step takes what is published and puts `net` there: a signal handler that publishes in between is neither
    /// forgotten nor published twice.
    fn unpublished(&self, net: i64, at_least: u64) -> Option<i64> {
        let delta = net.wrapping_sub(self.published.load(Ordering::Relaxed));
        if delta.unsigned_abs() < at_least {
            return None;
        }
        Some(net.wrapping_sub(self.published.swap(net, Ordering::Relaxed)))
    }

    fn raise_high_water(&self, net: i64) {
        self.high_water.fetch_max(net, Ordering::Relaxed);
    }

    /// Begins a measurement of the most net bytes; returns what `end_measuring` needs to restore the outer one.
    pub(super) fn begin_measuring(&self) -> i64 {
        let outer = self.high_water.swap(self.net_bytes(), Ordering::Relaxed);
        self.measuring.fetch_add(1, Ordering::Relaxed);
        self.alloc.due_in(None);
        outer
    }

    /// The most net bytes since the innermost measurement began.
    pub(super) fn high_water(&self) -> i64 {
        self.high_water.load(Ordering::Relaxed)
    }

    /// Ends the innermost measurement; the one around it has seen what this one saw.
    pub(super) fn end_measuring(&self, outer: i64) {
        self.raise_high_water(outer);
        self.measuring.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the allocator did, in bytes as the layouts say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Alloc(u64),
    Free(u64),
    Grow(u64),
    Shrink(u64),
}

impl Operation {
    pub(super) fn net_bytes(self) -> i64 {
        match self {
            Operation::Alloc(bytes) | Operation::Grow(bytes) => bytes.cast_signed(),
            Operation::Free(bytes) | Operation::Shrink(bytes) => bytes.cast_signed().wrapping_neg(),
        }
    }
}

/// Booking off the hot path.
impl Slot {
    /// As the `book_*` functions, by the tenant.
    pub(super) fn book(&self, operation: Operation) {
        match operation {
            Operation::Alloc(bytes) => self.book_alloc(bytes),
            Operation::Free(bytes) => self.book_free(bytes),
            Operation::Grow(bytes) => self.book_growth(bytes),
            Operation::Shrink(bytes) => self.book_shrinkage(bytes),
        }
    }

    /// By atomic adds, for a slot that many threads write: the shared one of threads without a lease.
    ///
    /// Orderings as in the `book_*` functions: a reader that acquires any later add to the same total still
    /// synchronises with this one, read-modify-writes being part of its release sequence.
    pub(super) fn share(&self, operation: Operation) {
        match operation {
            Operation::Alloc(bytes) => {
                self.alloc.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.alloc.objects.fetch_add(1, Ordering::Relaxed);
            }
            Operation::Free(bytes) => {
                self.free.bytes.fetch_add(bytes, Ordering::Release);
                self.free.objects.fetch_add(1, Ordering::Release);
            }
            Operation::Grow(bytes) => {
                self.reallocs.fetch_add(1, Ordering::Relaxed);
                self.alloc.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Operation::Shrink(bytes) => {
                self.reallocs.fetch_add(1, Ordering::Relaxed);
                self.free.bytes.fetch_add(bytes, Ordering::Release);
            }
        }
    }
}

/// What readers on other threads see.
impl Slot {
    /// (bytes, objects) freed. Acquire, paired with the release in `book_free`.
    pub(super) fn frees(&self) -> (u64, u64) {
        (self.free.bytes.load(Ordering::Acquire), self.free.objects.load(Ordering::Acquire))
    }

    /// (bytes, objects, reallocs) allocated. Acquire only so that a third pass over the frees comes later.
    pub(super) fn allocs(&self) -> (u64, u64, u64) {
        (
            self.alloc.bytes.load(Ordering::Acquire),
            self.alloc.objects.load(Ordering::Acquire),
            self.reallocs.load(Ordering::Acquire),
        )
    }

    /// The totals of this slot alone, seen by its tenant.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add_frees(self.frees());
        counts.add_allocs(self.allocs());
        counts
    }
}
