//! A level that stays: since when, and what of the ledger explains it.

use crate::ledger::{Ledger, LineKind};
use crate::level::Level;
use crate::snapshot::Snapshot;
use std::time::{Duration, Instant};

/// So long at `warning` or above, and neither rising nor falling, is stuck.
const PATIENCE: Duration = Duration::from_secs(600);

/// A usage that would move by less than this share of the budget in that time has no slope.
const NO_SLOPE: f64 = 0.01;

/// Whether the level is stuck, and whether that has been said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Stuck {
    #[default]
    Not,
    Since(Instant),
    /// Until the level falls.
    Said,
}

impl Stuck {
    /// Whether to say now that the level is stuck: once until it falls.
    ///
    /// `slope` is how fast the usage grows, in bytes per second; while it is unknown, nothing speaks for a slope.
    pub(crate) fn observe(
        &mut self,
        level: Level,
        slope: Option<f64>,
        budget: u64,
        now: Instant,
    ) -> bool {
        if level < Level::Warning {
            *self = Stuck::Not;
        } else if !matches!(self, Stuck::Said) && moves(slope, budget) {
            *self = Stuck::Since(now);
        }
        match *self {
            Stuck::Not if level >= Level::Warning => *self = Stuck::Since(now),
            Stuck::Since(since) if now.saturating_duration_since(since) >= PATIENCE => {
                *self = Stuck::Said;
                return true;
            }
            _ => {}
        }
        false
    }
}

fn moves(slope: Option<f64>, budget: u64) -> bool {
    let moved = slope.unwrap_or(0.0).abs() * PATIENCE.as_secs_f64();
    moved >= budget as f64 * NO_SLOPE
}

/// What of the ledger explains a usage: the largest of its lines that can be too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// A line of the ledger, `caches`, or `live_bytes_of_no_cache` for live bytes of no cache.
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    pub(crate) remedy: &'static str,
}

/// Which figures a usage is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Process,
    /// The control group, without what the kernel can drop.
    Group,
    /// All that the control group is charged with.
    Charged,
}

impl Scope {
    /// Whether a line of the ledger is part of the usage.
    pub(crate) fn counts(self, line: &str) -> bool {
        match line {
            // Told by the caches and the rest of the live bytes.
            "live" | "resident_rounding" => false,
            "page_cache" => self == Scope::Charged,
            "kernel" | "sockets" | "other_processes" => self != Scope::Process,
            _ => true,
        }
    }
}

/// The largest part of what `snapshot` shows, of those that the usage counts; `None` where nothing is known.
pub(crate) fn cause(snapshot: &Snapshot, scope: Scope) -> Option<Cause> {
    let ledger = Ledger::of(snapshot);
    let parts = ledger.lines.iter().filter(|line| line.kind == LineKind::Part);
    let counted = parts.filter(|line| scope.counts(line.name)).filter_map(|line| {
        let bytes = u64::try_from(line.bytes).ok()?;
        Some(Cause { name: line.name, bytes, remedy: line.remedy })
    });
    counted.chain(live(snapshot)).max_by_key(|cause| cause.bytes)
}

/// The live bytes: what caches say they hold, and the rest.
fn live(snapshot: &Snapshot) -> impl Iterator<Item = Cause> {
    let caches = snapshot.caches_bytes().unwrap_or(0);
    let rest = snapshot.live_bytes().map(|live| live.saturating_sub(caches));
    let caches = Cause {
        name: "caches",
        bytes: caches,
        remedy: "evict; lower ceilings; let caches be asked at an earlier level",
    };
    let rest = rest.map(|bytes| Cause {
        name: "live_bytes_of_no_cache",
        bytes,
        remedy: "look for what grew: no registered cache holds it",
    });
    [Some(caches).filter(|caches| caches.bytes > 0), rest].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::snapshot::Moment;
    use crate::source::Readings;

    const BUDGET: u64 = 600_000;

    struct Watch {
        stuck: Stuck,
        start: Instant,
    }

    impl Watch {
        fn new() -> Self {
            Watch { stuck: Stuck::default(), start: Instant::now() }
        }

        /// How often it is said in the seconds of `range`.
        fn said(&mut self, range: std::ops::Range<u64>, level: Level, slope: Option<f64>) -> usize {
            let (stuck, start) = (&mut self.stuck, self.start);
            let at = |second| start + Duration::from_secs(second);
            range.filter(|second| stuck.observe(level, slope, BUDGET, at(*second))).count()
        }
    }

    #[test]
    fn ten_minutes_without_slope_are_said_once_until_the_level_falls() {
        let mut watch = Watch::new();
        assert_eq!(watch.said(0..600, Level::Warning, Some(9.0)), 0);
        assert_eq!(watch.said(600..602, Level::Warning, Some(-9.0)), 1);
        assert_eq!(watch.said(602..9000, Level::Critical, None), 0);
        assert_eq!(watch.said(9000..9001, Level::Caution, None), 0);
        assert_eq!(watch.said(9001..9602, Level::Warning, None), 1);
    }

    #[test]
    fn what_moves_is_not_stuck() {
        let mut watch = Watch::new();
        assert_eq!(watch.said(0..5000, Level::Critical, Some(10.0)), 0);
        assert_eq!(watch.said(5000..9000, Level::Critical, Some(-10.0)), 0);
        assert_eq!(watch.said(9000..9599, Level::Critical, Some(0.0)), 0);
        assert_eq!(watch.said(9599..9600, Level::Critical, Some(0.0)), 1, "since it last moved");
        assert_eq!(watch.said(9600..20_000, Level::Caution, Some(0.0)), 0, "and below it never");
    }

    fn snapshot(figures: &[(Field, u64)]) -> Snapshot {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        figures.iter().for_each(|(field, figure)| snapshot.values.set(*field, Some(*figure)));
        snapshot
    }

    /// Live 100, of which caches hold 30; slack 5, page slack 20, dirty 8, metadata 4, outside the heap 13 = RSS 150; page
    /// cache 400, kernel 60, sockets 7, other processes 33 = charged 650.
    const FIGURES: [(Field, u64); 13] = [
        (Field::AllocBytes, 100),
        (Field::FreeBytes, 0),
        (Field::Caches, 30),
        (Field::Allocated, 105),
        (Field::Active, 125),
        (Field::Dirty, 8),
        (Field::Metadata, 4),
        (Field::Resident, 137),
        (Field::Rss, 150),
        (Field::Charged, 650),
        (Field::CgroupFile, 400),
        (Field::CgroupKernel, 60),
        (Field::CgroupSock, 7),
    ];

    fn cause_with(changes: &[(Field, u64)], scope: Scope) -> (&'static str, u64) {
        let figures = [FIGURES.as_slice(), changes].concat();
        let cause = cause(&snapshot(&figures), scope).expect("a cause");
        assert!(!cause.remedy.is_empty());
        (cause.name, cause.bytes)
    }

    #[test]
    fn the_largest_line_that_the_usage_counts_is_the_cause() {
        use Field::{Active, Caches, CgroupKernel, Charged, Dirty, Resident, Rss};
        assert_eq!(cause_with(&[], Scope::Process), ("live_bytes_of_no_cache", 70));
        assert_eq!(cause_with(&[(Caches, 90)], Scope::Process), ("caches", 90));
        assert_eq!(cause_with(&[], Scope::Charged), ("page_cache", 400));
        assert_eq!(cause_with(&[], Scope::Group), ("live_bytes_of_no_cache", 70));
        assert_eq!(cause_with(&[(CgroupKernel, 90)], Scope::Group), ("kernel", 90));
        assert_eq!(
            cause_with(&[(CgroupKernel, 90)], Scope::Process),
            ("live_bytes_of_no_cache", 70)
        );
        assert_eq!(cause_with(&[(Charged, 1000)], Scope::Group), ("other_processes", 383));
        assert_eq!(cause_with(&[(Rss, 300)], Scope::Process), ("outside_heap", 163));
        assert_eq!(
            cause_with(&[(Active, 255), (Resident, 267), (Rss, 280)], Scope::Process),
            ("page_slack", 150)
        );
        assert_eq!(
            cause_with(&[(Dirty, 88), (Resident, 217), (Rss, 230)], Scope::Process),
            ("dirty", 88)
        );
    }

    #[test]
    fn where_nothing_is_known_there_is_no_cause() {
        assert_eq!(cause(&snapshot(&[]), Scope::Process), None);
    }
}
