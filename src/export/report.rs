//! The reports the original system gave: metrics with the profiler's statistics, and the health check.

use crate::eviction::EvictionStatistics;
use crate::level::Level;
use crate::mebibyte::{mib, mib_of};
use crate::metric::{METRICS, Values};
use crate::own::OwnFigure;
use crate::policy::forecast::Forecast;
use crate::policy::health::{Check, HealthStatus, overall};
use crate::policy::threshold::Threshold;
use crate::policy::usage::Usage;
use crate::snapshot::{Moment, Snapshot};
use serde::Serialize;
use serde_json::{Map, Value};

/// How often each threshold was crossed on the way up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Crossings {
    /// The soft limit.
    pub warning: u64,
    /// In between.
    pub prompt: u64,
    /// The hard limit.
    pub emergency: u64,
}

impl Crossings {
    pub(crate) fn count(&mut self, threshold: Threshold) {
        match threshold {
            Threshold::Warning => self.warning += 1,
            Threshold::Prompt => self.prompt += 1,
            Threshold::Emergency => self.emergency += 1,
        }
    }
}

/// The figures of now, under the original's names; every metric of the table besides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Resident memory in MiB.
    pub memory_rss_mb: Option<f64>,
    /// Resident memory in bytes.
    pub memory_rss_bytes: Option<u64>,
    /// Usage as a share of the budget.
    pub memory_usage_percent: Option<f64>,
    /// Evictions carried out.
    pub eviction_count: u64,
    /// Freed by evictions, measured, in MiB; `None` when nothing is counted.
    pub memory_freed_total_mb: Option<f64>,
    /// Freed by evictions, measured, in bytes; `None` when nothing is counted.
    pub memory_freed_total_bytes: Option<u64>,
    /// Growth over the window, in MiB per second.
    pub growth_rate_mb_per_sec: Option<f64>,
    /// Growth over the window, in bytes per second.
    pub growth_rate_bytes_per_sec: Option<f64>,
    /// How full the budget is.
    pub status: Level,
    /// How often each threshold was crossed.
    pub threshold_crossings: Crossings,
    /// Exact live objects.
    pub heap_objects: Option<u64>,
    /// Every metric of [`METRICS`](crate::METRICS) by its name; `null` where unknown.
    #[serde(flatten)]
    pub figures: Map<String, Value>,
}

impl Metrics {
    pub(crate) fn new(
        now: &Snapshot,
        evictions: &EvictionStatistics,
        crossings: Crossings,
    ) -> Self {
        let growth = now.growth_bytes_per_sec();
        let figure = |metric: &crate::metric::Metric| {
            let value =
                metric.get(now).map(|value| serde_json::to_value(value).unwrap_or_default());
            (metric.name.to_owned(), value.unwrap_or_default())
        };
        Metrics {
            timestamp: now.timestamp(),
            memory_rss_mb: now.process_rss_bytes().map(mib),
            memory_rss_bytes: now.process_rss_bytes(),
            memory_usage_percent: now.usage_percent(),
            eviction_count: evictions.total_evictions,
            memory_freed_total_mb: evictions.total_memory_freed_mb,
            memory_freed_total_bytes: evictions.total_memory_freed_bytes,
            growth_rate_mb_per_sec: growth.map(mib_of),
            growth_rate_bytes_per_sec: growth,
            status: now.level(),
            threshold_crossings: crossings,
            heap_objects: now.heap_objects(),
            figures: METRICS.iter().map(figure).collect(),
        }
    }
}

/// A figure over the whole ring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Range {
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// The mean of all snapshots that know it.
    pub avg: f64,
    /// The newest.
    pub current: f64,
}

/// What the ring of snapshots shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Profiler {
    /// Snapshots ever taken.
    pub total_snapshots_taken: u64,
    /// Snapshots in the ring.
    pub current_snapshot_count: usize,
    /// Whether more are being taken.
    pub profiling_active: bool,
    /// The rest; absent while the ring is empty.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub ring: Option<RingStatistics>,
}

/// Statistics over a ring that holds at least one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RingStatistics {
    /// Time between snapshots when memory is no concern.
    pub interval_seconds: f64,
    /// What the ring holds at most.
    pub max_snapshots: usize,
    /// Resident memory in MiB; a range is `None` where its figure was never known.
    pub rss_mb: Option<Range>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<Range>,
    /// Usage as a share of the budget.
    pub usage_percent: Option<Range>,
    /// Exact live objects.
    pub heap_objects: Option<Range>,
    /// Exact live bytes.
    pub live_bytes: Option<Range>,
    /// Seconds since 1970.
    pub oldest_snapshot_time: f64,
    /// Seconds since 1970.
    pub newest_snapshot_time: f64,
}

impl RingStatistics {
    /// Over `snapshots`, from the oldest to the newest; `None` when there are none.
    pub(crate) fn of<'a>(
        snapshots: impl DoubleEndedIterator<Item = &'a Snapshot> + Clone,
        interval_seconds: f64,
        max_snapshots: usize,
    ) -> Option<Self> {
        let range =
            |figure: fn(&Values) -> Option<f64>| range(snapshots.clone().filter_map(|s| figure(s)));
        Some(RingStatistics {
            interval_seconds,
            max_snapshots,
            rss_mb: range(|values| values.process_rss_bytes().map(mib)),
            rss_bytes: range(|values| values.process_rss_bytes().map(|rss| rss as f64)),
            usage_percent: range(Values::usage_percent),
            heap_objects: range(|values| values.live_objects().map(|objects| objects as f64)),
            live_bytes: range(|values| values.live_bytes().map(|bytes| bytes as f64)),
            oldest_snapshot_time: snapshots.clone().next()?.timestamp(),
            newest_snapshot_time: snapshots.clone().next_back()?.timestamp(),
        })
    }
}

fn range(figures: impl Iterator<Item = f64>) -> Option<Range> {
    let (mut range, mut sum, mut count) = (None::<Range>, 0.0, 0.0);
    for figure in figures {
        (sum, count) = (sum + figure, count + 1.0);
        let so_far = range.unwrap_or(Range { min: figure, max: figure, avg: 0.0, current: figure });
        let (min, max) = (so_far.min.min(figure), so_far.max.max(figure));
        range = Some(Range { min, max, avg: sum / count, current: figure });
    }
    range
}

/// The answer to "how are you?" in figures: the original's `metrics()`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricsReport {
    /// The figures of now.
    pub metrics: Metrics,
    /// The ring's statistics.
    pub profiler: Profiler,
    /// Where the usage is going, as of the last tick.
    pub forecast: Forecast,
    /// What was used at the last tick, as an interval.
    pub usage: Usage,
    /// The user's own figures, as of the last tick.
    pub own_metrics: Vec<OwnFigure>,
    /// Whether the monitor runs.
    pub monitor_running: bool,
}

/// The answer to "are you well?": the original's `health_check()`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst of all checks.
    pub status: HealthStatus,
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Every check by its name.
    pub checks: Map<String, Value>,
    /// Names of the checks that found something.
    pub failed_checks: Vec<String>,
    /// Messages of the critical ones.
    pub critical_issues: Vec<String>,
    /// How full the budget is.
    pub memory_status: Level,
}

impl HealthReport {
    pub(crate) fn new(at: Moment, level: Level, checks: Vec<(String, Check)>) -> Self {
        let failed = |(_, check): &&(String, Check)| !check.is_healthy();
        let critical = |(_, check): &&(String, Check)| check.status() == HealthStatus::Critical;
        HealthReport {
            status: overall(&checks),
            timestamp: at.epoch_secs(),
            failed_checks: checks.iter().filter(failed).map(|(name, _)| name.clone()).collect(),
            critical_issues: checks
                .iter()
                .filter(critical)
                .map(|(_, c)| c.message().into())
                .collect(),
            checks: checks
                .into_iter()
                .map(|(name, check)| (name, serde_json::to_value(check).unwrap_or_default()))
                .collect(),
            memory_status: level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::source::Readings;
    use std::time::Duration;

    fn snapshot(rss: Option<u64>) -> Snapshot {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        snapshot.values.set(Field::Rss, rss);
        snapshot
    }

    #[test]
    fn ranges_leave_out_what_is_unknown() {
        let ring = [snapshot(Some(4 << 20)), snapshot(None), snapshot(Some(2 << 20))];
        let statistics = RingStatistics::of(ring.iter(), 30.0, 3).expect("statistics");
        let expected = Range { min: 2.0, max: 4.0, avg: 3.0, current: 2.0 };
        assert_eq!(statistics.rss_mb, Some(expected));
        assert_eq!(statistics.heap_objects, None);
        assert_eq!(RingStatistics::of([].iter(), 30.0, 3), None);
    }

    #[test]
    fn an_empty_ring_reports_three_keys() {
        let json = serde_json::to_value(Profiler::default()).expect("JSON");
        let keys: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(keys, ["current_snapshot_count", "profiling_active", "total_snapshots_taken"]);
    }

    #[test]
    fn a_failed_check_is_never_left_out_of_the_status() {
        let checks = vec![
            ("fine".to_owned(), Check::healthy("ok")),
            ("bad".to_owned(), Check::critical("on fire")),
            ("so_so".to_owned(), Check::warning("warm")),
        ];
        let report = HealthReport::new(Moment::now(), Level::Healthy, checks);
        assert_eq!(report.status, HealthStatus::Critical);
        assert_eq!(report.failed_checks, ["bad", "so_so"]);
        assert_eq!(report.critical_issues, ["on fire"]);
    }
}
