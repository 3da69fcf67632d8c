//! A handful of sampled objects: who they are by address, and what must be known of them.

use crate::sync::{AtomicU64, Ordering, fence};

/// Objects in a bucket. Few in a model, which tries every order.
pub(super) const PLACES: usize = if cfg!(loom) { 2 } else { 16 };

/// Nobody is here.
const FREE: u64 = 0;
/// Somebody writes here. Not an address that is looked for: those are of whole pages.
const CLAIMED: u64 = 1;

/// What is known of an object that was given out for a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its size now, as asked for.
    pub(super) size: u64,
    /// The mean with which it came into the sample.
    pub(super) mean: u64,
    /// The index of its site; `None`: it has been thinned out, and is known only for the alignment it must be freed with.
    pub(super) site: Option<u32>,
    /// Two to this power is the alignment with which the inner allocator was asked for it.
    pub(super) align_log2: u8,
}

/// Sixteen places, without a lock: each is one thread's from the claim to the release of its address.
///
/// Ordering: an address is stored last (release), and what is read of its place before is checked by reading it again
/// (`read`). Whoever removes an object owns it, so that its record was written before in any case.
///
/// PERF: most buckets are empty while fewer than some 5000 objects are in the sample, and each free of a page-aligned object asks
/// one: `taken` answers for all sixteen.
#[repr(C)]
pub(super) struct Bucket {
    /// Places that are not free, give or take those that change at the moment: for an owner's look alone. Relaxed: it counts up
    /// before an object stands here and down after it has gone, so that whoever owns one, which comes after the first and
    /// before the second, reads 1 at least.
    taken: AtomicU64,
    /// Together, since this is what a free of a page-aligned object has to look through.
    addresses: [AtomicU64; PLACES],
    records: [Place; PLACES],
}

#[repr(C)]
struct Place {
    size: AtomicU64,
    mean: AtomicU64,
    /// The site plus one in the upper half, 0 without one; the alignment below.
    site_and_align: AtomicU64,
}

impl Place {
    /// Ordering: relaxed; `Bucket` says what orders them.
    fn write(&self, record: &Record) {
        let site = record.site.map_or(0, |site| u64::from(site) + 1);
        self.size.store(record.size, Ordering::Relaxed);
        self.mean.store(record.mean, Ordering::Relaxed);
        self.site_and_align.store(site << 32 | u64::from(record.align_log2), Ordering::Relaxed);
    }

    fn read(&self) -> Record {
        let site_and_align = self.site_and_align.load(Ordering::Relaxed);
        Record {
            size: self.size.load(Ordering::Relaxed),
            mean: self.mean.load(Ordering::Relaxed),
            site: u32::try_from((site_and_align >> 32).wrapping_sub(1)).ok(),
            align_log2: (site_and_align & 0xff) as u8,
        }
    }
}

impl Bucket {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Bucket {
            taken: zero(),
            addresses: std::array::from_fn(|_| zero()),
            records: std::array::from_fn(|_| Place {
                size: zero(),
                mean: zero(),
                site_and_align: zero(),
            }),
        }
    }

    /// A place that is the caller's from now on; `None` when all are taken.
    pub(super) fn claim(&self) -> Option<usize> {
        let place = self.addresses.iter().position(|address| {
            // Acquire: what the last holder of the place wrote comes before what is written now. A place that is being
            // given free is passed over.
            address.load(Ordering::Relaxed) == FREE
                && address
                    .compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }

    /// Writes into a place that the caller has claimed.
    pub(super) fn fill(&self, place: usize, address: u64, record: &Record) {
        let (Some(slot), Some(room)) = (self.addresses.get(place), self.records.get(place)) else {
            return;
        };
        // Whoever reads a part of the new record also reads that the address is not the old one (paired with `read`).
        fence(Ordering::Release);
        room.write(record);
        // Release: who reads the address reads the record.
        slot.store(address, Ordering::Release);
    }

    /// Gives up a place that the caller has claimed and not filled.
    pub(super) fn release(&self, place: usize) {
        if let Some(address) = self.addresses.get(place) {
            address.store(FREE, Ordering::Release);
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Where the object of `size` at `address` stands, which the caller owns. One of another size is not the same: what an
    /// arena gives out first begins where its chunk does, which may be in the sample.
    ///
    /// Relaxed: what the program hands over with an object comes after what its former owner wrote here.
    #[inline]
    fn place_of(&self, address: u64, size: u64) -> Option<usize> {
        let is_its = |(at, room): (&AtomicU64, &Place)| {
            at.load(Ordering::Relaxed) == address && room.size.load(Ordering::Relaxed) == size
        };
        self.addresses.iter().zip(&self.records).position(is_its)
    }

    /// Whether no object of the caller's stands here.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }

    /// What is known of the object of `size` at `address`, which the caller owns.
    pub(super) fn find(&self, address: u64, size: u64) -> Option<Record> {
        self.place_of(address, size).and_then(|place| self.records.get(place)).map(Place::read)
    }

    /// Takes it out.
    pub(super) fn take(&self, address: u64, size: u64) -> Option<Record> {
        let place = self.place_of(address, size)?;
        let record = self.records.get(place)?.read();
        self.release(place);
        Some(record)
    }

    /// What stands in a place, as of one moment; `None` when nobody is there, or that changes just now.
    ///
    /// Where an object has left meanwhile, and another came to the same address and place, it may be a mixture of the two.
    pub(super) fn read(&self, place: usize) -> Option<Record> {
        let (slot, room) = (self.addresses.get(place)?, self.records.get(place)?);
        let address = slot.load(Ordering::Acquire);
        if matches!(address, FREE | CLAIMED) {
            return None;
        }
        let record = room.read();
        fence(Ordering::Acquire);
        (slot.load(Ordering::Relaxed) == address).then_some(record)
    }
}
