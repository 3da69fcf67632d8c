//! foyer's memory cache: resized, which evicts at once.

use super::resize::{Resize, Resizing};
use super::unit::Unit;
use crate::cache::{Ask, Cache, ShrinkReport};
use foyer_common::code::{HashBuilder, Key, Value};
use foyer_common::properties::Properties;

/// A `foyer::Cache` (or the `memory()` of a hybrid one) that the monitor can shrink and give a ceiling.
///
/// Its weighter should count bytes: a value's heap memory with its key and some 140 bytes for the entry. When it counts
/// entries, say what one takes: [`Foyer::with_bytes_per_entry`].
///
/// A lower ceiling takes effect at once, from the entries that the crate's policy would evict next. Each shard gets an
/// equal part of it: where the shards are unevenly full, more is evicted than was asked for, by 1 or 2 % of what some
/// thousand entries hold. The crate starts a thread for each shard to do so; eviction listeners run there. Entries that are
/// in use elsewhere are freed when they are not. When it was last used is unknown.
///
/// ```
/// use foyer_memory::{Cache, CacheBuilder};
/// use plimsoll::{Foyer, Monitor};
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// # fn main() -> Result<(), plimsoll::Error> {
/// let pages: Cache<u64, Vec<u8>> = CacheBuilder::new(64 << 20)
///     .with_weighter(|_: &u64, value: &Vec<u8>| value.capacity() + 140)
///     .build();
/// let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
/// monitor.register("pages", Foyer::new(pages.clone()))?;
/// # (0..1000).for_each(|key| drop(pages.insert(key, vec![0; 4096])));
/// let result = monitor.evict(1 << 20)?;
/// assert!(result.success);
/// # Ok(())
/// # }
/// ```
pub struct Foyer<K, V, S, P>(Resizing<Memory<K, V, S, P>>)
where
    K: Key,
    V: Value,
    S: HashBuilder,
    P: Properties;

struct Memory<K, V, S, P>(foyer_memory::Cache<K, V, S, P>)
where
    K: Key,
    V: Value,
    S: HashBuilder,
    P: Properties;

impl<K: Key, V: Value, S: HashBuilder, P: Properties> Foyer<K, V, S, P> {
    /// For a cache whose weights are bytes. The capacity it was built with is what it may hold without a ceiling.
    pub fn new(cache: foyer_memory::Cache<K, V, S, P>) -> Self {
        Self::of(cache, Unit::BYTES)
    }

    /// For a cache whose weights are entries, of `bytes` each on average.
    pub fn with_bytes_per_entry(cache: foyer_memory::Cache<K, V, S, P>, bytes: u64) -> Self {
        Self::of(cache, Unit::entries_of(bytes))
    }

    fn of(cache: foyer_memory::Cache<K, V, S, P>, unit: Unit) -> Self {
        let made_for = cache.capacity() as u64;
        Foyer(Resizing::new(Memory(cache), made_for, unit))
    }
}

impl<K: Key, V: Value, S: HashBuilder, P: Properties> Resize for Memory<K, V, S, P> {
    /// Larger than others': each costs a thread per shard, and what is evicted is freed under no lock.
    const SLICE: u64 = 64 << 20;

    fn held(&self) -> u64 {
        self.0.usage() as u64
    }

    fn resize(&self, capacity: u64) -> bool {
        self.0.resize(usize::try_from(capacity).unwrap_or(usize::MAX)).is_ok()
    }
}

impl<K: Key, V: Value, S: HashBuilder, P: Properties> Cache for Foyer<K, V, S, P> {
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
