//! What grew: every line of the ledger and every cache, at the earliest, when all was well, at the most, and at the end.

use crate::ledger::{CacheLine, Ledger, LineKind};
use crate::level::Level;
use crate::recorder::{Recording, TimePoint};
use serde::Serialize;

/// A line of the ledger over the run. A part that was negative is one that the next source counted less than the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LedgerChange {
    /// As [`Line::name`](crate::Line::name).
    pub name: String,
    /// Part or sum.
    pub kind: LineKind,
    /// At the earliest tick that the file has, as far as the time line has it.
    pub earliest_bytes: Option<i64>,
    /// At the last tick at which all was well.
    pub when_well_bytes: Option<i64>,
    /// When most of the budget was used, as far as the time line has it.
    pub at_most_bytes: Option<i64>,
    /// At the last tick.
    pub last_bytes: Option<i64>,
    /// From when all was well to the last tick; from the earliest where all was well to the end.
    pub change_bytes: Option<i64>,
    /// What makes it smaller; empty for sums.
    pub remedy: String,
}

/// What somebody held over the run: a cache by its own word, or nobody in particular.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Held {
    /// The cache's name.
    pub name: String,
    /// At the earliest tick that the file has; known of no single cache.
    pub earliest_bytes: Option<u64>,
    /// At the last tick at which all was well.
    pub when_well_bytes: Option<u64>,
    /// When most of the budget was used; known of no single cache.
    pub at_most_bytes: Option<u64>,
    /// At the last tick.
    pub last_bytes: Option<u64>,
    /// From when all was well to the last tick; from the earliest where all was well to the end.
    pub change_bytes: Option<i64>,
}

/// Whether all was well at the last tick: then the tick at which it last was, a moment before, says nothing of what grew.
pub(super) fn is_well_to_the_end(recording: &Recording) -> bool {
    recording.heartbeat.is_some_and(|last| last.level == Level::Healthy)
}

/// In the ledger's own order; a line that only one of the two has stands at the end.
pub(super) fn ledger(recording: &Recording) -> Vec<LedgerChange> {
    let (last, well) = (recording.ledger(), recording.ledger_when_well());
    let (earliest, most) = (recording.time_line.first(), most(recording));
    let since_earliest = is_well_to_the_end(recording);
    let of = |ledger: &Option<Ledger>| ledger.iter().flat_map(|l| l.lines.clone()).collect();
    let (last, well): (Vec<_>, Vec<_>) = (of(&last), of(&well));
    let only_well = well.iter().filter(|line| !last.iter().any(|other| other.name == line.name));
    let lines = last.iter().chain(only_well);
    let bytes = |lines: &[crate::ledger::Line], name| {
        lines.iter().find(|line| line.name == name).map(|line| line.bytes)
    };
    let change = |line: &crate::ledger::Line| {
        let (when_well, at_last) = (bytes(&well, line.name), bytes(&last, line.name));
        let earliest = earliest.and_then(|point| of_point(point, line.name));
        let before = if since_earliest { earliest } else { when_well };
        LedgerChange {
            name: line.name.to_owned(),
            kind: line.kind,
            earliest_bytes: earliest,
            when_well_bytes: when_well,
            at_most_bytes: most.and_then(|point| of_point(point, line.name)),
            last_bytes: at_last,
            change_bytes: at_last.zip(before).map(|(last, before)| last.saturating_sub(before)),
            remedy: line.remedy.to_owned(),
        }
    };
    lines.map(change).collect()
}

/// The point at which most of the budget was used.
fn most(recording: &Recording) -> Option<&TimePoint> {
    recording.time_line.iter().max_by_key(|point| point.usage_bytes)
}

/// What the time line keeps of the ledger.
fn of_point(point: &TimePoint, line: &str) -> Option<i64> {
    let bytes = match line {
        "live" => point.live_bytes,
        "rss" => point.process_rss_bytes,
        "charged" => point.cgroup_charged_bytes,
        _ => None,
    };
    bytes.and_then(|bytes| i64::try_from(bytes).ok())
}

/// Those of the end, the largest first, then those that were there when all was well.
pub(super) fn caches(recording: &Recording) -> Vec<Held> {
    let (last, well) = (&recording.caches, &recording.caches_when_well);
    let since_earliest = is_well_to_the_end(recording);
    let bytes = |lines: &[CacheLine], name: &str| {
        lines.iter().find(|line| line.name == name).and_then(|line| line.reported_bytes)
    };
    let gone = well.iter().filter(|line| !last.iter().any(|other| other.name == line.name));
    let each = |line: &CacheLine| {
        let (well, last) = (bytes(well, &line.name), bytes(last, &line.name));
        let held = Held { when_well_bytes: well, last_bytes: last, ..Held::of(&line.name) };
        held.changed(since_earliest)
    };
    let mut held: Vec<_> = last.iter().chain(gone).map(each).collect();
    held.sort_by_key(|held| std::cmp::Reverse(held.last_bytes.max(held.when_well_bytes)));
    held
}

/// Live bytes that no registered cache said it held.
pub(super) fn unexplained(recording: &Recording) -> Option<Held> {
    let rest = |live: Option<u64>, caches: Option<u64>| {
        live.map(|live| live.saturating_sub(caches.unwrap_or(0)))
    };
    let of = |snapshot: Option<&crate::snapshot::Snapshot>| {
        snapshot.and_then(|it| rest(it.live_bytes(), it.caches_bytes()))
    };
    let at = |point: Option<&TimePoint>| {
        point.and_then(|point| rest(point.live_bytes, point.caches_bytes))
    };
    let held = Held {
        earliest_bytes: at(recording.time_line.first()),
        when_well_bytes: of(recording.well.as_ref()),
        at_most_bytes: at(most(recording)),
        last_bytes: of(recording.last.as_ref()),
        ..Held::of("no_cache")
    };
    let is_known = held.when_well_bytes.is_some() || held.last_bytes.is_some();
    is_known.then(|| held.changed(is_well_to_the_end(recording)))
}

impl Held {
    /// Of which nothing is known yet.
    fn of(name: &str) -> Self {
        Held {
            name: name.to_owned(),
            earliest_bytes: None,
            when_well_bytes: None,
            at_most_bytes: None,
            last_bytes: None,
            change_bytes: None,
        }
    }

    fn changed(self, since_earliest: bool) -> Self {
        let before = if since_earliest { self.earliest_bytes } else { self.when_well_bytes };
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let change = self.last_bytes.zip(before).map(|(last, it)| signed(last) - signed(it));
        Held { change_bytes: change, ..self }
    }
}
