//! What changed over the window: lines of the ledger, caches, and what no cache accounts for.

use super::Facts;
use crate::ledger::{Ledger, LineKind};
use crate::metric::{Exactness, Source};
use crate::policy::watch::Scope;
use crate::snapshot::Snapshot;
use serde::Serialize;

/// So many of each are told.
const TOLD: usize = 4;

/// What changed between a moment some minutes ago and now, largest change first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// How long ago that moment was, in seconds; `None` when there is nothing older than now.
    pub window_secs: Option<f64>,
    /// Of the usage, in bytes.
    pub usage_bytes: Option<i64>,
    /// Of the live objects.
    pub live_objects: Option<i64>,
    /// The lines of the ledger that the usage counts and that changed most; four at most.
    pub lines: Vec<Change>,
    /// The caches that changed most; four at most.
    pub caches: Vec<Change>,
    /// How far the whole history reaches back, in seconds: a slow leak shows there.
    pub history_secs: Option<f64>,
    /// Change of the live bytes since then.
    pub history_live_bytes: Option<i64>,
    /// Change of the live objects since then.
    pub history_live_objects: Option<i64>,
}

/// What one line of the ledger, or one cache, has changed by.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The line's or the cache's name.
    pub name: String,
    /// Bytes then; `None` when it was not there, or did not say.
    pub before_bytes: Option<i64>,
    /// Bytes now.
    pub now_bytes: i64,
    /// The difference; all of it for what was not there.
    pub change_bytes: i64,
    /// Where the figure comes from.
    pub source: Source,
    /// How far it can be believed.
    pub exactness: Exactness,
    /// What makes it smaller; empty for caches.
    pub remedy: &'static str,
}

impl Changes {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let now = &facts.status.snapshot;
        let Some(before) = facts.before else { return Changes::default() };
        let delta = now - before;
        let long = facts.oldest.map(|oldest| now - oldest);
        Changes {
            window_secs: Some(delta.elapsed().as_secs_f64()),
            usage_bytes: usage_change(now, before),
            live_objects: delta.live_objects(),
            lines: largest(lines(&Ledger::of(before), &facts.status.ledger, facts.scope)),
            caches: largest(caches(facts)),
            history_secs: long.as_ref().map(|long| long.elapsed().as_secs_f64()),
            history_live_bytes: long.as_ref().and_then(|long| long.live_bytes()),
            history_live_objects: long.and_then(|long| long.live_objects()),
        }
    }

    /// Change of the live bytes over a history much longer than the window, if it is more than `least`: a slow leak.
    pub(super) fn slowly(&self, least: u64) -> Option<(i64, f64)> {
        let much_longer =
            self.history_secs.filter(|secs| *secs > 2.0 * self.window_secs.unwrap_or(0.0))?;
        let bytes = self.history_live_bytes?;
        (bytes >= i64::try_from(least).unwrap_or(i64::MAX)).then_some((bytes, much_longer))
    }

    /// Leaves what is told, once everything has been judged.
    pub(super) fn shorten(&mut self) {
        self.lines.truncate(TOLD);
        self.caches.truncate(TOLD);
    }

    pub(super) fn line(&self, name: &str) -> Option<&Change> {
        self.lines.iter().find(|line| line.name == name)
    }
}

fn usage_change(now: &Snapshot, before: &Snapshot) -> Option<i64> {
    now.usage_bytes()?.checked_signed_diff(before.usage_bytes()?)
}

fn largest(mut changes: Vec<Change>) -> Vec<Change> {
    changes.retain(|change| change.change_bytes != 0);
    changes.sort_by_key(|change| std::cmp::Reverse(change.change_bytes.unsigned_abs()));
    changes
}

/// What the usage does not count, another process's memory for instance, explains nothing of it.
fn lines(before: &Ledger, now: &Ledger, scope: Scope) -> Vec<Change> {
    let parts = now.lines.iter().filter(|line| line.kind == LineKind::Part);
    let told = parts.filter(|line| line.name == "live" || scope.counts(line.name));
    let change = |line: &crate::ledger::Line| {
        let then = before.line(line.name)?.bytes;
        let (source, exactness) = origin(line.name);
        Some(Change {
            name: line.name.into(),
            before_bytes: Some(then),
            now_bytes: line.bytes,
            change_bytes: line.bytes.saturating_sub(then),
            source,
            exactness,
            remedy: line.remedy,
        })
    };
    told.filter_map(change).collect()
}

fn origin(line: &str) -> (Source, Exactness) {
    match line {
        "live" => (Source::Counters, Exactness::Exact),
        "outside_heap" => (Source::Process, Exactness::Rounded),
        "page_cache" | "kernel" | "sockets" | "other_processes" => {
            (Source::Cgroup, Exactness::Rounded)
        }
        _ => (Source::Jemalloc, Exactness::Rounded),
    }
}

fn caches(facts: &Facts<'_>) -> Vec<Change> {
    let before = |name: &str| {
        let line = facts.caches_before.iter().find(|line| line.name == name);
        line.and_then(|line| line.reported_bytes).map(signed)
    };
    let change = |line: &crate::ledger::CacheLine| {
        let (now_bytes, before_bytes) = (signed(line.reported_bytes?), before(&line.name));
        Some(Change {
            name: line.name.clone(),
            before_bytes,
            now_bytes,
            change_bytes: now_bytes.saturating_sub(before_bytes.unwrap_or(0)),
            source: Source::Monitor,
            exactness: Exactness::Reported,
            remedy: "",
        })
    };
    facts.status.ledger.caches.iter().filter_map(change).collect()
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Live bytes that no registered cache says it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unexplained {
    /// Live bytes less what the caches say; negative when they say more than is live.
    pub bytes: i64,
    /// As a share of the live bytes.
    pub percent_of_live: Option<f64>,
    /// Its change over the window.
    pub change_bytes: Option<i64>,
    /// Caches that do not say what they hold: part of it may be theirs.
    pub silent_caches: Vec<String>,
}

impl Unexplained {
    pub(super) fn of(facts: &Facts<'_>) -> Option<Self> {
        let now = &facts.status.snapshot;
        let (live, bytes) = (now.live_bytes()?, rest(now)?);
        let silent = |line: &&crate::ledger::CacheLine| line.reported_bytes.is_none();
        let silent_caches = facts.status.ledger.caches.iter().filter(silent);
        Some(Unexplained {
            bytes,
            percent_of_live: (live > 0).then(|| bytes as f64 * 100.0 / live as f64),
            change_bytes: facts.before.and_then(rest).map(|then| bytes.saturating_sub(then)),
            silent_caches: silent_caches.map(|line| line.name.clone()).take(TOLD).collect(),
        })
    }
}

fn rest(snapshot: &Snapshot) -> Option<i64> {
    snapshot.live_bytes()?.checked_signed_diff(snapshot.caches_bytes().unwrap_or(0))
}
