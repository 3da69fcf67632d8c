//! All slots of a process: leased to threads, given back, never freed; and the reading of their sum.
//!
//! Slots lie in chunks on an append-only list. A lease and a return are one atomic step each: a signal or a fork in
//! between leaves a slot at worst unused.
#![expect(
    unsafe_code,
    reason = "chunks come from the OS and are reached through an atomic pointer"
)]

use super::Counts;
use super::chunk::Chunk;
use super::os;
use super::peak::Peak;
use super::slot::{Operation, Slot};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// As many objects freed during a reading mislead nobody.
const FEW_OBJECTS: u64 = 1024;

/// A reading is repeated at most this often while frees go on during it.
const MAX_READINGS: usize = 4;

/// Every slot there is, the shared one for threads without a lease, and the approximate process total.
pub(super) struct Registry {
    /// The first chunk is part of the registry: most programs never need another.
    first: Chunk,
    /// The newest appended chunk, or null.
    appended: AtomicPtr<Chunk>,
    /// Booked by atomic adds: threads after their teardown, and those for which no slot could be had.
    shared: Slot,
    /// Live bytes as published by the slots' slow paths, and their highest value.
    peak: Peak,
    /// Requests that a limit refused. Relaxed: a total that orders nothing.
    refusals: AtomicU64,
}

impl Registry {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Registry {
            first: Chunk::new(),
            appended: AtomicPtr::new(std::ptr::null_mut()),
            shared: Slot::new(),
            peak: Peak::new(),
            refusals: AtomicU64::new(0),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Registry {
            first: Chunk::new(),
            appended: AtomicPtr::new(std::ptr::null_mut()),
            shared: Slot::new(),
            peak: Peak::new(),
            refusals: AtomicU64::new(0),
        }
    }

    /// Live bytes as published by the slots' slow paths, and their highest value.
    pub(super) fn peak(&self) -> &Peak {
        &self.peak
    }

    /// Books for a thread without a lease, by atomic adds.
    pub(super) fn book_shared(&self, operation: Operation) {
        self.shared.share(operation);
        self.peak.publish(operation.net_bytes());
    }

    /// The same for what the approximate total holds already.
    pub(super) fn book_shared_admitted(&self, operation: Operation) {
        self.shared.share(operation);
    }

    pub(super) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// A slot for one thread, or `None` when all are taken and the OS has no memory for more.
    pub(super) fn lease(&self) -> Option<&Slot> {
        if let Some(slot) = self.chunks().find_map(Chunk::lease_again) {
            return Some(slot);
        }
        loop {
            let newest = self.appended.load(Ordering::Acquire);
            if let Some(slot) = self.chunks_from(newest).find_map(Chunk::lease_any) {
                return Some(slot);
            }
            self.append(newest)?;
        }
    }

    /// Ends a lease. The totals stay in the slot.
    pub(super) fn give_back(&self, slot: &Slot) {
        self.chunks().any(|chunk| chunk.give_back(slot));
    }

    /// Appends one chunk, unless another thread has done so since `newest` was read.
    ///
    /// Ordering: release, paired with the acquire loads of `appended`: who reaches the chunk sees it complete.
    fn append(&self, newest: *mut Chunk) -> Option<()> {
        let chunk = os::new_chunk()?;
        // SAFETY: `new_chunk` gave a valid chunk that no other thread knows yet.
        unsafe { chunk.as_ref() }.next.store(newest, Ordering::Relaxed);
        let won = self.appended.compare_exchange(
            newest,
            chunk.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if won.is_err() {
            // SAFETY: the chunk was not published, so this is its only pointer.
            unsafe { os::free_chunk(chunk) };
        }
        Some(())
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks_from(self.appended.load(Ordering::Acquire))
    }

    fn chunks_from(&self, newest: *mut Chunk) -> impl Iterator<Item = &Chunk> {
        let mut next = newest;
        let appended = std::iter::from_fn(move || {
            // SAFETY: a pointer on the list is null or came from `os::new_chunk`, was published complete
            // (release in `append`, acquire where `newest` was read), and is valid as long as the registry.
            let chunk = unsafe { next.as_ref() }?;
            next = chunk.next.load(Ordering::Relaxed);
            Some(chunk)
        });
        std::iter::once(&self.first).chain(appended)
    }

    /// Everything that may carry totals, by a fresh look at the list.
    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.chunks().flat_map(Chunk::used_slots).chain(std::iter::once(&self.shared))
    }

    /// The sum over all slots: exact while no thread is inside the allocator, never negative while threads run.
    ///
    /// Three passes: all frees (F1), then all allocations (A), then all frees again (F2).
    ///
    /// *Never negative*: take any free that F1 saw. It was booked by a release store and read by an acquire load,
    /// so all that happened before it is visible to A: the booking of that object's allocation, the bit and the
    /// chunk of the slot it was booked in, since the list and the bitmaps are read again in every pass. So each
    /// object counted as freed is counted as allocated, and A >= F1 in objects; in bytes likewise, an object's
    /// bytes being booked as allocated (growth included) before they are booked as freed.
    ///
    /// *Not far too high*: a reader that is preempted between F1 and A sees allocations whose frees it missed.
    /// The truth lies within `[A - F2, A - F1]`; while that is wide, read again, and keep the narrowest.
    pub(super) fn counts(&self) -> Counts {
        self.with_high_water(Reading::narrowest(|| self.read_once()).counts)
    }

    fn read_once(&self) -> Reading {
        let mut counts = Counts::default();
        for slot in self.slots() {
            counts.add_frees(slot.frees());
        }
        let mut slots = 0;
        for slot in self.slots() {
            counts.add_allocs(slot.allocs());
            slots += 1;
        }
        // The shared slot is nobody's.
        counts.thread_slots = Some(slots - 1);
        let mut later = Counts::default();
        for slot in self.slots() {
            later.add_frees(slot.frees());
        }
        let freed = later - counts;
        Reading { counts, freed_bytes: freed.free_bytes, freed_objects: freed.free_objects }
    }

    fn with_high_water(&self, mut counts: Counts) -> Counts {
        counts.peak_live_bytes = Some(self.peak.all_time().max(counts.live_bytes()));
        counts
    }
}

/// What one pass over frees, allocations and frees again has seen, and what was freed between the first and the last.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) counts: Counts,
    pub(super) freed_bytes: u64,
    pub(super) freed_objects: u64,
}

impl Reading {
    /// Reads until a reading is narrow, at most [`MAX_READINGS`] times; then the narrowest of them.
    pub(super) fn narrowest(mut read: impl FnMut() -> Reading) -> Reading {
        let mut best = read();
        for _ in 1..MAX_READINGS {
            if best.is_narrow() {
                break;
            }
            let again = read();
            if again.is_narrow() || again.is_narrower_than(&best) {
                best = again;
            }
        }
        best
    }

    /// Wide is what could mislead a decision: more than a batch, or a thousand objects, and more than a 64th of what
    /// is live. Both are looked at: small objects are many before they are a batch of bytes.
    fn is_narrow(&self) -> bool {
        self.freed_bytes <= super::BATCH.max(self.counts.live_bytes() / 64)
            && self.freed_objects <= FEW_OBJECTS.max(self.counts.live_objects() / 64)
    }

    fn is_narrower_than(&self, other: &Reading) -> bool {
        self.freed_bytes <= other.freed_bytes && self.freed_objects <= other.freed_objects
    }
}

impl Drop for Registry {
    /// Never for the process-wide one, which is a static; tests and models make and drop their own.
    fn drop(&mut self) {
        let mut next = self.appended.load(Ordering::Relaxed);
        while let Some(chunk) = std::ptr::NonNull::new(next) {
            // SAFETY: `&mut self`: nobody else walks the list, and each chunk is on it once.
            unsafe {
                next = chunk.as_ref().next.load(Ordering::Relaxed);
                os::free_chunk(chunk);
            }
        }
    }
}
