//! Answers given before: a registered cache, bounded in bytes, that gives up its coldest entries.

use crate::index::{Answer, Hit};
use parking_lot::Mutex;
use plimsoll::{Ask, Cache, ShrinkReport};
use quick_cache::Weighter;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The part asked, and the identifier.
pub(crate) type Key = (usize, Box<str>);

type Store = quick_cache::sync::Cache<Key, Arc<Answer>, Bytes>;

/// A handle to the answers; its clones are the same cache.
#[derive(Clone)]
pub(crate) struct Answers {
    store: Arc<Store>,
    used: Arc<Mutex<Instant>>,
}

impl Answers {
    /// An empty cache for answers of at most `most_bytes`.
    pub(crate) fn new(most_bytes: u64) -> Self {
        let store = Store::with_weighter(1000, most_bytes, Bytes);
        Answers { store: Arc::new(store), used: Arc::new(Mutex::new(Instant::now())) }
    }

    /// The answer to a question that was asked before, if it is still here.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Answer>> {
        let found = self.store.get(key)?;
        *self.used.lock() = Instant::now();
        Some(found)
    }

    /// Remembers an answer.
    pub(crate) fn insert(&self, key: Key, answer: Arc<Answer>) {
        self.store.insert(key, answer);
    }
}

impl Cache for Answers {
    /// A smaller capacity makes the cache drop entries at once; then it may grow again.
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let (before, capacity) = (self.store.weight(), self.store.capacity());
        self.store.set_capacity(before.saturating_sub(ask.bytes));
        self.store.set_capacity(capacity);
        before.saturating_sub(self.store.weight()).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.store.weight())
    }

    fn idle(&self) -> Option<Duration> {
        Some(self.used.lock().elapsed())
    }
}

/// Weighs an entry in bytes of memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Answer>> for Bytes {
    fn weight(&self, (_, identifier): &Key, answer: &Arc<Answer>) -> u64 {
        let hit = |hit: &Hit| size_of::<Hit>() + hit.path.len() + hit.text.len();
        let hits: usize = answer.hits.iter().map(hit).sum();
        (size_of::<Key>() + identifier.len() + size_of::<Answer>() + hits) as u64
    }
}
