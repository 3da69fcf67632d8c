//! The places that samples were taken at, and what each has allocated: entered without a lock, never removed.

use super::stack::{DEPTH, Stack};
use crate::sync::{AtomicU64, Ordering};

/// Places that are kept apart.
const SITES: usize = 1 << 13;
/// How far from where its hash points a place may stand.
const PROBES: usize = 32;
/// What found no room: one place without a stack, so that no bytes are missing in the sum.
pub(super) const OTHER: u32 = 0;

/// Nobody is here.
const EMPTY: u64 = 0;
/// The lowest bit of a key: everything is written.
const READY: u64 = 1;

#[repr(C)]
pub(super) struct Sites {
    entries: [Entry; SITES],
}

/// Written by who claims it, before the key says `READY` (release); read after that (acquire). Then only totals change,
/// which are relaxed: they order nothing.
#[repr(C)]
pub(super) struct Entry {
    key: AtomicU64,
    pub(super) depth: AtomicU64,
    pub(super) is_cut: AtomicU64,
    pub(super) tag: AtomicU64,
    pub(super) thread: [AtomicU64; 2],
    pub(super) frames: [AtomicU64; DEPTH],
    pub(super) samples: AtomicU64,
    pub(super) objects: AtomicF64,
    pub(super) bytes: AtomicF64,
    pub(super) objects_variance: AtomicF64,
    pub(super) bytes_variance: AtomicF64,
}

/// What one sample says of what was allocated.
pub(super) struct Share {
    /// An object, or growth of one that is there already.
    pub(super) is_new: bool,
    pub(super) bytes: u64,
    pub(super) chance: f64,
}

impl Sites {
    /// The index of a stack's place, new if need be; `None` when there is no room for another.
    pub(super) fn enter(&self, stack: &Stack) -> Option<u32> {
        let key = stack.hash() & !READY;
        let start = (key >> 1) as usize;
        (0..PROBES).find_map(|probe| {
            // The first place is for what finds no room.
            let index = 1 + start.wrapping_add(probe) % (SITES - 1);
            let entry = self.entries.get(index)?;
            entry.is_or_becomes(key, stack).then(|| u32::try_from(index).ok())?
        })
    }

    /// Adds a sample to a place.
    pub(super) fn add(&self, site: u32, share: &Share) {
        if let Some(entry) = self.entries.get(site as usize) {
            entry.add(share);
        }
    }

    /// Every place in use, with its index.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let numbered = (0..).zip(&self.entries);
        numbered.filter(|(index, entry)| {
            *index == OTHER || entry.key.load(Ordering::Acquire) & READY != 0
        })
    }
}

impl Entry {
    /// Whether the stack's place is here. An entry that another thread is still writing is passed over, since that
    /// thread may not exist in this process (a fork): at worst a place is entered twice.
    fn is_or_becomes(&self, key: u64, stack: &Stack) -> bool {
        match self.key.load(Ordering::Acquire) {
            EMPTY => self.becomes(key, stack),
            found => found == key | READY,
        }
    }

    fn becomes(&self, key: u64, stack: &Stack) -> bool {
        // Relaxed: nothing is read of an empty entry.
        let claimed =
            self.key.compare_exchange(EMPTY, key | 2, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() {
            return false;
        }
        self.write(stack);
        self.key.store(key | READY, Ordering::Release);
        true
    }

    fn write(&self, stack: &Stack) {
        for (room, frame) in self.frames.iter().zip(stack.frames()) {
            room.store(*frame, Ordering::Relaxed);
        }
        for (room, letters) in self.thread.iter().zip(stack.thread) {
            room.store(letters, Ordering::Relaxed);
        }
        self.depth.store(stack.frames().len() as u64, Ordering::Relaxed);
        self.is_cut.store(stack.is_cut.into(), Ordering::Relaxed);
        self.tag.store(stack.tag.into(), Ordering::Relaxed);
    }

    fn add(&self, share: &Share) {
        let weight = share.chance.recip();
        // Of one that is there or not with a chance: (1 - p) / p^2, in the unit squared.
        let spread = (1.0 - share.chance) * weight * weight;
        let bytes = share.bytes as f64;
        self.samples.fetch_add(1, Ordering::Relaxed);
        self.bytes.add(bytes * weight);
        self.bytes_variance.add(bytes * bytes * spread);
        if share.is_new {
            self.objects.add(weight);
            self.objects_variance.add(spread);
        }
    }
}

/// A sum of many threads.
#[repr(transparent)]
pub(super) struct AtomicF64(AtomicU64);

impl AtomicF64 {
    fn add(&self, value: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // Never an error: the sum is always there.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }

    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}
