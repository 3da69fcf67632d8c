//! quick_cache: resized, which evicts at once.

use super::locked::Locked;
use super::resize::{Resize, Resizing};
use super::unit::Unit;
use crate::cache::{Ask, Cache, ShrinkReport};
use quick_cache::{Lifecycle, Weighter, sync, unsync};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

/// A [`quick_cache::sync::Cache`] that the monitor can shrink and give a ceiling.
///
/// Its weighter should count bytes: a value's heap memory with its key and some 80 bytes for the entry. When it counts
/// entries, say what one takes: [`QuickCache::with_bytes_per_entry`].
///
/// A lower ceiling takes effect at once, from the entries that the crate's policy would evict next, and is kept as long as
/// nobody else changes the capacity. Each shard gets an equal part of it: where the shards are unevenly full, more is evicted
/// than was asked for, by 1 or 2 % of what some thousand entries hold. Pinned entries stay. A ceiling of next to nothing makes
/// the crate forget which keys it had evicted lately. When it was last used is unknown.
///
/// ```
/// use plimsoll::{Monitor, QuickCache};
/// use quick_cache::{Weighter, sync::Cache};
/// use std::sync::Arc;
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// #[derive(Clone)]
/// struct Bytes;
///
/// impl Weighter<u64, Arc<[u8]>> for Bytes {
///     fn weight(&self, _: &u64, value: &Arc<[u8]>) -> u64 {
///         value.len() as u64 + 80
///     }
/// }
///
/// # fn main() -> Result<(), plimsoll::Error> {
/// let pages = Arc::new(Cache::with_weighter(10_000, 64 << 20, Bytes));
/// let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
/// monitor.register("pages", QuickCache::new(pages.clone()))?;
/// # (0..1000).for_each(|key| pages.insert(key, vec![0; 4096].into()));
/// let result = monitor.evict(1 << 20)?;
/// assert!(result.success);
/// # Ok(())
/// # }
/// ```
pub struct QuickCache<K, V, We, B, L>(Resizing<Shared<K, V, We, B, L>>);

struct Shared<K, V, We, B, L>(Arc<sync::Cache<K, V, We, B, L>>);

impl<K, V, We, B, L> QuickCache<K, V, We, B, L>
where
    K: Eq + Hash,
    V: Clone,
    We: Weighter<K, V> + Clone,
    B: BuildHasher + Clone,
    L: Lifecycle<K, V> + Clone,
{
    /// For a cache whose weights are bytes. Its capacity as of now is what it may hold without a ceiling.
    pub fn new(cache: Arc<sync::Cache<K, V, We, B, L>>) -> Self {
        Self::of(cache, Unit::BYTES)
    }

    /// For a cache whose weights are entries, of `bytes` each on average.
    pub fn with_bytes_per_entry(cache: Arc<sync::Cache<K, V, We, B, L>>, bytes: u64) -> Self {
        Self::of(cache, Unit::entries_of(bytes))
    }

    fn of(cache: Arc<sync::Cache<K, V, We, B, L>>, unit: Unit) -> Self {
        let made_for = cache.capacity();
        QuickCache(Resizing::new(Shared(cache), made_for, unit))
    }
}

impl<K, V, We, B, L> Resize for Shared<K, V, We, B, L>
where
    K: Eq + Hash,
    V: Clone,
    We: Weighter<K, V> + Clone,
    B: BuildHasher + Clone,
    L: Lifecycle<K, V> + Clone,
{
    const SLICE: u64 = 8 << 20;

    fn held(&self) -> u64 {
        self.0.weight()
    }

    fn resize(&self, capacity: u64) -> bool {
        // The crate rounds up to as much for every shard.
        let shards = self.0.num_shards() as u64;
        self.0.set_capacity(capacity / shards * shards);
        true
    }
}

impl<K, V, We, B, L> Cache for QuickCache<K, V, We, B, L>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    We: Weighter<K, V> + Clone + Send + Sync + 'static,
    B: BuildHasher + Clone + Send + Sync + 'static,
    L: Lifecycle<K, V> + Clone + Send + Sync + 'static,
{
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.0.shrink(ask)
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        self.0.set_ceiling(ceiling)
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.0.usage_bytes())
    }
}

/// A [`quick_cache::unsync::Cache`] behind a lock ([`Locked`]), as [`QuickCache`]. It has no shards: what is evicted is
/// what was asked for, rounded up to an entry. The lock is given back after every MiB.
pub struct LockedQuickCache<M, K, V, We, B, L>(Resizing<InLock<M, K, V, We, B, L>>);

struct InLock<M, K, V, We, B, L> {
    cache: Arc<M>,
    #[expect(
        clippy::type_complexity,
        reason = "what the lock holds, and whatever threads may do with it"
    )]
    holds: PhantomData<fn() -> (K, V, We, B, L)>,
}

impl<M, K, V, We, B, L> LockedQuickCache<M, K, V, We, B, L>
where
    M: Locked<unsync::Cache<K, V, We, B, L>>,
    K: Eq + Hash,
    We: Weighter<K, V>,
    B: BuildHasher,
    L: Lifecycle<K, V>,
{
    /// For a cache whose weights are bytes. Its capacity as of now is what it may hold without a ceiling.
    pub fn new(cache: Arc<M>) -> Self {
        Self::of(cache, Unit::BYTES)
    }

    /// For a cache whose weights are entries, of `bytes` each on average.
    pub fn with_bytes_per_entry(cache: Arc<M>, bytes: u64) -> Self {
        Self::of(cache, Unit::entries_of(bytes))
    }

    fn of(cache: Arc<M>, unit: Unit) -> Self {
        let made_for = cache.with(|cache| cache.capacity());
        LockedQuickCache(Resizing::new(InLock { cache, holds: PhantomData }, made_for, unit))
    }
}

impl<M, K, V, We, B, L> Resize for InLock<M, K, V, We, B, L>
where
    M: Locked<unsync::Cache<K, V, We, B, L>>,
    K: Eq + Hash,
    We: Weighter<K, V>,
    B: BuildHasher,
    L: Lifecycle<K, V>,
{
    const SLICE: u64 = 1 << 20;

    fn held(&self) -> u64 {
        self.cache.with(|cache| cache.weight())
    }

    fn resize(&self, capacity: u64) -> bool {
        self.cache.with(|cache| cache.set_capacity(capacity));
        true
    }
}

impl<M, K, V, We, B, L> Cache for LockedQuickCache<M, K, V, We, B, L>
where
    M: Locked<unsync::Cache<K, V, We, B, L>>,
    K: Eq + Hash + 'static,
    V: 'static,
    We: Weighter<K, V> + 'static,
    B: BuildHasher + 'static,
    L: Lifecycle<K, V> + 'static,
{
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.0.shrink(ask)
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        self.0.set_ceiling(ceiling)
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.0.usage_bytes())
    }
}
