//! `EventKind`: everything that can happen, with what is said of it.

use super::{Component, LeakFigures, Severity};
use crate::eviction::EvictionResult;
use crate::level::Level;
use crate::mebibyte::mib;
use crate::policy::budget::Resolved;
use crate::policy::grown::Grown;
use crate::policy::health::HealthStatus;
use crate::policy::leak::{LeakNews, LeakStatus, LeakVerdict};
use crate::policy::purge::{PoorYield, PurgeResult};
use crate::policy::threshold::Threshold;
use crate::policy::watch::Cause;
use crate::snapshot::Snapshot;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What happened. `event_type` in JSON is the variant's name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event_type", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are those of the log format: bytes, MiB, percent, seconds"
)]
pub enum EventKind {
    /// The monitor runs.
    #[non_exhaustive]
    MonitorStarted {
        budget_bytes: u64,
        budget_mb: f64,
        budget_provenance: String,
        interval_seconds: f64,
        counting: bool,
        jemalloc: bool,
    },
    /// The monitor has stopped.
    #[non_exhaustive]
    MonitorStopped { total_snapshots_taken: u64 },
    /// The budget is another, because a limit was changed or the reserve learned.
    #[non_exhaustive]
    BudgetChanged {
        old_bytes: u64,
        old_mb: f64,
        new_bytes: u64,
        new_mb: f64,
        budget_provenance: String,
    },
    /// Somebody changed settings while the monitor runs.
    #[non_exhaustive]
    SettingsChanged {
        updated_fields: Vec<String>,
        old_values: BTreeMap<String, String>,
        new_values: BTreeMap<String, String>,
    },
    /// A snapshot was taken; at debug level only.
    #[non_exhaustive]
    SnapshotTaken {
        rss_bytes: Option<u64>,
        rss_mb: Option<f64>,
        heap_objects: Option<u64>,
        live_bytes: Option<u64>,
        usage_percent: Option<f64>,
        status: Level,
    },
    /// The usage rose past a threshold.
    #[non_exhaustive]
    ThresholdCrossed {
        threshold_type: Threshold,
        current_mb: f64,
        current_bytes: u64,
        threshold_mb: f64,
        threshold_bytes: u64,
        usage_percent: f64,
    },
    /// The level changed, up or down.
    #[non_exhaustive]
    LevelChanged { from: Level, to: Level, usage_percent: Option<f64> },
    /// The emergency goes on: said after 10, 30, 70, 150 s, then every 5 minutes.
    #[non_exhaustive]
    EmergencyLasts { lasting_seconds: f64, usage_percent: Option<f64>, usage_bytes: Option<u64> },
    /// Ten minutes at `warning` or above, neither rising nor falling; said once until the level falls. `cause` is the largest
    /// line of the ledger that the usage counts, `caches`, or `live_bytes_of_no_cache`.
    #[non_exhaustive]
    Stuck {
        usage_percent: Option<f64>,
        cause: Option<&'static str>,
        cause_bytes: Option<u64>,
        cause_mb: Option<f64>,
        remedy: Option<&'static str>,
    },
    /// An eviction came to its end.
    #[non_exhaustive]
    EvictionCompleted {
        success: bool,
        evicted: Vec<String>,
        memory_freed_mb: Option<f64>,
        memory_freed_bytes: Option<u64>,
        claimed_mb: f64,
        claimed_bytes: u64,
        target_mb: f64,
        target_bytes: u64,
        duration_seconds: f64,
        message: String,
        errors: Vec<String>,
        automatic: bool,
    },
    /// In an emergency nobody was left to ask, or gave enough; said once until all is well. `grew` is what has grown most
    /// since all was last well: a cache, live bytes of no cache, or a line of the ledger.
    #[non_exhaustive]
    GaveUp {
        needed_bytes: u64,
        needed_mb: f64,
        freed_bytes: Option<u64>,
        registered_caches: usize,
        grew: Option<String>,
        grew_bytes: Option<u64>,
        grew_mb: Option<f64>,
    },
    /// A cache took more than twice the guard below the line again within a minute of giving it. Said once a minute; it is
    /// asked again only in an emergency meanwhile. A cache that keeps ceilings has no such storms.
    #[non_exhaustive]
    RefillStorm { cache: String, evicted_bytes: u64, evicted_mb: f64 },
    /// Unused pages were given back to the system.
    #[non_exhaustive]
    PurgeCompleted {
        /// Whether nobody called for it.
        automatic: bool,
        #[serde(flatten)]
        result: PurgeResult,
        /// What should be left for the program to use again.
        kept_bytes: u64,
        /// How well that was guessed so far, from 0 to 1; `None` before the first guess could be judged.
        guess_score: Option<f64>,
    },
    /// Purged pages did not come back to the system, twice in a row: none are purged for a while.
    #[non_exhaustive]
    PurgeSuspended { cause: PoorYield, yield_ratio: f64, pause_seconds: f64 },
    /// Unexplained live bytes are on their way to a suspicion: half of what it takes.
    #[non_exhaustive]
    LeakGrowing {
        #[serde(flatten)]
        leak: LeakFigures,
    },
    /// The floor of unexplained live bytes rises again and again, and not more slowly.
    #[non_exhaustive]
    LeakSuspected {
        #[serde(flatten)]
        leak: LeakFigures,
    },
    /// And two heap profiles find the growth in the same places.
    #[non_exhaustive]
    LeakConfirmed {
        #[serde(flatten)]
        leak: LeakFigures,
    },
    /// What grew was given back, or grows no more.
    #[non_exhaustive]
    LeakCleared { was: LeakVerdict },
    /// The health status changed.
    #[non_exhaustive]
    HealthCheck { status: HealthStatus, previous: HealthStatus, failed_checks: Vec<String> },
    /// What became of the run before this one, as its recording says: `clean`, `panicked`, `oom_kill_confirmed`,
    /// `oom_kill_probable`, `killed_not_by_memory`, `unknown`.
    #[non_exhaustive]
    PreviousRun {
        verdict: String,
        summary: String,
        evidence: Vec<String>,
        pid: u32,
        last_tick: Option<f64>,
        recording: String,
        is_oom: bool,
    },
    /// Something failed.
    #[non_exhaustive]
    Error { error_type: String, error_message: String },
}

impl EventKind {
    /// The word for it: `event_type` in JSON.
    pub fn event_type(&self) -> &'static str {
        match self {
            EventKind::MonitorStarted { .. } => "monitor_started",
            EventKind::MonitorStopped { .. } => "monitor_stopped",
            EventKind::BudgetChanged { .. } => "budget_changed",
            EventKind::SettingsChanged { .. } => "settings_changed",
            EventKind::SnapshotTaken { .. } => "snapshot_taken",
            EventKind::ThresholdCrossed { .. } => "threshold_crossed",
            EventKind::LevelChanged { .. } => "level_changed",
            EventKind::EmergencyLasts { .. } => "emergency_lasts",
            EventKind::Stuck { .. } => "stuck",
            EventKind::EvictionCompleted { .. } => "eviction_completed",
            EventKind::GaveUp { .. } => "gave_up",
            EventKind::RefillStorm { .. } => "refill_storm",
            EventKind::PurgeCompleted { .. } => "purge_completed",
            EventKind::PurgeSuspended { .. } => "purge_suspended",
            EventKind::LeakGrowing { .. } => "leak_growing",
            EventKind::LeakSuspected { .. } => "leak_suspected",
            EventKind::LeakConfirmed { .. } => "leak_confirmed",
            EventKind::LeakCleared { .. } => "leak_cleared",
            EventKind::HealthCheck { .. } => "health_check",
            EventKind::PreviousRun { .. } => "previous_run",
            EventKind::Error { .. } => "error",
        }
    }

    pub(super) fn component(&self) -> Component {
        match self {
            EventKind::SnapshotTaken { .. } => Component::MemoryProfiler,
            EventKind::HealthCheck { .. } => Component::HealthChecker,
            EventKind::EvictionCompleted { .. }
            | EventKind::GaveUp { .. }
            | EventKind::RefillStorm { .. }
            | EventKind::PurgeCompleted { .. }
            | EventKind::PurgeSuspended { .. } => Component::Eviction,
            _ => Component::MemoryMonitor,
        }
    }

    pub(super) fn severity(&self) -> Severity {
        match self {
            EventKind::SnapshotTaken { .. } => Severity::Debug,
            EventKind::ThresholdCrossed { .. }
            | EventKind::RefillStorm { .. }
            | EventKind::PurgeSuspended { .. }
            | EventKind::EmergencyLasts { .. }
            | EventKind::LeakSuspected { .. }
            | EventKind::LeakConfirmed { .. }
            | EventKind::Stuck { .. } => Severity::Warning,
            EventKind::BudgetChanged { old_bytes, new_bytes, .. } if new_bytes < old_bytes => {
                Severity::Warning
            }
            EventKind::LevelChanged { from, to, .. } if to > from => Severity::Warning,
            EventKind::PreviousRun { is_oom: true, .. } => Severity::Error,
            EventKind::PreviousRun { verdict, .. } if verdict != "clean" => Severity::Warning,
            EventKind::HealthCheck { status, .. } if *status != HealthStatus::Healthy => {
                Severity::Warning
            }
            EventKind::GaveUp { .. } | EventKind::Error { .. } => Severity::Error,
            _ => Severity::Info,
        }
    }

    pub(crate) fn budget_changed(old: &Resolved, new: &Resolved) -> Self {
        EventKind::BudgetChanged {
            old_bytes: old.bytes,
            old_mb: mib(old.bytes),
            new_bytes: new.bytes,
            new_mb: mib(new.bytes),
            budget_provenance: new.provenance.clone(),
        }
    }

    pub(crate) fn settings_changed(
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
    ) -> Self {
        EventKind::SettingsChanged {
            updated_fields: new.keys().cloned().collect(),
            old_values: old.clone(),
            new_values: new.clone(),
        }
    }

    pub(crate) fn snapshot_taken(snapshot: &Snapshot) -> Self {
        EventKind::SnapshotTaken {
            rss_bytes: snapshot.process_rss_bytes(),
            rss_mb: snapshot.process_rss_bytes().map(mib),
            heap_objects: snapshot.heap_objects(),
            live_bytes: snapshot.live_bytes(),
            usage_percent: snapshot.usage_percent(),
            status: snapshot.level(),
        }
    }

    pub(crate) fn threshold_crossed(
        threshold: Threshold,
        current: u64,
        line: u64,
        percent: f64,
    ) -> Self {
        EventKind::ThresholdCrossed {
            threshold_type: threshold,
            current_mb: mib(current),
            current_bytes: current,
            threshold_mb: mib(line),
            threshold_bytes: line,
            usage_percent: percent,
        }
    }

    pub(crate) fn emergency_lasts(snapshot: &Snapshot, lasting: Duration) -> Self {
        EventKind::EmergencyLasts {
            lasting_seconds: lasting.as_secs_f64(),
            usage_percent: snapshot.usage_percent(),
            usage_bytes: snapshot.usage_bytes(),
        }
    }

    pub(crate) fn stuck(snapshot: &Snapshot, cause: Option<Cause>) -> Self {
        let cause_bytes = cause.map(|cause| cause.bytes);
        EventKind::Stuck {
            usage_percent: snapshot.usage_percent(),
            cause: cause.map(|cause| cause.name),
            cause_bytes,
            cause_mb: cause_bytes.map(mib),
            remedy: cause.map(|cause| cause.remedy),
        }
    }

    pub(crate) fn eviction_completed(result: &EvictionResult, automatic: bool) -> Self {
        let EvictionResult { success, evicted, message, errors, .. } = result.clone();
        EventKind::EvictionCompleted {
            success,
            evicted,
            memory_freed_mb: result.memory_freed_mb,
            memory_freed_bytes: result.memory_freed_bytes,
            claimed_mb: result.claimed_mb,
            claimed_bytes: result.claimed_bytes,
            target_mb: result.target_mb,
            target_bytes: result.target_bytes,
            duration_seconds: result.duration_seconds,
            message,
            errors,
            automatic,
        }
    }

    pub(crate) fn gave_up(
        needed_bytes: u64,
        freed_bytes: Option<u64>,
        registered_caches: usize,
        grown: Option<Grown>,
    ) -> Self {
        EventKind::GaveUp {
            needed_bytes,
            needed_mb: mib(needed_bytes),
            freed_bytes,
            registered_caches,
            grew_bytes: grown.as_ref().map(|grown| grown.bytes),
            grew_mb: grown.as_ref().map(|grown| mib(grown.bytes)),
            grew: grown.map(|grown| grown.name),
        }
    }

    pub(crate) fn refill_storm(cache: &str, evicted_bytes: u64) -> Self {
        EventKind::RefillStorm {
            cache: cache.into(),
            evicted_bytes,
            evicted_mb: mib(evicted_bytes),
        }
    }

    pub(crate) fn leak(news: LeakNews, status: &LeakStatus) -> Self {
        let leak = LeakFigures::of(status);
        match news.to {
            LeakVerdict::Growing if news.from == LeakVerdict::None => {
                EventKind::LeakGrowing { leak }
            }
            LeakVerdict::Suspected => EventKind::LeakSuspected { leak },
            LeakVerdict::Confirmed => EventKind::LeakConfirmed { leak },
            _ => EventKind::LeakCleared { was: news.from },
        }
    }

    pub(crate) fn error(error_type: &str, error_message: impl Into<String>) -> Self {
        EventKind::Error { error_type: error_type.into(), error_message: error_message.into() }
    }
}
