//! The course of the run: what happened, in order and bounded; and the figures for charts.

use super::happened;
use crate::level::Level;
use crate::recorder::{RecordedEvent, Recording, TimePoint};
use serde::Serialize;

/// What is kept of what happened.
const MOST_MOMENTS: usize = 200;
/// Of a chart that is some 700 points wide.
const MOST_POINTS: usize = 600;

/// Something that happened, or several of a kind in a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Moment {
    /// Of the first, in seconds since 1970.
    pub timestamp: f64,
    /// As logs have it; `panic` and `last_sign` are no events.
    pub event_type: String,
    /// How many of its kind, one after the other.
    pub count: u64,
    /// In words: of the last of them.
    pub words: String,
    /// How full the budget was, by the nearest point before, or the first.
    pub level: Option<Level>,
    /// What was used of it.
    pub usage_bytes: Option<u64>,
}

/// Those that say nothing which others do not say better.
const UNTOLD: [&str; 4] =
    ["snapshot_taken", "health_check", "threshold_crossed", "purge_suspended"];
/// Those that come in numbers.
const FOLDED: [&str; 3] = ["eviction_completed", "purge_completed", "refill_storm"];

pub(super) fn moments(recording: &Recording) -> Vec<Moment> {
    let told = recording.events.iter().filter(|it| !UNTOLD.contains(&it.event_type.as_str()));
    let mut moments: Vec<Moment> = Vec::new();
    for event in told {
        let (kind, folds) = (&event.event_type, FOLDED.contains(&event.event_type.as_str()));
        match moments.last_mut().filter(|last| folds && last.event_type == *kind) {
            Some(last) => (last.count, last.words) = (last.count + 1, happened::line(event)),
            None => moments.push(moment(event, &recording.time_line)),
        }
    }
    moments.extend(panicked(recording));
    moments.sort_by(|a, b| a.timestamp.total_cmp(&b.timestamp));
    // It stands last, though events of the same tick may bear a later time.
    moments.extend(last_sign(recording));
    // The beginning and, above all, the end.
    let surplus = moments.len().saturating_sub(MOST_MOMENTS);
    if surplus > 0 {
        moments.drain(1..1 + surplus);
    }
    moments
}

fn moment(event: &RecordedEvent, points: &[TimePoint]) -> Moment {
    at(points, event.timestamp, &event.event_type, happened::line(event))
}

fn at(points: &[TimePoint], timestamp: f64, event_type: &str, words: String) -> Moment {
    let before = points.iter().rev().find(|point| point.timestamp <= timestamp).or(points.first());
    Moment {
        timestamp,
        event_type: event_type.to_owned(),
        count: 1,
        words,
        level: before.map(|point| point.level),
        usage_bytes: before.and_then(|point| point.usage_bytes),
    }
}

fn panicked(recording: &Recording) -> Option<Moment> {
    let panic = recording.panic.as_ref()?;
    let thread = panic.thread.as_deref().unwrap_or("without a name");
    let words = format!("Thread {thread} panicked: {}", panic.message);
    Some(at(&recording.time_line, panic.timestamp, "panic", super::words::plain(&words)))
}

fn last_sign(recording: &Recording) -> Option<Moment> {
    let heartbeat = recording.heartbeat?;
    let words = "The last sign of life".to_owned();
    let moment = at(&recording.time_line, heartbeat.timestamp, "last_sign", words);
    Some(Moment { level: Some(heartbeat.level), ..moment })
}

/// The highest of each stretch, so that no peak is lost, and the first and the last.
pub(super) fn points(all: &[TimePoint]) -> Vec<TimePoint> {
    let stretch = all.len().div_ceil(MOST_POINTS).max(1);
    let highest = |stretch: &[TimePoint]| stretch.iter().max_by_key(|p| p.usage_bytes).copied();
    let mut points: Vec<_> = all.chunks(stretch).filter_map(highest).collect();
    for (end, place) in [(all.first(), 0), (all.last(), points.len())] {
        if let Some(end) = end.filter(|end| !points.contains(end)) {
            points.insert(place.min(points.len()), *end);
        }
    }
    points
}
