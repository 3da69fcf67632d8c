//! `Status`: everything that is known at one moment, in one report. Every surface shows this, or a part of it.

use super::report::Crossings;
use super::snapshot::SCHEMA_VERSION;
use crate::eviction::{CacheStatus, EvictionResult, EvictionStatistics};
use crate::ledger::Ledger;
use crate::level::Level;
use crate::own::OwnFigure;
use crate::policy::brake::BrakeStatistics;
use crate::policy::forecast::Forecast;
use crate::policy::leak::LeakStatus;
use crate::policy::threshold::{Threshold, Thresholds};
use crate::policy::usage::{Meter, Usage};
use crate::policy::warning::Warning;
#[cfg(feature = "recorder")]
use crate::recorder::PreviousRun;
use crate::setting::Setting;
use crate::snapshot::Snapshot;
use serde::Serialize;

/// Everything a monitor knows at one moment.
///
/// The snapshot and the ledger are of that moment; level, usage, forecast, caches and own metrics of the last tick, whose
/// time is `ticked`. Serialises as the answer of `/api/v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Raised when a key changes its meaning.
    pub schema_version: u32,
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Whose figures these are.
    pub process: ProcessInfo,
    /// Whether the monitor runs.
    pub monitor_running: bool,
    /// When it last ticked, in seconds since 1970; `None` before the first time.
    pub ticked: Option<f64>,
    /// How full the budget is.
    pub level: Level,
    /// What may be used.
    pub budget: BudgetStatus,
    /// The three thresholds, lowest first.
    pub thresholds: Vec<ThresholdStatus>,
    /// What is used, as an interval.
    pub usage: Usage,
    /// Every figure.
    pub snapshot: Snapshot,
    /// From the live bytes to what the kernel charges.
    pub ledger: Ledger,
    /// How every registered cache has done.
    pub caches: Vec<CacheStatus>,
    /// Where the usage is going.
    pub forecast: Forecast,
    /// Whether memory leaks.
    pub leak: LeakStatus,
    /// The warning in force.
    pub warning: Option<Warning>,
    /// What evictions came to.
    pub evictions: EvictionSummary,
    /// What the brake did.
    pub brake: BrakeStatistics,
    /// Allocations that a [`Limit`](crate::Limit) refused, in the whole process.
    pub limit_refusals: u64,
    /// How often each threshold was crossed on the way up.
    pub threshold_crossings: Crossings,
    /// How many events there were.
    pub events: EventTotals,
    /// What became of the run before this one; `None` where nothing is recorded, or nothing was before.
    #[cfg(feature = "recorder")]
    pub previous_run: Option<PreviousRun>,
    /// The user's own figures.
    pub own_metrics: Vec<OwnFigure>,
    /// The settings in force and where each came from.
    pub settings: Vec<Setting>,
    /// What this build and this monitor offer.
    pub surfaces: Surfaces,
}

/// Whose figures a report has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The process's id.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
    /// Of this crate.
    pub plimsoll_version: &'static str,
    /// Another for every monitor that was ever started: whoever sees it change knows that all totals began anew.
    pub run: String,
    /// When the process was started, in seconds since 1970, to the second; `None` where the kernel does not say.
    pub process_started: Option<f64>,
    /// When the monitor was started, in seconds since 1970.
    pub started: f64,
    /// For how long, by the monotonic clock.
    pub uptime_seconds: f64,
}

/// What may be used, and who says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// What may be used.
    pub bytes: u64,
    /// The limit it was taken from or lies below; `None` when none is known.
    pub limit_bytes: Option<u64>,
    /// Where it comes from, in words.
    pub provenance: String,
    /// The figure that is held against it.
    pub meter: &'static str,
}

/// One threshold, and where its level is left.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ThresholdStatus {
    /// Which one.
    pub name: Threshold,
    /// The level above it.
    pub level: Level,
    /// Where it lies, in percent of the budget.
    pub percent: f64,
    /// And in bytes.
    pub bytes: u64,
    /// Where its level is left, in percent of the budget.
    pub leave_percent: f64,
    /// And in bytes.
    pub leave_bytes: u64,
}

/// What evictions came to, with the last ten.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvictionSummary {
    /// Evictions in which at least one cache was asked.
    pub total_evictions: u64,
    /// Measured, in MiB; `None` while nothing was measured.
    pub total_memory_freed_mb: Option<f64>,
    /// Measured, in bytes; `None` while nothing was measured.
    pub total_memory_freed_bytes: Option<u64>,
    /// The last ten, oldest first.
    pub recent: Vec<EvictionResult>,
}

/// How many events there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventTotals {
    /// So far: the number of the next.
    pub total: u64,
    /// That sinks were too slow for.
    pub dropped: u64,
}

/// What this build and this monitor offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Surfaces {
    /// Whether callers over HTTP and MCP may evict, purge and configure.
    pub actions: bool,
    /// `/metrics`.
    pub prometheus: bool,
    /// `/mcp`.
    pub mcp: bool,
    /// A heap profile.
    pub profile: bool,
}

impl Surfaces {
    pub(crate) const fn of(actions: bool) -> Self {
        let (prometheus, mcp) = (cfg!(feature = "prometheus"), cfg!(feature = "mcp"));
        Surfaces { actions, prometheus, mcp, profile: cfg!(feature = "profile") }
    }
}

impl ThresholdStatus {
    pub(crate) fn all(thresholds: &Thresholds, budget: u64) -> Vec<Self> {
        let status = |threshold: Threshold| {
            let percent = thresholds.percent(threshold);
            let leave_percent = percent - thresholds.leave_points();
            ThresholdStatus {
                name: threshold,
                level: threshold.level(),
                percent,
                bytes: thresholds.bytes(threshold, budget),
                leave_percent,
                leave_bytes: (budget as f64 * leave_percent / 100.0) as u64,
            }
        };
        Threshold::ALL.into_iter().map(status).collect()
    }
}

impl BudgetStatus {
    pub(crate) fn new(
        bytes: u64,
        limit_bytes: Option<u64>,
        provenance: String,
        meter: Meter,
    ) -> Self {
        BudgetStatus { bytes, limit_bytes, provenance, meter: meter.as_str() }
    }
}

impl From<EvictionStatistics> for EvictionSummary {
    fn from(all: EvictionStatistics) -> Self {
        EvictionSummary {
            total_evictions: all.total_evictions,
            total_memory_freed_mb: all.total_memory_freed_mb,
            total_memory_freed_bytes: all.total_memory_freed_bytes,
            recent: all.recent,
        }
    }
}

impl Status {
    /// The version of everything that programs read.
    pub(crate) const SCHEMA_VERSION: u32 = SCHEMA_VERSION;

    /// The cache of that name.
    pub fn cache(&self, name: &str) -> Option<&CacheStatus> {
        self.caches.iter().find(|cache| cache.name == name)
    }
}
