//! `Columns`: the ring as columns, for charts: one list a figure, thinned to what can be drawn.
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "only surfaces ask"))]

use super::snapshot::SCHEMA_VERSION;
use crate::metric::METRICS;
use crate::snapshot::Snapshot;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Points in an answer at most, which is some 10 MB of them: a ring may have a hundred times as many.
const MOST_POINTS: usize = 10_000;

/// Snapshots as columns, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Columns {
    /// Raised when a key changes its meaning.
    pub(crate) schema_version: u32,
    /// Whose history it is: see [`ProcessInfo::run`](crate::ProcessInfo::run).
    pub(crate) run: String,
    /// Time between two snapshots while memory is no concern.
    pub(crate) interval_seconds: f64,
    /// How many snapshots are kept.
    pub(crate) capacity: usize,
    /// Whether some were left out to keep within the points that were asked for.
    pub(crate) thinned: bool,
    /// `timestamp`, `level`, and every figure that was asked for, by its name; `null` where it is unknown.
    pub(crate) figures: Map<String, Value>,
}

/// Which part of the history is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// From this moment on, in seconds since 1970.
    pub(crate) since: Option<f64>,
    /// So many points at most; 2 at least, and 10000 unless given.
    pub(crate) points: Option<usize>,
    /// These figures; all when none is named.
    pub(crate) figures: Vec<String>,
}

impl Wanted {
    /// # Errors
    /// Names the first figure that does not exist, and a moment that is none.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(since) = self.since.filter(|since| !since.is_finite()) {
            return Err(format!("since: {since} is no moment, in seconds since 1970"));
        }
        let known = |name: &&String| METRICS.iter().any(|metric| metric.name == name.as_str());
        match self.figures.iter().find(|name| !known(name)) {
            Some(unknown) => Err(format!("figures: there is no {unknown:?} among METRICS")),
            None => Ok(()),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.figures.is_empty() || self.figures.iter().any(|wanted| wanted == name)
    }
}

impl Columns {
    pub(crate) fn of(
        snapshots: &[Snapshot],
        wanted: &Wanted,
        run: String,
        interval_seconds: f64,
        capacity: usize,
    ) -> Self {
        let since = wanted.since.unwrap_or(f64::NEG_INFINITY);
        let all: Vec<_> = snapshots.iter().filter(|s| s.timestamp() >= since).collect();
        let kept = thinned(&all, wanted.points.unwrap_or(MOST_POINTS).clamp(2, MOST_POINTS));
        let mut figures = Map::new();
        let column = |figure: &dyn Fn(&Snapshot) -> Value| kept.iter().map(|s| figure(s)).collect();
        figures.insert("timestamp".into(), column(&|s| json!(s.timestamp())));
        figures.insert("level".into(), column(&|s| json!(s.level())));
        for metric in METRICS.iter().filter(|metric| wanted.wants(metric.name)) {
            figures.insert(metric.name.into(), column(&|s| json!(metric.get(s))));
        }
        Columns {
            schema_version: SCHEMA_VERSION,
            run,
            interval_seconds,
            capacity,
            thinned: kept.len() < all.len(),
            figures,
        }
    }
}

/// Every n-th, the first and the last, and the first of every level.
fn thinned<'a>(all: &[&'a Snapshot], points: usize) -> Vec<&'a Snapshot> {
    let step = all.len().div_ceil(points).max(1);
    let last = all.len().saturating_sub(1);
    let mut before = None;
    let mut kept = Vec::with_capacity(all.len().min(points.saturating_add(16)));
    for (index, snapshot) in all.iter().enumerate() {
        let changed = before.replace(snapshot.level()) != Some(snapshot.level());
        if index % step == 0 || index == last || changed {
            kept.push(*snapshot);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::time::Duration;

    fn ring(levels: &[Level]) -> Vec<Snapshot> {
        let snapshot = |(second, level): (u64, &Level)| {
            let mut at = Moment::now();
            at.wall_micros = second * 1_000_000;
            let mut snapshot = Snapshot::new(at, Duration::ZERO, &Readings::default());
            snapshot.values.level = *level;
            snapshot
        };
        (0..).zip(levels).map(snapshot).collect()
    }

    fn times(columns: &Columns) -> Vec<f64> {
        serde_json::from_value(columns.figures["timestamp"].clone()).expect("times")
    }

    #[test]
    fn thinning_keeps_the_ends_and_every_change_of_level() {
        let mut levels = [Level::Healthy; 101];
        levels[33] = Level::Warning;
        let wanted = Wanted { points: Some(5), ..Wanted::default() };
        let columns = Columns::of(&ring(&levels), &wanted, "run".into(), 30.0, 200);
        assert_eq!(times(&columns), [0.0, 21.0, 33.0, 34.0, 42.0, 63.0, 84.0, 100.0]);
        assert!(columns.thinned);
    }

    #[test]
    fn unknown_is_null_and_figures_are_chosen() {
        let figures = vec!["live_bytes".into()];
        let wanted = Wanted { since: Some(1.0), figures, ..Wanted::default() };
        let columns = Columns::of(&ring(&[Level::Healthy; 3]), &wanted, "run".into(), 30.0, 3);
        assert_eq!(times(&columns), [1.0, 2.0]);
        assert_eq!(columns.figures["live_bytes"], json!([null, null]));
        assert_eq!(columns.figures.len(), 3);
        assert!(!columns.thinned);
        let wrong = Wanted { figures: vec!["heap".into()], ..Wanted::default() };
        assert!(wrong.check().expect_err("no such figure").contains("\"heap\""));
    }

    #[test]
    fn a_long_ring_is_thinned_unasked() {
        let long = ring(&vec![Level::Healthy; 2 * MOST_POINTS]);
        for points in [None, Some(usize::MAX)] {
            let figures = vec!["live_bytes".into()];
            let wanted = Wanted { points, figures, ..Wanted::default() };
            let columns = Columns::of(&long, &wanted, "run".into(), 30.0, long.len());
            assert_eq!((times(&columns).len(), columns.thinned), (MOST_POINTS + 1, true));
        }
    }

    #[test]
    fn a_moment_that_is_none_is_refused() {
        for since in [f64::NAN, f64::INFINITY] {
            let wanted = Wanted { since: Some(since), ..Wanted::default() };
            assert!(wanted.check().expect_err("no moment").starts_with("since: "));
        }
    }

    #[test]
    fn nothing_makes_empty_columns() {
        let columns = Columns::of(&[], &Wanted::default(), "run".into(), 30.0, 3);
        assert_eq!(times(&columns), Vec::<f64>::new());
        assert_eq!(columns.figures.len(), METRICS.len() + 2);
    }
}
