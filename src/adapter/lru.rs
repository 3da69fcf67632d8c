//! lru: evicted by entry, a slice at a time, and resized.

use super::locked::Locked;
use crate::cache::{Ask, Cache, ShrinkReport};
use lru::LruCache;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Entries that are evicted under one hold of the lock. They are dropped outside it.
const SLICE: usize = 128;

/// Entries from either end that are weighed to know the mean.
const SAMPLE: usize = 16;

/// An [`LruCache`] behind a lock ([`Locked`]: a mutex of the standard library's, or of parking_lot's) that the monitor can
/// shrink and give a ceiling.
///
/// The crate counts entries and knows no weights, so it needs to be told what an entry takes: [`LockedLru::new`] when they
/// are alike, [`LockedLru::with_weigher`] when they are not. The least recently used go first, 128 at a time; then the lock
/// is given back, and they are dropped.
///
/// A lower ceiling takes effect at once. It is kept in entries: as many as it holds of the mean. The crate rebuilds its
/// table, under the lock, where the new capacity lets it become smaller. At least one entry stays allowed. A cache with a
/// weigher that never held an entry keeps no ceiling.
/// When it was last used is unknown.
///
/// ```
/// use lru::LruCache;
/// use plimsoll::{LockedLru, Monitor};
/// use std::num::NonZeroUsize;
/// use std::sync::{Arc, Mutex};
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// # fn main() -> Result<(), plimsoll::Error> {
/// let pages = Arc::new(Mutex::new(LruCache::new(NonZeroUsize::new(10_000).unwrap())));
/// let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
/// let weight = |_: &u64, value: &Vec<u8>| value.capacity() as u64 + 60;
/// monitor.register("pages", LockedLru::with_weigher(pages.clone(), weight))?;
/// # (0..1000).for_each(|key| drop(pages.lock().unwrap().put(key, vec![0; 4096])));
/// let result = monitor.evict(1 << 20)?;
/// assert!(result.success);
/// # Ok(())
/// # }
/// ```
pub struct LockedLru<M, K, V, S> {
    cache: Arc<M>,
    weigh: Weigh<K, V>,
    /// The bytes of an entry when there last was one; 0 as long as that is unknown. Relaxed: one thread at a time asks.
    mean: AtomicU64,
    made_for: NonZeroUsize,
    hasher: PhantomData<fn() -> S>,
}

type Weigh<K, V> = Box<dyn Fn(&K, &V) -> u64 + Send + Sync>;

impl<M, K, V, S> LockedLru<M, K, V, S>
where
    M: Locked<LruCache<K, V, S>>,
    K: Hash + Eq,
    S: BuildHasher,
{
    /// For entries of `bytes_per_entry` each: a value's heap memory with its key and some 60 bytes for the entry.
    pub fn new(cache: Arc<M>, bytes_per_entry: u64) -> Self {
        let bytes = bytes_per_entry.max(1);
        LockedLru { mean: AtomicU64::new(bytes), ..Self::with_weigher(cache, move |_, _| bytes) }
    }

    /// For entries of different sizes: `weigh` tells the bytes of one. It is called under the lock. What the cache holds is
    /// then an estimate, from 16 entries of either end.
    pub fn with_weigher(
        cache: Arc<M>,
        weigh: impl Fn(&K, &V) -> u64 + Send + Sync + 'static,
    ) -> Self {
        let made_for = cache.with(|cache| cache.cap());
        let mean = AtomicU64::new(0);
        LockedLru { cache, weigh: Box::new(weigh), mean, made_for, hasher: PhantomData }
    }

    /// Entries, and the bytes of one: the mean of some of the most and least recently used.
    fn measure(&self) -> (usize, Option<u64>) {
        let (entries, mean) = self.cache.with(|cache| (cache.len(), self.mean_of(cache)));
        if let Some(mean) = mean {
            self.mean.store(mean, Ordering::Relaxed);
        }
        let known = self.mean.load(Ordering::Relaxed);
        (entries, (known > 0).then_some(known))
    }

    fn mean_of(&self, cache: &LruCache<K, V, S>) -> Option<u64> {
        let ends = cache.iter().take(SAMPLE).chain(cache.iter().rev().take(SAMPLE));
        let (count, bytes) = ends.fold((0, 0u64), |(count, bytes), (key, value)| {
            (count + 1, bytes.saturating_add((self.weigh)(key, value)))
        });
        (count > 0).then(|| (bytes / count).max(1))
    }

    /// Evicts until `bytes` are reached or the deadline is; says how many it evicted.
    fn evict(&self, bytes: u64, deadline: Instant) -> u64 {
        let mut freed = 0;
        // With room for all of them, so that nothing is allocated under the lock.
        let mut evicted = Vec::with_capacity(SLICE);
        while freed < bytes && Instant::now() < deadline {
            freed += self.cache.with(|cache| self.evict_slice(cache, bytes - freed, &mut evicted));
            if evicted.is_empty() {
                break;
            }
            // Dropped here, under no lock.
            evicted.clear();
        }
        freed
    }

    fn evict_slice(
        &self,
        cache: &mut LruCache<K, V, S>,
        bytes: u64,
        evicted: &mut Vec<(K, V)>,
    ) -> u64 {
        let mut freed: u64 = 0;
        while freed < bytes && evicted.len() < SLICE {
            let Some((key, value)) = cache.pop_lru() else { break };
            freed = freed.saturating_add((self.weigh)(&key, &value));
            evicted.push((key, value));
        }
        freed
    }

    /// `None` while nobody knows what an entry takes.
    fn entries_within(&self, ceiling: u64) -> Option<NonZeroUsize> {
        let (_, mean) = self.measure();
        let entries = usize::try_from(ceiling / mean?).unwrap_or(usize::MAX);
        Some(NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN).min(self.made_for))
    }

    /// What is above the new capacity is evicted beforehand, so that the crate does not do it all under the lock.
    fn resize(&self, capacity: NonZeroUsize) {
        loop {
            let mut evicted = Vec::with_capacity(SLICE);
            self.cache.with(|cache| {
                let above = cache.len().saturating_sub(capacity.get());
                evicted.extend(std::iter::from_fn(|| cache.pop_lru()).take(above.min(SLICE)));
                if above <= SLICE {
                    cache.resize(capacity);
                }
            });
            if evicted.len() < SLICE {
                return;
            }
        }
    }
}

impl<M, K, V, S> Cache for LockedLru<M, K, V, S>
where
    M: Locked<LruCache<K, V, S>>,
    K: Hash + Eq + 'static,
    V: 'static,
    S: BuildHasher + 'static,
{
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let freed = self.evict(ask.bytes, ask.deadline);
        if ask.ceiling.is_some() && Instant::now() < ask.deadline {
            self.set_ceiling(ask.ceiling);
        }
        freed.into()
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        let capacity = match ceiling {
            Some(ceiling) => self.entries_within(ceiling),
            None => Some(self.made_for),
        };
        capacity.map(|capacity| self.resize(capacity)).is_some()
    }

    fn usage_bytes(&self) -> Option<u64> {
        let (entries, mean) = self.measure();
        Some(mean.unwrap_or(0).saturating_mul(entries as u64))
    }
}
