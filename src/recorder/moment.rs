//! Every figure of one tick, and the key figures of many, as bytes: to the file and back.

use super::format::{SLOT, UNKNOWN, known, number, put, seal_slot};
use super::recording::{Heartbeat, TimePoint};
use crate::level::Level;
use crate::metric::{METRICS, Metric, Value, Values};
use crate::snapshot::Snapshot;
use crate::source::MOST_GROUPS;
use std::time::Duration;

/// What a tick knows beside its snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Beat {
    /// Ticks so far.
    pub(crate) ticks: u64,
    /// The most that was used of the budget.
    pub(crate) peak_usage: Option<u64>,
    /// When the next tick is due.
    pub(crate) pace: Duration,
    /// What the kernel had killed by then, by group.
    pub(crate) kills: [Option<u64>; MOST_GROUPS],
}

/// Where the figures begin, behind the beat.
const FIGURES_AT: usize = 48 + MOST_GROUPS * 8;

/// The bytes of the document for this version's figures.
pub(super) const MOMENT_BYTES: usize = FIGURES_AT + METRICS.len() * 8;

/// The figures that are kept, by name and whether they are whole numbers, in the order of their places.
pub(super) fn figure_names() -> Vec<(String, bool)> {
    let stored = METRICS.iter().filter_map(|m| Some((m.name.to_owned(), m.stored_whole()?)));
    stored.collect()
}

/// Writes the contents of the document; returns their length.
pub(super) fn write_moment(bytes: &mut [u8], snapshot: &Snapshot, beat: &Beat) -> usize {
    put(bytes, 0, snapshot.wall_micros);
    put(bytes, 8, snapshot.uptime_nanos);
    put(bytes, 16, beat.ticks);
    put(bytes, 24, snapshot.level() as u64);
    put(bytes, 32, u64::try_from(beat.pace.as_nanos()).unwrap_or(UNKNOWN));
    put(bytes, 40, beat.peak_usage.unwrap_or(UNKNOWN));
    for (place, kills) in beat.kills.iter().enumerate() {
        put(bytes, 48 + place * 8, kills.unwrap_or(UNKNOWN));
    }
    let mut at = FIGURES_AT;
    for metric in METRICS.iter().filter(|metric| metric.stored_whole().is_some()) {
        put(bytes, at, bits(metric, snapshot));
        at += 8;
    }
    at
}

fn bits(metric: &Metric, snapshot: &Snapshot) -> u64 {
    match (metric.get(snapshot), metric.stored_whole()) {
        (Some(Value::Integer(number)), _) => number,
        (Some(Value::Float(number)), _) => number.to_bits(),
        (None, Some(false)) => f64::NAN.to_bits(),
        (None, _) => UNKNOWN,
    }
}

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReadMoment {
    pub(super) snapshot: Snapshot,
    pub(super) heartbeat: Heartbeat,
    pub(super) kills: [Option<u64>; MOST_GROUPS],
}

/// Reads it back, by the names that the file has for its figures. Names that this version does not know are passed over.
pub(super) fn read_moment(bytes: &[u8], names: &[(String, bool)]) -> Option<ReadMoment> {
    let mut values = Values::unknown();
    for (place, (name, whole)) in names.iter().enumerate() {
        let Some(metric) = METRICS.iter().find(|metric| metric.name == name) else { continue };
        if let Some(value) = value(bytes, FIGURES_AT + place * 8, *whole) {
            // A figure that has become whole since is no figure of this version.
            let _ = metric.set(&mut values, value);
        }
    }
    values.level = level(number(bytes, 24)?)?;
    let (wall_micros, uptime_nanos) = (number(bytes, 0)?, number(bytes, 8)?);
    let snapshot = Snapshot { wall_micros, uptime_nanos, values, metadata: None };
    let mut kills = [None; MOST_GROUPS];
    for (place, count) in kills.iter_mut().enumerate() {
        *count = known(bytes, 48 + place * 8);
    }
    let heartbeat = Heartbeat {
        timestamp: snapshot.timestamp(),
        uptime_seconds: snapshot.uptime().as_secs_f64(),
        ticks: number(bytes, 16)?,
        level: snapshot.level(),
        peak_usage_bytes: known(bytes, 40),
        pace_seconds: Duration::from_nanos(number(bytes, 32)?).as_secs_f64(),
    };
    Some(ReadMoment { snapshot, heartbeat, kills })
}

fn value(bytes: &[u8], at: usize, whole: bool) -> Option<Value> {
    if whole { known(bytes, at).map(Value::Integer) } else { float(bytes, at).map(Value::Float) }
}

fn float(bytes: &[u8], at: usize) -> Option<f64> {
    number(bytes, at).map(f64::from_bits).filter(|number| number.is_finite())
}

fn level(number: u64) -> Option<Level> {
    Level::ALL.get(usize::try_from(number).ok()?).copied()
}

/// The slot of that number with the key figures of `snapshot`.
pub(super) fn point_slot(number: u64, snapshot: &Snapshot) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    put(&mut slot, 0, number);
    put(&mut slot, 8, snapshot.wall_micros);
    put(&mut slot, 16, snapshot.uptime_nanos);
    put(&mut slot, 24, snapshot.level() as u64);
    for (place, figure) in [
        snapshot.usage_bytes(),
        snapshot.budget_bytes(),
        snapshot.live_bytes(),
        snapshot.live_objects(),
        snapshot.caches_bytes(),
        snapshot.process_rss_bytes(),
        snapshot.cgroup_charged_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        put(&mut slot, 32 + place * 8, figure.unwrap_or(UNKNOWN));
    }
    put(&mut slot, 88, snapshot.growth_bytes_per_sec().unwrap_or(f64::NAN).to_bits());
    seal_slot(&mut slot);
    slot
}

/// What a slot says.
pub(super) fn read_point(slot: &[u8; SLOT]) -> Option<TimePoint> {
    Some(TimePoint {
        timestamp: number(slot, 8)? as f64 / 1e6,
        uptime_seconds: Duration::from_nanos(number(slot, 16)?).as_secs_f64(),
        level: level(number(slot, 24)?)?,
        usage_bytes: known(slot, 32),
        budget_bytes: known(slot, 40),
        live_bytes: known(slot, 48),
        live_objects: known(slot, 56),
        caches_bytes: known(slot, 64),
        process_rss_bytes: known(slot, 72),
        cgroup_charged_bytes: known(slot, 80),
        growth_bytes_per_sec: float(slot, 88),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{CountField, Field, FloatField};
    use crate::snapshot::Moment;
    use crate::source::Readings;

    fn snapshot() -> Snapshot {
        let uptime = Duration::from_millis(1500);
        let mut snapshot = Snapshot::new(Moment::now(), uptime, &Readings::default());
        snapshot.values.set(Field::AllocBytes, Some(1 << 40));
        snapshot.values.set(Field::FreeBytes, Some(5));
        snapshot.values.set(Field::Rss, Some(0));
        snapshot.values.set_count(CountField::OomKills, Some(3));
        snapshot.values.set_float(FloatField::Growth, Some(-2.5));
        snapshot.values.level = Level::Warning;
        snapshot
    }

    #[test]
    fn every_figure_comes_back_and_unknown_stays_unknown() {
        let mut kills = [None; MOST_GROUPS];
        kills[1] = Some(7);
        let pace = Duration::from_millis(250);
        let beat = Beat { ticks: 9, peak_usage: Some(77), pace, kills };
        let mut bytes = [0; MOMENT_BYTES];
        let length = write_moment(&mut bytes, &snapshot(), &beat);
        let read = read_moment(&bytes[..length], &figure_names()).expect("a moment");
        let expected = snapshot();
        assert_eq!(read.snapshot.values, expected.values);
        assert_eq!(read.kills, kills);
        assert_eq!((read.heartbeat.ticks, read.heartbeat.pace_seconds), (9, 0.25));
        assert_eq!(read.heartbeat.peak_usage_bytes, Some(77));
        assert_eq!(read.snapshot.jemalloc_active_bytes(), None);
    }

    #[test]
    fn figures_of_another_version_are_found_by_name() {
        let mut bytes = [0; MOMENT_BYTES];
        write_moment(&mut bytes, &snapshot(), &Beat::default());
        let mut names = figure_names();
        for (name, _) in names.iter_mut().filter(|(name, _)| name != "alloc_bytes_total") {
            name.push_str("_of_old");
        }
        names.extend((0..5000).map(|n| (format!("beyond_{n}"), true)));
        let read = read_moment(&bytes, &names).expect("a moment").snapshot;
        assert_eq!(read.alloc_bytes_total(), Some(1 << 40));
        assert_eq!(read.free_bytes_total(), None);
        assert_eq!(read_moment(&bytes[..20], &names), None, "cut off");
    }

    #[test]
    fn a_point_comes_back() {
        let snapshot = snapshot();
        let slot = point_slot(4, &snapshot);
        assert!(super::super::format::is_whole(&slot));
        let point = read_point(&slot).expect("a point");
        assert_eq!((point.live_bytes, point.process_rss_bytes), (Some((1 << 40) - 5), Some(0)));
        assert_eq!((point.usage_bytes, point.growth_bytes_per_sec), (None, Some(-2.5)));
        assert_eq!((point.level, point.timestamp), (Level::Warning, snapshot.timestamp()));
    }
}
