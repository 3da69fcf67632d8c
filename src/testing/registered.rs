//! A cache on the plant: simulated or the user's own, how it is seen, and what it gives.

use super::cache::SimulatedCache;
use crate::cache::{Ask, Cache, CacheSpec};
use crate::counters;
use crate::policy::eviction::{CacheId, Quarantine, View};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub(super) struct Registered {
    pub(super) id: CacheId,
    pub(super) spec: CacheSpec,
    pub(super) cache: Box<dyn Cache>,
    pub(super) simulated: Option<SimulatedCache>,
    pub(super) quarantine: Option<Quarantine>,
}

impl Registered {
    pub(super) fn resident(&self) -> u64 {
        match &self.simulated {
            Some(cache) => cache.resident(),
            None => self.cache.usage_bytes().unwrap_or(0),
        }
    }

    pub(super) fn answer_time(&self) -> Duration {
        self.simulated.as_ref().map_or(Duration::from_millis(1), SimulatedCache::answer_time)
    }

    pub(super) fn view(&self, now: Instant) -> View {
        View {
            id: self.id,
            terms: self.spec.terms,
            usage: self.cache.usage_bytes(),
            idle: self.cache.idle(),
            available: self.quarantine.is_none_or(|quarantine| !quarantine.holds(now)),
        }
    }

    /// What it gave, measured, and what it claimed; no claim when it panicked or did not answer.
    pub(super) fn shrink(&self, ask: &Ask, in_time: bool) -> (u64, Option<u64>) {
        if !in_time {
            return (0, None);
        }
        let before = self.measure();
        let claimed = catch_unwind(AssertUnwindSafe(|| self.cache.shrink(ask).freed_bytes)).ok();
        (before.saturating_sub(self.measure()).max(0).cast_unsigned(), claimed)
    }

    fn measure(&self) -> i64 {
        if let Some(cache) = &self.simulated {
            return cache.held_bytes().cast_signed();
        }
        let counted = crate::is_installed().then(counters::thread_counts).flatten();
        match counted {
            Some(counts) => counts.alloc_bytes_total.wrapping_sub(counts.free_bytes_total),
            None => self.cache.usage_bytes().unwrap_or(0),
        }
        .cast_signed()
    }
}
