//! What was asked and given: evictions, purges, refusals.

use crate::recorder::{RecordedEvent, Recording};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Caches that are told one by one.
const MOST_CACHES: usize = 32;

/// What was asked and given, over the run where totals are known, else as far as events were kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Given {
    /// Evictions in which at least one cache was asked, over the run.
    pub evictions_total: Option<u64>,
    /// What they freed, measured, over the run.
    pub evicted_bytes_total: Option<u64>,
    /// Purges on the monitor's demand, over the run.
    pub purges_total: Option<u64>,
    /// What evictions were to free, of those that are in the file.
    pub asked_bytes: u64,
    /// What those freed, measured.
    pub freed_bytes: u64,
    /// What the caches claimed for them.
    pub claimed_bytes: u64,
    /// Evictions that freed less than four fifths of what was asked, of those in the file.
    pub failed: u64,
    /// What purges gave back to the system, of those in the file.
    pub purged_bytes: u64,
    /// How often nobody was left to ask.
    pub gave_up: u64,
    /// How often a cache took again what it had just given.
    pub refill_storms: u64,
    /// By the caches that were asked; 32 at most.
    pub by_cache: Vec<CacheGave>,
}

/// The evictions in which a cache was asked. One that asked several counts for each of them, with all that it freed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheGave {
    /// Its name.
    pub name: String,
    /// In how many evictions it was asked.
    pub asks: u64,
    /// What those freed, measured.
    pub freed_bytes: u64,
}

impl Given {
    pub(super) fn of(recording: &Recording) -> Self {
        let last = recording.last.as_ref();
        let mut given = Given {
            evictions_total: last.and_then(|last| last.evictions_total()),
            evicted_bytes_total: last.and_then(|last| last.evicted_bytes_total()),
            purges_total: last.and_then(|last| last.purges_total()),
            ..Given::default()
        };
        let mut caches = BTreeMap::new();
        recording.events.iter().for_each(|event| given.add(event, &mut caches));
        given.by_cache = largest(caches);
        given
    }

    fn add(&mut self, event: &RecordedEvent, caches: &mut BTreeMap<String, CacheGave>) {
        let figure = |name: &str| event.json.get(name).and_then(Value::as_u64).unwrap_or(0);
        match event.event_type.as_str() {
            "eviction_completed" => {
                add(&mut self.asked_bytes, figure("target_bytes"));
                add(&mut self.freed_bytes, figure("memory_freed_bytes"));
                add(&mut self.claimed_bytes, figure("claimed_bytes"));
                self.failed += u64::from(event.json.get("success") == Some(&Value::Bool(false)));
                count(event, figure("memory_freed_bytes"), caches);
            }
            "purge_completed" => add(&mut self.purged_bytes, figure("purged_bytes")),
            "gave_up" => self.gave_up += 1,
            "refill_storm" => self.refill_storms += 1,
            _ => {}
        }
    }
}

/// Figures of a file may be anything.
fn add(sum: &mut u64, figure: u64) {
    *sum = sum.saturating_add(figure);
}

fn count(event: &RecordedEvent, freed: u64, caches: &mut BTreeMap<String, CacheGave>) {
    let names = event.json.get("evicted").and_then(Value::as_array);
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let cache = caches.entry(name.to_owned()).or_default();
        cache.asks += 1;
        add(&mut cache.freed_bytes, freed);
    }
}

fn largest(caches: BTreeMap<String, CacheGave>) -> Vec<CacheGave> {
    let mut caches: Vec<_> =
        caches.into_iter().map(|(name, gave)| CacheGave { name, ..gave }).collect();
    caches.sort_by_key(|cache| std::cmp::Reverse(cache.freed_bytes));
    caches.truncate(MOST_CACHES);
    caches
}
