//! One thread's totals: written by its tenant alone, readable by everyone.

use super::Counts;
use super::peak::Peak;
use crate::sync::{AtomicU64, Ordering, OwnI64, own};

/// One direction of a slot's traffic: allocations or frees. Totals only grow.
#[repr(C)]
pub(super) struct Side {
    pub(super) bytes: AtomicU64,
    pub(super) objects: AtomicU64,
}

/// The totals of one thread at a time; they stay when the thread ends and the next tenant goes on from them.
///
/// 128 bytes: two cache lines, since the adjacent-line prefetcher makes neighbours of pairs.
#[repr(C, align(128))]
pub(crate) struct Slot {
    pub(super) alloc: Side,
    pub(super) free: Side,
    pub(super) reallocs: AtomicU64,
    /// The net bytes that the approximate process total already holds. The tenant's own, and atomic because its signal
    /// handlers allocate in between. Relaxed, since tenancy passes on through `Chunk::lease_among` (acquire) and
    /// `Chunk::give_back` (release).
    published: OwnI64,
}

impl Side {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Side { bytes: AtomicU64::new(0), objects: AtomicU64::new(0) }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Side { bytes: AtomicU64::new(0), objects: AtomicU64::new(0) }
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
}

impl Slot {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Slot {
            alloc: Side::new(),
            free: Side::new(),
            reallocs: AtomicU64::new(0),
            published: OwnI64::new(0),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Slot {
            alloc: Side::new(),
            free: Side::new(),
            reallocs: AtomicU64::new(0),
            published: OwnI64::new(0),
        }
    }

    /// Books one object of `bytes` as allocated.
    ///
    /// Ordering: relaxed. A reader need not see an allocation at once; it must see it before the free of the
    /// same object, and that follows from the free's release store (see `Registry::counts`).
    #[inline(always)]
    fn book_alloc(&self, bytes: u64) {
        self.alloc.book(bytes, Ordering::Relaxed);
    }

    /// Books one object of `bytes` as freed.
    ///
    /// Ordering: release, paired with the reader's acquire load of the same totals: whoever sees this free also
    /// sees every booking that happened before it, the allocation of the freed object among them, whichever
    /// thread made it, since the program handed the object over with a synchronisation of its own.
    #[inline(always)]
    fn book_free(&self, bytes: u64) {
        self.free.book(bytes, Ordering::Release);
    }

    /// Books the growth of an object that stays the same one.
    #[inline(always)]
    fn book_growth(&self, bytes: u64) {
        self.reallocs.store(own(&self.reallocs).wrapping_add(1), Ordering::Relaxed);
        self.alloc.bytes.store(own(&self.alloc.bytes).wrapping_add(bytes), Ordering::Relaxed);
    }

    /// Books the shrinkage of an object that stays the same one.
    ///
    /// Ordering: release as in `book_free`; these bytes were allocated by somebody who must be seen first.
    #[inline(always)]
    fn book_shrinkage(&self, bytes: u64) {
        self.reallocs.store(own(&self.reallocs).wrapping_add(1), Ordering::Relaxed);
        self.free.bytes.store(own(&self.free.bytes).wrapping_add(bytes), Ordering::Release);
    }

    /// The tenant's net bytes: negative when it frees what others allocated.
    pub(super) fn net_bytes(&self) -> i64 {
        own(&self.alloc.bytes).wrapping_sub(own(&self.free.bytes)).cast_signed()
    }

    /// Adds to the approximate process total what it lacks of this slot, if that is `at_least` so much: a locked add.
    ///
    /// One step takes what is published and puts the net bytes there: a signal handler that publishes in between is
    /// neither forgotten nor published twice.
    pub(super) fn publish_from(&self, at_least: u64, peak: &Peak) {
        let net = self.net_bytes();
        let lacks = net.wrapping_sub(self.published.load(Ordering::Relaxed));
        if lacks.unsigned_abs() >= at_least {
            peak.publish(net.wrapping_sub(self.published.swap(net, Ordering::Relaxed)));
        }
    }
}

impl Slot {
    /// Counts `bytes` as published that the total was given before they were booked; less than none: they will not be.
    pub(super) fn prepay(&self, bytes: i64) {
        self.published.fetch_add(bytes, Ordering::Relaxed);
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
    pub(crate) fn net_bytes(self) -> i64 {
        match self {
            Operation::Alloc(bytes) | Operation::Grow(bytes) => bytes.cast_signed(),
            Operation::Free(bytes) | Operation::Shrink(bytes) => bytes.cast_signed().wrapping_neg(),
        }
    }
}

impl Slot {
    /// As the `book_*` functions, by the tenant.
    #[inline(always)]
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
