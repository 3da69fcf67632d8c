//! One of the two caches: bounded in bytes, its ceiling movable, and what came and went counted.

use crate::value::{Kind, Value};
use plimsoll::{Ask, Cache, ShrinkReport};
use quick_cache::Weighter;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an entry takes beside its value: the key, the value's counts, its places in the cache's tables.
const ENTRY: u64 = 64;

type Entries = quick_cache::sync::Cache<u32, Value, Bytes>;

/// Values of one kind, by key.
pub(crate) struct Store {
    kind: Kind,
    entries: Entries,
    /// The capacity it was made for: more than there are values.
    made_for: u64,
    counted: Counted,
}

/// Totals; each is only added to.
#[derive(Default)]
struct Counted {
    hits: AtomicU64,
    misses: AtomicU64,
    inserted: AtomicU64,
    evicted: AtomicU64,
}

/// How a store has done so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Tally {
    hits: u64,
    misses: u64,
    /// Bytes held now.
    held: u64,
    /// Bytes that were put in.
    inserted: u64,
    /// Bytes that went because somebody said so. What a full cache replaces by itself is the rest of what was put in.
    evicted: u64,
}

impl Store {
    /// An empty store with room for all `values` of a kind.
    pub(crate) fn new(kind: Kind, values: u32) -> Self {
        let made_for = 2 * u64::from(values) * (kind.usual_bytes() + ENTRY);
        let entries = Entries::with_weighter(values as usize, made_for, Bytes);
        Store { kind, entries, made_for, counted: Counted::default() }
    }

    /// The value of `key`: from memory, else made and kept.
    pub(crate) fn get(&self, key: u32) -> Value {
        if let Some(value) = self.entries.get(&key) {
            add(&self.counted.hits, 1);
            return value;
        }
        let value = self.kind.make(key);
        add(&self.counted.misses, 1);
        add(&self.counted.inserted, Bytes.weight(&key, &value));
        self.entries.insert(key, value.clone());
        value
    }

    /// Drops the coldest entries until at most `most_bytes` are held; says how many bytes that were. It may grow again.
    pub(crate) fn evict_to(&self, most_bytes: u64) -> u64 {
        self.evict_below(most_bytes, self.entries.capacity())
    }

    /// As [`Store::evict_to`], and holds at most `ceiling` from then on.
    fn evict_below(&self, most_bytes: u64, ceiling: u64) -> u64 {
        let before = self.held_bytes();
        self.entries.set_capacity(most_bytes.min(ceiling));
        let went = before.saturating_sub(self.held_bytes());
        self.entries.set_capacity(ceiling);
        add(&self.counted.evicted, went);
        went
    }

    pub(crate) fn held_bytes(&self) -> u64 {
        self.entries.weight()
    }

    pub(crate) fn tally(&self) -> Tally {
        let [hits, misses, inserted, evicted] = [
            &self.counted.hits,
            &self.counted.misses,
            &self.counted.inserted,
            &self.counted.evicted,
        ]
        .map(|total| total.load(Ordering::Relaxed));
        Tally { hits, misses, held: self.held_bytes(), inserted, evicted }
    }
}

/// All that a cache needs to be governed.
impl Cache for Store {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let ceiling = ask.ceiling.unwrap_or(self.entries.capacity());
        self.evict_below(self.held_bytes().saturating_sub(ask.bytes), ceiling).into()
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        let ceiling = ceiling.unwrap_or(self.made_for);
        self.evict_below(ceiling, ceiling);
        true
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.held_bytes())
    }
}

/// Relaxed: figures for people, which order nothing.
fn add(total: &AtomicU64, more: u64) {
    total.fetch_add(more, Ordering::Relaxed);
}

/// Weighs an entry in bytes of memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<u32, Value> for Bytes {
    fn weight(&self, _: &u32, value: &Value) -> u64 {
        value.len() as u64 + ENTRY
    }
}
