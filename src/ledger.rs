//! From requested bytes to what the kernel charges, line by line, summing up.
//!
//! ```text
//!   live bytes                     what the program asked for and holds        exact
//! + size classes, thread caches    slack
//! = allocated                      jemalloc
//! + page slack
//! = active
//! + dirty, metadata
//! = resident                       upper bound
//! + outside the heap               stacks, code, mappings; less pages never touched
//! = RSS                            the process
//! + page cache, kernel, sockets, other processes
//! = charged                        the control group
//! ```

use crate::mebibyte::{mib, mib_of};
use crate::snapshot::Snapshot;
use serde::Serialize;

/// Whether a line is a part or the sum of all parts above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Adds to the sum.
    Part,
    /// Equals the sum so far, as an independent source gave it.
    Sum,
}

/// One line of a [`Ledger`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// What it is.
    pub name: &'static str,
    /// Bytes; a part is negative where the next source counts less than the one before.
    pub bytes: i64,
    /// Part or sum.
    pub kind: LineKind,
    /// What makes it smaller; empty for sums.
    pub remedy: &'static str,
}

/// The kernel's figure explained, from the exact count up. Every sum equals the parts above it.
///
/// Stages whose source is unknown are left out, and the next part then covers the whole step.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// let ledger = monitor.ledger();
/// assert!(ledger.adds_up());
/// println!("{ledger}");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// Parts and sums, from the inside out.
    pub lines: Vec<Line>,
    /// What the registered caches say they hold; part of the live bytes, reported and not measured.
    pub caches: Vec<CacheLine>,
    /// What the user's own memory sources say they hold; part of what is outside the heap, or of no line at all (memory of a
    /// device), reported and not measured.
    pub sources: Vec<SourceLine>,
}

/// What one memory source of the user's says it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceLine {
    /// Its name.
    pub name: String,
    /// Bytes, reported; `None` while unknown.
    pub reported_bytes: Option<u64>,
}

/// What one registered cache says it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CacheLine {
    /// Its registered name.
    pub name: String,
    /// Bytes, reported by the cache; `None` when it does not say.
    pub reported_bytes: Option<u64>,
}

impl Ledger {
    /// Explains `snapshot`.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut ledger = Builder::default();
        heap(&mut ledger, snapshot);
        process(&mut ledger, snapshot);
        cgroup(&mut ledger, snapshot);
        Ledger { lines: ledger.lines, caches: Vec::new(), sources: Vec::new() }
    }

    /// Whether every sum equals the parts above it.
    pub fn adds_up(&self) -> bool {
        let mut total = 0i64;
        self.lines.iter().all(|line| match line.kind {
            LineKind::Part => {
                total = total.saturating_add(line.bytes);
                true
            }
            LineKind::Sum => total == line.bytes,
        })
    }

    /// The line of that name.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }
}

fn heap(ledger: &mut Builder, s: &Snapshot) {
    let shrink = "drop objects: evict, bound collections, look for leaks";
    ledger.part("live", s.live_bytes(), shrink);
    ledger.rest(
        "slack",
        s.jemalloc_allocated_bytes(),
        "fewer size classes; smaller thread caches (tcache_max)",
    );
    ledger.sum("allocated", s.jemalloc_allocated_bytes());
    ledger.rest(
        "page_slack",
        s.jemalloc_active_bytes(),
        "free whole pages: evict in order of age, not at random",
    );
    ledger.sum("active", s.jemalloc_active_bytes());
    // jemalloc's own sum includes them, read one after the other: what is left over is said, not hidden.
    if s.jemalloc_resident_bytes().is_some() {
        ledger.part(
            "dirty",
            s.jemalloc_dirty_bytes(),
            "purge, or a shorter decay (dirty_decay_ms)",
        );
        ledger.part("metadata", s.jemalloc_metadata_bytes(), "fewer arenas (narenas)");
    }
    ledger.rest("resident_rounding", s.jemalloc_resident_bytes(), "none needed");
    ledger.sum("resident", s.jemalloc_resident_bytes());
}

fn process(ledger: &mut Builder, s: &Snapshot) {
    let outside = "smaller or fewer stacks and mappings; look at C libraries";
    ledger.rest("outside_heap", s.process_rss_bytes(), outside);
    ledger.sum("rss", s.process_rss_bytes());
}

fn cgroup(ledger: &mut Builder, s: &Snapshot) {
    if s.cgroup_charged_bytes().is_none() {
        return;
    }
    // Mapped files are in RSS and in the page cache.
    let mapped = s.process_file_bytes().unwrap_or(0);
    let page_cache = s.cgroup_file_bytes().map(|file| file.saturating_sub(mapped));
    ledger.part("page_cache", page_cache, "none needed: the kernel drops it under pressure");
    ledger.part("kernel", s.cgroup_kernel_bytes(), "fewer files, sockets and threads");
    ledger.part("sockets", s.cgroup_sock_bytes(), "smaller socket buffers, fewer connections");
    ledger.rest("other_processes", s.cgroup_charged_bytes(), "give them a group of their own");
    ledger.sum("charged", s.cgroup_charged_bytes());
}

/// Adds lines while keeping the sum.
#[derive(Default)]
struct Builder {
    lines: Vec<Line>,
    total: i64,
}

impl Builder {
    fn part(&mut self, name: &'static str, bytes: Option<u64>, remedy: &'static str) {
        if let Some(bytes) = bytes.and_then(|bytes| i64::try_from(bytes).ok()) {
            self.push_part(name, bytes, remedy);
        }
    }

    /// What lies between the sum so far and `sum`.
    fn rest(&mut self, name: &'static str, sum: Option<u64>, remedy: &'static str) {
        if let Some(sum) = sum.and_then(|sum| i64::try_from(sum).ok()) {
            self.push_part(name, sum.saturating_sub(self.total), remedy);
        }
    }

    fn push_part(&mut self, name: &'static str, bytes: i64, remedy: &'static str) {
        self.total = self.total.saturating_add(bytes);
        self.lines.push(Line { name, bytes, kind: LineKind::Part, remedy });
    }

    fn sum(&mut self, name: &'static str, bytes: Option<u64>) {
        if let Some(bytes) = bytes.and_then(|bytes| i64::try_from(bytes).ok()) {
            self.lines.push(Line { name, bytes, kind: LineKind::Sum, remedy: "" });
        }
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.lines {
            let sign = if line.kind == LineKind::Sum { '=' } else { '+' };
            let mib = mib_of(line.bytes as f64);
            let name = line.name.replace('_', " ");
            let text = format!("{sign} {name:<18} {mib:>12.2} MiB  {}", line.remedy);
            writeln!(f, "{}", text.trim_end())?;
        }
        let size = |bytes: Option<u64>| {
            bytes.map_or("unknown".into(), |bytes| format!("{:.2} MiB", mib(bytes)))
        };
        for CacheLine { name, reported_bytes } in &self.caches {
            let bytes = size(*reported_bytes);
            writeln!(f, "  of live: cache {name:<12} {bytes:>12}  (reported)")?;
        }
        for SourceLine { name, reported_bytes } in &self.sources {
            let bytes = size(*reported_bytes);
            writeln!(f, "  outside the heap: {name:<9} {bytes:>12}  (reported)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::time::Duration;

    fn snapshot(figures: &[(Field, u64)]) -> Snapshot {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        figures.iter().for_each(|(field, figure)| snapshot.values.set(*field, Some(*figure)));
        snapshot
    }

    const COUNTS: [(Field, u64); 4] = [
        (Field::AllocBytes, 150),
        (Field::FreeBytes, 50),
        (Field::AllocObjects, 3),
        (Field::FreeObjects, 1),
    ];
    const JEMALLOC: [(Field, u64); 5] = [
        (Field::Allocated, 120),
        (Field::Active, 200),
        (Field::Resident, 330),
        (Field::Dirty, 80),
        (Field::Metadata, 40),
    ];

    fn bytes(ledger: &Ledger, name: &str) -> Option<i64> {
        ledger.line(name).map(|line| line.bytes)
    }

    #[test]
    fn every_step_is_a_line_and_the_sums_are_their_sources_figures() {
        let mut figures = [COUNTS.as_slice(), JEMALLOC.as_slice()].concat();
        figures.extend([(Field::Rss, 300), (Field::File, 30), (Field::Charged, 1000)]);
        figures.extend([
            (Field::CgroupFile, 500),
            (Field::CgroupKernel, 60),
            (Field::CgroupSock, 7),
        ]);
        let ledger = Ledger::of(&snapshot(&figures));
        assert!(ledger.adds_up(), "{ledger}");
        let part = |name| bytes(&ledger, name).unwrap_or(i64::MIN);
        assert_eq!([part("live"), part("slack"), part("page_slack")], [100, 20, 80]);
        assert_eq!([part("dirty"), part("metadata"), part("resident_rounding")], [80, 40, 10]);
        assert_eq!(part("outside_heap"), -30, "resident is an upper bound");
        assert_eq!([part("page_cache"), part("kernel"), part("sockets")], [470, 60, 7]);
        assert_eq!([part("other_processes"), part("charged")], [163, 1000]);
    }

    #[test]
    fn a_stage_that_is_unknown_is_left_out() {
        let figures = [COUNTS.as_slice(), &[(Field::Rss, 300)]].concat();
        let ledger = Ledger::of(&snapshot(&figures));
        assert!(ledger.adds_up());
        assert_eq!(bytes(&ledger, "outside_heap"), Some(200));
        assert_eq!(bytes(&ledger, "allocated"), None);
        assert!(Ledger::of(&snapshot(&[])).lines.is_empty());
    }

    #[test]
    fn a_sum_that_does_not_add_up_is_noticed() {
        let mut ledger = Ledger::of(&snapshot(&COUNTS));
        ledger.lines.push(Line { name: "rss", bytes: 99, kind: LineKind::Sum, remedy: "" });
        assert!(!ledger.adds_up());
    }
}
