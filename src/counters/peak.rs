//! The approximate process total that slow paths publish to: the highest value it has had, and what happens on its way up.

use super::belfry::Belfry;
use crate::sync::{AtomicI64, AtomicU64, Ordering};

/// How many process-wide regions can have their peak watched at once.
pub(super) const WATCHES: usize = 8;

/// Live bytes without a walk over the slots: exact to within threads x `BATCH`. All relaxed but what `arm` needs:
/// approximate figures that order nothing.
pub(super) struct Peak {
    live: AtomicI64,
    all_time: AtomicI64,
    belfry: Belfry,
    /// One bit per watch in use.
    watching: AtomicU64,
    watches: [AtomicI64; WATCHES],
}

/// A watch in use: its place, and the live bytes when it began.
#[derive(Debug)]
pub(crate) struct Watch {
    index: usize,
    start: i64,
}

impl Peak {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Peak {
            live: AtomicI64::new(0),
            all_time: AtomicI64::new(0),
            belfry: Belfry::new(),
            watching: AtomicU64::new(0),
            watches: [const { AtomicI64::new(0) }; WATCHES],
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Peak {
            live: AtomicI64::new(0),
            all_time: AtomicI64::new(0),
            belfry: Belfry::new(),
            watching: AtomicU64::new(0),
            watches: std::array::from_fn(|_| AtomicI64::new(0)),
        }
    }

    /// Adds net bytes that a thread has not reported before.
    pub(super) fn publish(&self, delta: i64) {
        let live = self.live.fetch_add(delta, Ordering::AcqRel).wrapping_add(delta);
        if delta > 0 {
            self.rose_to(live);
        }
    }

    /// Adds `bytes` unless that would go above `ceiling`: in one step, so that of many who ask at once no more pass
    /// than there is room for. Who was admitted says so by `look` when it has happened.
    ///
    /// A sum that no total can hold is refused whatever the ceiling: cut off, it could not be given back.
    pub(super) fn admit(&self, bytes: i64, ceiling: i64) -> bool {
        let sum = |live: i64| live.checked_add(bytes).filter(|sum| *sum <= ceiling);
        self.live.fetch_update(Ordering::AcqRel, Ordering::Relaxed, sum).is_ok()
    }

    /// Takes notice of how high the total is.
    pub(super) fn look(&self) {
        self.rose_to(self.live.load(Ordering::Acquire));
    }

    fn rose_to(&self, live: i64) {
        if live > self.all_time.load(Ordering::Relaxed) {
            self.all_time.fetch_max(live, Ordering::Relaxed);
        }
        let watching = self.watching.load(Ordering::Relaxed);
        if watching != 0 {
            self.raise(watching, live);
        }
        self.belfry.ring_at(live);
    }

    /// The bells that ring on the way up.
    pub(super) fn belfry(&self) -> &Belfry {
        &self.belfry
    }

    /// Has bell `index` rung when the total reaches `line`, at once if it has.
    ///
    /// *No growth past the line goes unheard*: all changes of the total are read-modify-writes, so they have an order, and
    /// the one below, which changes nothing, has its place in it. A change that comes before is in what it returns, and
    /// is heard here. One that comes after acquires what this one releases, so it sees the bell armed and the line.
    pub(super) fn arm(&self, index: usize, line: i64) {
        self.belfry.arm(index, line);
        let live = self.live.fetch_add(0, Ordering::AcqRel);
        self.belfry.ring_at(live);
    }

    fn raise(&self, watching: u64, live: i64) {
        for (index, watch) in self.watches.iter().enumerate() {
            if watching & (1 << index) != 0 {
                watch.fetch_max(live, Ordering::Relaxed);
            }
        }
    }

    /// Live bytes as published so far.
    pub(super) fn live(&self) -> i64 {
        self.live.load(Ordering::Relaxed)
    }

    /// The most bytes that were live at once.
    pub(super) fn all_time(&self) -> u64 {
        self.all_time.load(Ordering::Relaxed).max(0).cast_unsigned()
    }

    /// Begins to watch the peak from now on; `None` when [`WATCHES`] are in use.
    ///
    /// The bit first, then the start: bytes published before the watch was taken belong to its start, however long it
    /// took to find a free one. What is left to chance is within a few instructions of the beginning or the end: a
    /// raise that comes between the reading of the start and its storing is lost until the next one; and a publisher
    /// that saw the bit of the watch's former user, and was interrupted there, may still put in what was live then.
    pub(super) fn watch(&self) -> Option<Watch> {
        let index = self.claim()?;
        let start = self.live.load(Ordering::Relaxed);
        self.watches.get(index)?.store(start, Ordering::Relaxed);
        Some(Watch { index, start })
    }

    fn claim(&self) -> Option<usize> {
        let mut watching = self.watching.load(Ordering::Relaxed);
        loop {
            let index = watching.trailing_ones() as usize;
            if index >= WATCHES {
                return None;
            }
            let claimed = watching | (1 << index);
            match self.watching.compare_exchange(
                watching,
                claimed,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(index),
                Err(now) => watching = now,
            }
        }
    }

    /// The most bytes above the start of the watch.
    pub(super) fn above_start(&self, watch: &Watch) -> u64 {
        let most = self.watches.get(watch.index).map_or(0, |most| most.load(Ordering::Relaxed));
        most.saturating_sub(watch.start).max(0).cast_unsigned()
    }

    pub(super) fn unwatch(&self, watch: &Watch) {
        self.watching.fetch_and(!(1 << watch.index), Ordering::Relaxed);
    }
}
