//! The indexes held in memory: a registered cache that gives up what was not searched for longest.

use crate::index::PartIndex;
use parking_lot::Mutex;
use plimsoll::{Ask, Cache, ShrinkReport};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A handle to the indexes in memory; its clones are the same cache.
#[derive(Clone, Default)]
pub(crate) struct Projects(Arc<Mutex<HashMap<usize, Held>>>);

struct Held {
    index: Arc<PartIndex>,
    bytes: u64,
    used: Instant,
}

impl Projects {
    /// The index of a part, if it is in memory; it counts as used now.
    pub(crate) fn get(&self, part: usize) -> Option<Arc<PartIndex>> {
        let mut held = self.0.lock();
        let found = held.get_mut(&part)?;
        found.used = Instant::now();
        Some(Arc::clone(&found.index))
    }

    /// Takes in an index that holds `bytes`.
    pub(crate) fn insert(&self, part: usize, index: Arc<PartIndex>, bytes: u64) {
        let held = Held { index, bytes, used: Instant::now() };
        let replaced = self.0.lock().insert(part, held);
        // Here, after the lock was given back.
        drop(replaced);
    }

    /// Indexes in memory.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn remove_least_recently_used(&self) -> Option<Held> {
        let mut held = self.0.lock();
        let oldest = held.iter().min_by_key(|(_, held)| held.used).map(|(&part, _)| part)?;
        held.remove(&oldest)
    }
}

impl Cache for Projects {
    /// One at a time, so that searches get at the lock in between and freeing happens outside it.
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let mut freed = 0;
        while freed < ask.bytes && Instant::now() < ask.deadline {
            let Some(oldest) = self.remove_least_recently_used() else { break };
            freed += oldest.bytes;
        }
        freed.into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some(self.0.lock().values().map(|held| held.bytes).sum())
    }

    /// Of the project that would go first.
    fn idle(&self) -> Option<Duration> {
        self.0.lock().values().map(|held| held.used.elapsed()).max()
    }
}
