//! What an eviction was asked for and what it gave: one result, and the bounded memory of many.

use crate::level::Level;
use crate::mebibyte::mib;
use crate::policy::eviction::{Priority, Record, View};
use crate::snapshot::Moment;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// Results kept: the recent ones of the original, and enough for a post-mortem. About 200 bytes each.
const KEPT: usize = 100;
/// Results in the statistics' `recent`.
const RECENT: usize = 10;

/// What one eviction gave.
///
/// `memory_freed_bytes` is measured by plimsoll's own counters on the thread that ran the caches' code, plus what other
/// threads freed meanwhile as far as the caches claim it; exact when nothing else frees at the time. `None` when nothing
/// is counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvictionResult {
    /// Whether at least 80 % of the target were freed.
    pub success: bool,
    /// The caches that were asked, in order.
    pub evicted: Vec<String>,
    /// Measured, in MiB.
    pub memory_freed_mb: Option<f64>,
    /// Measured, in bytes.
    pub memory_freed_bytes: Option<u64>,
    /// What the caches said they freed, in MiB.
    pub claimed_mb: f64,
    /// What the caches said they freed, in bytes.
    pub claimed_bytes: u64,
    /// What was asked for, in MiB.
    pub target_mb: f64,
    /// What was asked for, in bytes.
    pub target_bytes: u64,
    /// By the monotonic clock.
    pub duration_seconds: f64,
    /// In words.
    pub message: String,
    /// What went wrong: panics, time-outs.
    pub errors: Vec<String>,
    /// Seconds since 1970.
    pub timestamp: f64,
}

/// How a registered cache has done since it was registered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Its name.
    pub name: String,
    /// How much it matters within its tier.
    pub priority: Priority,
    /// Lower tiers are asked before it.
    pub tier: u8,
    /// The lowest level at which it is asked without anybody's command.
    pub from: Level,
    /// What it said it holds when it was last asked, less what it gave since; `None` when it does not say.
    pub usage_bytes: Option<u64>,
    /// What it is never asked to go below; 0 without a floor.
    pub floor_bytes: u64,
    /// What it may hold; `None` without a ceiling.
    pub ceiling_bytes: Option<u64>,
    /// Whether it keeps ceilings; `None` while none was set.
    pub keeps_ceilings: Option<bool>,
    /// How often it was asked.
    pub asks: u64,
    /// What it was asked for, in all.
    pub asked_bytes: u64,
    /// What it said it freed.
    pub claimed_bytes: u64,
    /// What it freed, measured; claimed where nothing is counted.
    pub given_bytes: u64,
    /// Answers of less than a quarter of the ask, or none.
    pub strikes: u64,
    /// Measured over claimed, lately; `None` before its first claim.
    pub honesty: Option<f64>,
    /// How far the kernel's figure fell for what it freed, lately, as a share; `None` while unknown. Near 0 when what is
    /// evicted are small objects at random: the pages stay, and are room for objects of the same size only.
    pub page_yield: Option<f64>,
    /// Whether it is left alone for having panicked or hung.
    pub quarantined: bool,
}

impl CacheStatus {
    pub(crate) fn new(
        name: String,
        view: &View,
        record: Option<&Record>,
        quarantined: bool,
    ) -> Self {
        let figure = |get: fn(&Record) -> u64| record.map_or(0, get);
        CacheStatus {
            name,
            priority: view.terms.priority,
            tier: view.terms.tier,
            from: view.terms.from,
            usage_bytes: view.usage,
            floor_bytes: view.terms.floor,
            ceiling_bytes: record.and_then(|record| record.ceiling),
            keeps_ceilings: record.and_then(|record| record.keeps_ceilings),
            asks: figure(|record| record.asks),
            asked_bytes: figure(|record| record.asked_bytes),
            claimed_bytes: figure(|record| record.claimed_bytes),
            given_bytes: figure(|record| record.given_bytes),
            strikes: figure(|record| record.strikes),
            honesty: record.and_then(|record| record.honesty.get()),
            page_yield: record.and_then(|record| record.yielded.get()),
            quarantined,
        }
    }
}

/// What one cache would be asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedAsk {
    /// The cache's name.
    pub cache: String,
    /// In MiB.
    pub mb: f64,
    /// In bytes.
    pub bytes: u64,
}

/// What an eviction would ask of whom, in order, if every cache gave what it was asked for. Nothing was asked.
///
/// As good as what the caches say of themselves; one that does not say what it holds is taken to have all that is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvictionPlan {
    /// What was to be freed, in MiB.
    pub target_mb: f64,
    /// What was to be freed, in bytes.
    pub target_bytes: u64,
    /// The asks, in order. A cache can be asked more than once.
    pub asks: Vec<PlannedAsk>,
    /// What they come to, in MiB.
    pub planned_mb: f64,
    /// What they come to, in bytes.
    pub planned_bytes: u64,
}

impl EvictionPlan {
    pub(crate) fn new(target: u64, asks: impl Iterator<Item = (String, u64)>) -> Self {
        let asks: Vec<_> =
            asks.map(|(cache, bytes)| PlannedAsk { cache, mb: mib(bytes), bytes }).collect();
        let planned = asks.iter().map(|ask| ask.bytes).fold(0, u64::saturating_add);
        EvictionPlan {
            target_mb: mib(target),
            target_bytes: target,
            asks,
            planned_mb: mib(planned),
            planned_bytes: planned,
        }
    }
}

/// What an eviction has come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) asked: Vec<String>,
    pub(crate) freed_bytes: Option<u64>,
    pub(crate) claimed_bytes: u64,
    pub(crate) errors: Vec<String>,
}

impl EvictionResult {
    pub(crate) fn new(
        target: u64,
        outcome: Outcome,
        success: bool,
        took: Duration,
        at: Moment,
    ) -> Self {
        let freed = outcome.freed_bytes.map(mib);
        let message = match (outcome.asked.is_empty(), freed) {
            (true, _) => "no cache could be asked".into(),
            (false, Some(freed)) => {
                format!("freed {freed:.1} MiB of {:.1} MiB", mib(target))
            }
            (false, None) => "caches were asked; nothing is counted here".into(),
        };
        EvictionResult {
            success,
            evicted: outcome.asked,
            memory_freed_mb: freed,
            memory_freed_bytes: outcome.freed_bytes,
            claimed_mb: mib(outcome.claimed_bytes),
            claimed_bytes: outcome.claimed_bytes,
            target_mb: mib(target),
            target_bytes: target,
            duration_seconds: took.as_secs_f64(),
            message,
            errors: outcome.errors,
            timestamp: at.epoch_secs(),
        }
    }
}

/// All evictions so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvictionStatistics {
    /// Evictions in which at least one cache was asked.
    pub total_evictions: u64,
    /// Measured, in MiB; `None` while nothing was measured.
    pub total_memory_freed_mb: Option<f64>,
    /// Measured, in bytes; `None` while nothing was measured.
    pub total_memory_freed_bytes: Option<u64>,
    /// The last results, oldest first; at most 100.
    pub history: VecDeque<EvictionResult>,
    /// The last ten, oldest first.
    pub recent: Vec<EvictionResult>,
}

impl EvictionStatistics {
    /// Without any eviction yet; where evictions will be measured, nothing freed is a known zero.
    pub(crate) fn new(counting: bool) -> Self {
        EvictionStatistics {
            total_memory_freed_mb: counting.then_some(0.0),
            total_memory_freed_bytes: counting.then_some(0),
            ..EvictionStatistics::default()
        }
    }

    pub(crate) fn record(&mut self, result: EvictionResult) {
        self.total_evictions += u64::from(!result.evicted.is_empty());
        if let Some(freed) = result.memory_freed_bytes {
            let total = self.total_memory_freed_bytes.unwrap_or(0).saturating_add(freed);
            self.total_memory_freed_bytes = Some(total);
            self.total_memory_freed_mb = Some(mib(total));
        }
        if self.history.len() == KEPT {
            self.history.pop_front();
        }
        self.history.push_back(result);
    }

    /// A copy with `recent` filled in.
    pub(crate) fn report(&self) -> Self {
        let skipped = self.history.len().saturating_sub(RECENT);
        EvictionStatistics {
            recent: self.history.iter().skip(skipped).cloned().collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(freed: u64, asked: &[&str]) -> EvictionResult {
        let outcome = Outcome {
            asked: asked.iter().map(|name| (*name).to_owned()).collect(),
            freed_bytes: Some(freed),
            ..Outcome::default()
        };
        EvictionResult::new(1 << 20, outcome, true, Duration::from_millis(5), Moment::now())
    }

    #[test]
    fn history_is_bounded_and_totals_are_not() {
        let mut statistics = EvictionStatistics::default();
        (0..500).for_each(|_| statistics.record(result(1 << 20, &["pages"])));
        statistics.record(result(0, &[]));
        let report = statistics.report();
        assert_eq!((report.history.len(), report.recent.len()), (KEPT, RECENT));
        assert_eq!((report.total_evictions, report.total_memory_freed_mb), (500, Some(500.0)));
        assert_eq!(report.recent.last().map(|last| last.evicted.len()), Some(0));
    }
}
