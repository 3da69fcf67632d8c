//! moka: evicted by entry, since its capacity cannot be changed.

use super::unit::Unit;
use crate::cache::{Ask, Cache, ShrinkReport};
use std::hash::{BuildHasher, Hash};
use std::time::Instant;

/// Entries that are invalidated before what they held is freed.
const SLICE: u64 = 256;

/// A [`moka::sync::Cache`] that the monitor can shrink.
///
/// Its weigher should count bytes: a value's heap memory with its key and some 270 bytes for the entry. When it counts
/// entries, as it does without a weigher, say what one takes: [`Moka::with_bytes_per_entry`].
///
/// moka fixes its capacity when it is built: no ceiling can be kept, and what was evicted may be filled again at once. It
/// tells nobody which entry it would evict next: the first ones of its iterator go, 256 at a time, in the order of their hashes.
/// Each is counted as explicitly removed by eviction listeners. The iterator clones every value that it passes, which costs little
/// for an `Arc`. When it was last used is unknown.
///
/// ```
/// use moka::sync::Cache;
/// use plimsoll::{Moka, Monitor};
/// use std::sync::Arc;
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// # fn main() -> Result<(), plimsoll::Error> {
/// let pages: Cache<u64, Arc<[u8]>> = Cache::builder()
///     .weigher(|_, value: &Arc<[u8]>| value.len() as u32 + 270)
///     .max_capacity(64 << 20)
///     .build();
/// let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
/// monitor.register("pages", Moka::new(pages.clone()))?;
/// # (0..1000).for_each(|key| pages.insert(key, vec![0; 4096].into()));
/// let result = monitor.evict(1 << 20)?;
/// assert!(result.success);
/// # Ok(())
/// # }
/// ```
pub struct Moka<K, V, S> {
    cache: moka::sync::Cache<K, V, S>,
    unit: Unit,
}

/// How far a shrinking has come, in the cache's own units.
struct Progress {
    start: u64,
    wanted: u64,
}

impl Progress {
    /// How many entries to invalidate next, when it weighs `weight` in `entries`; `None` when it is enough.
    fn next(&self, weight: u64, entries: u64) -> Option<usize> {
        let missing = self.wanted.saturating_sub(self.start.saturating_sub(weight));
        let mean = (weight / entries.max(1)).max(1);
        let count = missing.div_ceil(mean).min(SLICE).min(entries);
        (count > 0).then(|| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

impl<K, V, S> Moka<K, V, S> {
    /// For a cache whose weights are bytes.
    pub fn new(cache: moka::sync::Cache<K, V, S>) -> Self {
        Moka { cache, unit: Unit::BYTES }
    }

    /// For a cache without a weigher, whose entries take `bytes` each on average.
    pub fn with_bytes_per_entry(cache: moka::sync::Cache<K, V, S>, bytes: u64) -> Self {
        Moka { cache, unit: Unit::entries_of(bytes) }
    }
}

impl<K, V, S> Cache for Moka<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let cache = &self.cache;
        // Inserts and removals count, and removals free, when the pending tasks have run.
        cache.run_pending_tasks();
        let start = cache.weighted_size();
        let progress = Progress { start, wanted: self.unit.to_reach(ask.bytes) };
        let mut entries = cache.iter();
        while Instant::now() < ask.deadline
            && let Some(count) = progress.next(cache.weighted_size(), cache.entry_count())
        {
            let passed = entries.by_ref().take(count).map(|(key, _)| cache.invalidate(&*key));
            let is_over = passed.count() == 0;
            cache.run_pending_tasks();
            if is_over {
                break;
            }
        }
        self.unit.to_bytes(start.saturating_sub(cache.weighted_size())).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        self.cache.run_pending_tasks();
        Some(self.unit.to_bytes(self.cache.weighted_size()))
    }
}

#[cfg(feature = "moka_future")]
pub use future::MokaFuture;

#[cfg(feature = "moka_future")]
mod future {
    use super::{Ask, BuildHasher, Cache, Hash, Instant, Progress, ShrinkReport, Unit};
    use crate::block_on::block_until;
    use std::time::Duration;

    /// How long a tick's question may take; moka's own maintenance ends after 100 ms.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// A [`moka::future::Cache`] that the monitor can shrink: as [`Moka`](super::Moka) in everything.
    ///
    /// Its futures are waited for on the thread that the monitor calls caches on, outside any runtime: an eviction listener
    /// that needs one panics there.
    pub struct MokaFuture<K, V, S> {
        cache: moka::future::Cache<K, V, S>,
        unit: Unit,
    }

    impl<K, V, S> MokaFuture<K, V, S> {
        /// For a cache whose weights are bytes.
        pub fn new(cache: moka::future::Cache<K, V, S>) -> Self {
            MokaFuture { cache, unit: Unit::BYTES }
        }

        /// For a cache without a weigher, whose entries take `bytes` each on average.
        pub fn with_bytes_per_entry(cache: moka::future::Cache<K, V, S>, bytes: u64) -> Self {
            MokaFuture { cache, unit: Unit::entries_of(bytes) }
        }
    }

    impl<K, V, S> MokaFuture<K, V, S>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        S: BuildHasher + Clone + Send + Sync + 'static,
    {
        async fn evict(&self, bytes: u64) {
            let cache = &self.cache;
            cache.run_pending_tasks().await;
            let start = cache.weighted_size();
            let progress = Progress { start, wanted: self.unit.to_reach(bytes) };
            let mut entries = cache.iter();
            while let Some(count) = progress.next(cache.weighted_size(), cache.entry_count()) {
                let mut passed = 0;
                for (key, value) in entries.by_ref().take(count) {
                    drop(value);
                    cache.invalidate(&*key).await;
                    passed += 1;
                }
                cache.run_pending_tasks().await;
                if passed == 0 {
                    return;
                }
            }
        }
    }

    impl<K, V, S> Cache for MokaFuture<K, V, S>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        S: BuildHasher + Clone + Send + Sync + 'static,
    {
        fn shrink(&self, ask: &Ask) -> ShrinkReport {
            let start = self.usage_bytes().unwrap_or(0);
            block_until(ask.deadline, self.evict(ask.bytes));
            start.saturating_sub(self.usage_bytes().unwrap_or(start)).into()
        }

        fn usage_bytes(&self) -> Option<u64> {
            block_until(Instant::now() + PATIENCE, self.cache.run_pending_tasks())?;
            Some(self.unit.to_bytes(self.cache.weighted_size()))
        }
    }
}
