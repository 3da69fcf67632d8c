//! `Snapshot`: one moment as plain data. `later - earlier` is a `SnapshotDelta`.

use crate::level::Level;
use crate::metric::{CountField, Field, FloatField, METRICS, Metric, Values};
use crate::source::Readings;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment on both clocks: the wall's for people, the monotonic one for durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall_micros: u64,
    pub(crate) instant: Instant,
}

impl Moment {
    /// Now. The monitor and the callers of its handle ask; nobody else does.
    pub(crate) fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_micros = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        Moment { wall_micros, instant: Instant::now() }
    }

    /// Seconds since 1970, as in the original's `timestamp`.
    pub(crate) fn epoch_secs(self) -> f64 {
        self.wall_micros as f64 / 1e6
    }
}

/// The user's own key/values, the two limits that the original kept there, and where the budget comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    pub(crate) soft_limit_bytes: Option<u64>,
    pub(crate) hard_limit_bytes: Option<u64>,
    pub(crate) budget_provenance: Option<String>,
    pub(crate) user: BTreeMap<String, String>,
}

/// The most key/values a user can put into snapshots, and the most bytes of a key and of a value.
pub(crate) const METADATA_BOUNDS: (usize, usize, usize) = (16, 64, 256);

impl Metadata {
    /// The bytes at which the warning threshold lies.
    pub fn soft_limit_bytes(&self) -> Option<u64> {
        self.soft_limit_bytes
    }

    /// The bytes at which the emergency threshold lies.
    pub fn hard_limit_bytes(&self) -> Option<u64> {
        self.hard_limit_bytes
    }

    /// Where the budget that was in force comes from, in words.
    pub fn budget_provenance(&self) -> Option<&str> {
        self.budget_provenance.as_deref()
    }

    /// The user's own key/values, at most 16.
    pub fn user(&self) -> &BTreeMap<String, String> {
        &self.user
    }
}

/// One moment: the counts, jemalloc's figures, the process's, the control group's, and what was made of them.
///
/// Fixed size, 336 bytes on 64-bit machines. Every figure of [`METRICS`](crate::METRICS) has an accessor here; what
/// could not be read is `None`, never 0. [`Snapshot::heap_objects`] is exact.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// let before = monitor.snapshot();
/// let kept = vec![0u8; 1 << 20];
/// let after = monitor.snapshot();
/// assert!((&after - &before).live_bytes() >= Some(1 << 20));
/// # drop(kept);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Snapshot {
    pub(crate) wall_micros: u64,
    pub(crate) uptime_nanos: u64,
    pub(crate) values: Values,
    pub(crate) metadata: Option<Arc<Metadata>>,
}

impl Snapshot {
    /// What the sources said at `moment`, `uptime` after the monitor's start. What policy adds is still unknown.
    pub(crate) fn new(moment: Moment, uptime: Duration, readings: &Readings) -> Self {
        Snapshot {
            wall_micros: moment.wall_micros,
            uptime_nanos: u64::try_from(uptime.as_nanos()).unwrap_or(u64::MAX),
            values: values(readings),
            metadata: None,
        }
    }

    /// Seconds since 1970 by the wall clock, to the microsecond.
    pub fn timestamp(&self) -> f64 {
        self.wall_micros as f64 / 1e6
    }

    /// Time since the monitor started, by the monotonic clock.
    pub fn uptime(&self) -> Duration {
        Duration::from_nanos(self.uptime_nanos)
    }

    /// Exact live objects: the name the original used for [`Values::live_objects`].
    pub fn heap_objects(&self) -> Option<u64> {
        self.live_objects()
    }

    /// How full the budget was, with the hysteresis of the moments before.
    pub fn level(&self) -> Level {
        self.values.level
    }

    /// The user's key/values and the limits in force.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }
}

impl Deref for Snapshot {
    type Target = Values;

    fn deref(&self) -> &Values {
        &self.values
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("timestamp", &self.timestamp())
            .field("level", &self.level())
            .field("values", &self.values)
            .field("metadata", &self.metadata)
            .finish()
    }
}

fn values(readings: &Readings) -> Values {
    let Readings { counts, jemalloc, process, cgroup, pressure } = readings;
    let counted = |figure: fn(&crate::Counts) -> u64| counts.as_ref().map(figure);
    let mut values = Values::unknown();
    for (field, figure) in [
        (Field::AllocObjects, counted(|c| c.alloc_objects_total)),
        (Field::FreeObjects, counted(|c| c.free_objects_total)),
        (Field::AllocBytes, counted(|c| c.alloc_bytes_total)),
        (Field::FreeBytes, counted(|c| c.free_bytes_total)),
        (Field::Reallocs, counted(|c| c.realloc_total)),
        (Field::PeakLive, counts.and_then(|c| c.peak_live_bytes)),
        (Field::Allocated, jemalloc.allocated),
        (Field::Active, jemalloc.active),
        (Field::Metadata, jemalloc.metadata),
        (Field::Resident, jemalloc.resident),
        (Field::Mapped, jemalloc.mapped),
        (Field::Retained, jemalloc.retained),
        (Field::Dirty, jemalloc.dirty),
        (Field::Muzzy, jemalloc.muzzy),
        (Field::Rss, process.rss),
        (Field::RssPeak, process.rss_peak),
        (Field::Anon, process.anon),
        (Field::File, process.file),
        (Field::Shmem, process.shmem),
        (Field::Virtual, process.virtual_size),
        (Field::Swap, process.swap),
        (Field::Charged, cgroup.charged),
        (Field::Limit, cgroup.limit),
        (Field::CgroupAnon, cgroup.anon),
        (Field::CgroupFile, cgroup.file),
        (Field::CgroupKernel, cgroup.kernel),
        (Field::CgroupSock, cgroup.sock),
    ] {
        values.set(field, figure);
    }
    for (field, count) in [
        (CountField::ThreadSlots, counts.and_then(|c| c.thread_slots)),
        (CountField::Threads, process.threads),
        (CountField::OomKills, cgroup.oom_kills),
        (CountField::LimitHits, cgroup.limit_hits),
    ] {
        values.set_count(field, count);
    }
    values.set_float(FloatField::PressureSome, pressure.some_percent.map(f64::from));
    values.set_float(FloatField::PressureFull, pressure.full_percent.map(f64::from));
    values
}

/// What changed between two snapshots.
///
/// As exact as each figure itself (see [`METRICS`](crate::METRICS)); `None` where one side is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotDelta {
    elapsed: Duration,
    earlier: Values,
    later: Values,
}

impl SnapshotDelta {
    /// Time between the two, by the monotonic clock; zero when they are given in the wrong order.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Change in live objects.
    pub fn live_objects(&self) -> Option<i64> {
        difference(self.later.live_objects()?, self.earlier.live_objects()?)
    }

    /// Change in live bytes.
    pub fn live_bytes(&self) -> Option<i64> {
        difference(self.later.live_bytes()?, self.earlier.live_bytes()?)
    }

    /// Change in the process's resident memory.
    pub fn process_rss_bytes(&self) -> Option<i64> {
        difference(self.later.process_rss_bytes()?, self.earlier.process_rss_bytes()?)
    }

    /// Change of any metric of the table.
    pub fn of(&self, metric: &Metric) -> Option<f64> {
        Some(metric.get(&self.later)?.as_f64() - metric.get(&self.earlier)?.as_f64())
    }

    /// Every metric that is known on both sides, with its change.
    pub fn changes(&self) -> impl Iterator<Item = (&'static Metric, f64)> {
        METRICS.iter().filter_map(|metric| Some((metric, self.of(metric)?)))
    }
}

fn difference(later: u64, earlier: u64) -> Option<i64> {
    later.checked_signed_diff(earlier)
}

impl std::ops::Sub for &Snapshot {
    type Output = SnapshotDelta;

    fn sub(self, earlier: &Snapshot) -> SnapshotDelta {
        SnapshotDelta {
            elapsed: self.uptime().saturating_sub(earlier.uptime()),
            earlier: earlier.values,
            later: self.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    fn snapshot(alloc: u64, free: u64, rss: Option<u64>, at: u64) -> Snapshot {
        let mut counts = Counts::default();
        (counts.alloc_bytes_total, counts.free_bytes_total) = (alloc, free);
        let mut readings = Readings { counts: Some(counts), ..Readings::default() };
        readings.process.rss = rss;
        Snapshot::new(Moment::now(), Duration::from_secs(at), &readings)
    }

    #[test]
    fn a_delta_is_signed_and_knows_what_it_does_not_know() {
        let delta = &snapshot(100, 90, None, 7) - &snapshot(100, 20, Some(5), 2);
        assert_eq!(delta.live_bytes(), Some(-70));
        assert_eq!(delta.process_rss_bytes(), None);
        assert_eq!(delta.elapsed(), Duration::from_secs(5));
        assert!(delta.changes().any(|(m, change)| m.name == "free_bytes_total" && change == 70.0));
    }

    #[test]
    fn a_snapshot_is_small() {
        assert_eq!(size_of::<Snapshot>(), 336);
    }
}
