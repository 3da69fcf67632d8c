//! The sampled objects, by address: a fixed number of buckets, so that nothing is ever moved, resized or waited for.

use super::bucket::{Bucket, PLACES, Record};
use crate::sync::{AtomicU64, Ordering};

/// With sixteen places each: room for 131 072 objects, 64 GiB live at the usual mean. Some buckets are full before others:
/// one object in a thousand finds no place when half are taken, one in ten when as many are due as there are places.
const BUCKETS: usize = 1 << 13;
const SPARE_BUCKETS: usize = 4;

/// An object stands in the bucket of its address, or among the spares where a resize found that bucket full.
#[repr(C)]
pub(super) struct Table {
    buckets: [Bucket; BUCKETS],
    spares: [Bucket; SPARE_BUCKETS],
    /// Objects among the spares. Relaxed: who looks for an object owns it, and so comes after who put it there.
    strays: AtomicU64,
}

/// A spare place, held until it is known whether it is needed.
pub(super) struct Berth<'a> {
    bucket: &'a Bucket,
    place: usize,
}

impl Table {
    /// False when there is no room.
    pub(super) fn insert(&self, address: u64, record: &Record) -> bool {
        let Some(bucket) = self.bucket(address) else { return false };
        let Some(place) = bucket.claim() else { return false };
        bucket.fill(place, address, record);
        true
    }

    /// Takes out the object of `size` at `address`, which the caller owns; `None` when it is not in the sample.
    ///
    /// PERF: what is seen at once, since most objects are in no sample, is asked before the call.
    #[inline]
    pub(super) fn take(&self, address: u64, size: u64) -> Option<Record> {
        if self.may_hold(address) { self.take_if_there(address, size) } else { None }
    }

    fn take_if_there(&self, address: u64, size: u64) -> Option<Record> {
        self.bucket(address)?.take(address, size).or_else(|| self.take_stray(address, size))
    }

    /// What is known of the object of `size` at `address`, which the caller owns.
    #[inline]
    pub(super) fn find(&self, address: u64, size: u64) -> Option<Record> {
        if self.may_hold(address) { self.find_if_there(address, size) } else { None }
    }

    fn find_if_there(&self, address: u64, size: u64) -> Option<Record> {
        let stray = || self.spares.iter().find_map(|bucket| bucket.find(address, size));
        self.bucket(address)?.find(address, size).or_else(|| self.has_strays().then(stray)?)
    }

    #[inline]
    fn may_hold(&self, address: u64) -> bool {
        let is_empty = self.bucket(address).is_none_or(Bucket::is_empty);
        !is_empty || self.has_strays()
    }

    #[inline]
    fn has_strays(&self) -> bool {
        self.strays.load(Ordering::Relaxed) != 0
    }

    fn take_stray(&self, address: u64, size: u64) -> Option<Record> {
        if !self.has_strays() {
            return None;
        }
        let found = self.spares.iter().find_map(|bucket| bucket.take(address, size))?;
        self.strays.fetch_sub(1, Ordering::Relaxed);
        Some(found)
    }

    /// A place that is certain, for an object whose new address is not known yet.
    pub(super) fn reserve(&self) -> Option<Berth<'_>> {
        self.spares.iter().find_map(|bucket| bucket.claim().map(|place| Berth { bucket, place }))
    }

    /// Puts an object into its bucket, and where that is full into the place reserved for it.
    pub(super) fn moor(&self, berth: &Berth<'_>, address: u64, record: &Record) {
        if self.insert(address, record) {
            berth.bucket.release(berth.place);
        } else {
            self.strays.fetch_add(1, Ordering::Relaxed);
            berth.bucket.fill(berth.place, address, record);
        }
    }

    /// Every object, each as of its own moment.
    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        self.buckets
            .iter()
            .chain(&self.spares)
            .flat_map(|bucket| (0..PLACES).filter_map(|place| bucket.read(place)))
    }

    #[inline]
    fn bucket(&self, address: u64) -> Option<&Bucket> {
        // Fibonacci hashing of the page's number: neighbours go apart.
        let mixed = (address >> 12).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.buckets.get((mixed >> (64 - BUCKETS.trailing_zeros())) as usize)
    }
}
