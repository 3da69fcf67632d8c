//! Every adapter over a cache of 8 KiB entries with room for 64 MiB, and how it is filled.

use plimsoll::{Cache, Foyer, LockedLru, LockedQuickCache, Moka, MokaFuture, QuickCache};
use quick_cache::Weighter;
use quick_cache::sync::DefaultLifecycle;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

/// A value's bytes.
pub(crate) const ENTRY: u64 = 8 * 1024;

/// What an entry takes besides, as each crate's adapter says.
const QUICK_CACHE: u64 = 80;
const FOYER: u64 = 140;
const LRU: u64 = 60;
const MOKA: u64 = 270;

/// Of every cache.
pub(crate) const CAPACITY: u64 = 64 << 20;

type Page = Arc<[u8]>;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) cache: Arc<dyn Cache>,
    insert: Box<dyn Fn(u64, Page) + Send + Sync>,
    pub(crate) keeps_ceilings: bool,
    /// By how much it may free more than 8 MiB of 32 that it was asked for.
    pub(crate) lump: u64,
}

impl Subject {
    pub(crate) fn fill(&self, keys: Range<u64>) {
        for key in keys {
            (self.insert)(key, vec![1; ENTRY as usize].into());
        }
    }

    pub(crate) fn usage(&self) -> u64 {
        self.cache.usage_bytes().unwrap()
    }

    fn new(
        name: &'static str,
        cache: impl Cache,
        insert: impl Fn(u64, Page) + Send + Sync + 'static,
    ) -> Self {
        let (cache, insert) = (Arc::new(cache), Box::new(insert));
        Subject { name, cache, insert, keeps_ceilings: true, lump: 2 * (ENTRY + 300) }
    }

    /// With an equal part of its capacity for each of its shards, which are not quite equally full.
    fn sharded(self) -> Self {
        Subject { lump: 1 << 20, ..self }
    }

    fn without_ceilings(self) -> Self {
        Subject { keeps_ceilings: false, ..self }
    }
}

type FixedHash = BuildHasherDefault<DefaultHasher>;

#[derive(Clone)]
struct Bytes;

impl Weighter<u64, Page> for Bytes {
    fn weight(&self, _: &u64, value: &Page) -> u64 {
        value.len() as u64 + QUICK_CACHE
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    vec![
        quick_cache(),
        quick_cache_of_entries(),
        quick_cache_unsync(),
        foyer(),
        foyer_of_entries(),
        lru_in_parking_lot(),
        lru_in_std(),
        moka_of_bytes(),
        moka_of_entries(),
        moka_future(),
    ]
}

/// The same on every machine and in every run: by itself it has four shards for each processor, and a seed.
fn in_eight_shards<W: Weighter<u64, Page> + Clone>(
    entries: usize,
    weight: u64,
    weigher: W,
) -> quick_cache::sync::Cache<u64, Page, W, FixedHash> {
    let mut options = quick_cache::OptionsBuilder::new();
    options.estimated_items_capacity(entries).weight_capacity(weight).shards(8);
    let (options, lifecycle) = (options.build().unwrap(), DefaultLifecycle::default());
    quick_cache::sync::Cache::with_options(options, weigher, FixedHash::default(), lifecycle)
}

fn quick_cache() -> Subject {
    let cache = Arc::new(in_eight_shards(8192, CAPACITY, Bytes));
    let insert = cache.clone();
    let adapter = QuickCache::new(cache);
    Subject::new("quick_cache", adapter, move |key, page| insert.insert(key, page)).sharded()
}

fn quick_cache_of_entries() -> Subject {
    let entries = (CAPACITY / (ENTRY + QUICK_CACHE)) as usize;
    let cache = Arc::new(in_eight_shards(entries, entries as u64, quick_cache::UnitWeighter));
    let insert = cache.clone();
    let adapter = QuickCache::with_bytes_per_entry(cache, ENTRY + QUICK_CACHE);
    let insert = move |key, page| insert.insert(key, page);
    Subject::new("quick_cache of entries", adapter, insert).sharded()
}

fn quick_cache_unsync() -> Subject {
    let cache = quick_cache::unsync::Cache::with_weighter(8192, CAPACITY, Bytes);
    let cache = Arc::new(std::sync::Mutex::new(cache));
    let insert = cache.clone();
    let adapter = LockedQuickCache::new(cache);
    let insert = move |key, page| insert.lock().unwrap().insert(key, page);
    Subject::new("quick_cache in a lock", adapter, insert)
}

fn foyer() -> Subject {
    let cache: foyer_memory::Cache<u64, Page> = foyer_memory::CacheBuilder::new(CAPACITY as usize)
        .with_weighter(|_: &u64, value: &Page| value.len() + FOYER as usize)
        .build();
    let insert = cache.clone();
    let insert = move |key, page| drop(insert.insert(key, page));
    Subject::new("foyer", Foyer::new(cache), insert).sharded()
}

fn foyer_of_entries() -> Subject {
    let entries = (CAPACITY / (ENTRY + FOYER)) as usize;
    let cache: foyer_memory::Cache<u64, Page> = foyer_memory::CacheBuilder::new(entries).build();
    let insert = cache.clone();
    let adapter = Foyer::with_bytes_per_entry(cache, ENTRY + FOYER);
    let insert = move |key, page| drop(insert.insert(key, page));
    Subject::new("foyer of entries", adapter, insert).sharded()
}

fn lru() -> lru::LruCache<u64, Page> {
    lru::LruCache::new(NonZeroUsize::new((CAPACITY / (ENTRY + LRU)) as usize).unwrap())
}

fn lru_in_parking_lot() -> Subject {
    let cache = Arc::new(parking_lot::Mutex::new(lru()));
    let insert = cache.clone();
    let adapter = LockedLru::new(cache, ENTRY + LRU);
    let insert = move |key, page| drop(insert.lock().put(key, page));
    Subject::new("lru in parking_lot's mutex", adapter, insert)
}

fn lru_in_std() -> Subject {
    let cache = Arc::new(std::sync::Mutex::new(lru()));
    let insert = cache.clone();
    let weigh = |_: &u64, page: &Page| page.len() as u64 + LRU;
    let adapter = LockedLru::with_weigher(cache, weigh);
    let insert = move |key, page| drop(insert.lock().unwrap().put(key, page));
    Subject::new("lru in std's mutex", adapter, insert)
}

fn moka_of_bytes() -> Subject {
    let cache: moka::sync::Cache<u64, Page> = moka::sync::Cache::builder()
        .weigher(|_, value: &Page| value.len() as u32 + MOKA as u32)
        .max_capacity(CAPACITY)
        .build();
    let insert = cache.clone();
    let insert = move |key, page| insert.insert(key, page);
    Subject::new("moka", Moka::new(cache), insert).without_ceilings()
}

fn moka_of_entries() -> Subject {
    let cache: moka::sync::Cache<u64, Page> = moka::sync::Cache::new(CAPACITY / (ENTRY + MOKA));
    let insert = cache.clone();
    let adapter = Moka::with_bytes_per_entry(cache, ENTRY + MOKA);
    let insert = move |key, page| insert.insert(key, page);
    Subject::new("moka of entries", adapter, insert).without_ceilings()
}

fn moka_future() -> Subject {
    let cache: moka::future::Cache<u64, Page> = moka::future::Cache::builder()
        .weigher(|_, value: &Page| value.len() as u32 + MOKA as u32)
        .max_capacity(CAPACITY)
        .build();
    let insert = cache.clone();
    let insert = move |key, page| wait(insert.insert(key, page));
    Subject::new("moka's future cache", MokaFuture::new(cache), insert).without_ceilings()
}

/// A runtime for futures that never wait for long.
fn wait(future: impl Future<Output = ()>) {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {
        std::thread::yield_now();
    }
}
