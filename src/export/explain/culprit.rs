//! What it is that grows: the name that whoever asks is looking for.

use super::{Change, Explanation};
use crate::policy::forecast::Growth;

/// What took most of the growth over the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Culprit<'a> {
    /// A cache, by what it says.
    Cache(&'a Change),
    /// Several caches, by what they say: so much together, and the one that took most.
    Caches(i64, &'a Change),
    /// Live bytes of no cache: so many.
    NoCache(i64),
    /// A line of the ledger that is not the live bytes.
    Line(&'a Change),
    /// Nothing that is known has grown.
    Nothing,
}

impl<'a> Culprit<'a> {
    pub(super) fn of(explanation: &'a Explanation) -> Self {
        let changes = &explanation.changes;
        let live = changes.line("live").map_or(0, |line| line.change_bytes);
        let others = changes.lines.iter().filter(|line| line.name != "live");
        let other = others.max_by_key(|line| line.change_bytes).filter(|l| l.change_bytes > 0);
        let is_live = match explanation.growth.kind {
            Growth::Objects | Growth::Buffers => true,
            Growth::OutsideTheHeap => false,
            _ => live >= other.map_or(0, |line| line.change_bytes),
        };
        match other {
            _ if is_live && live > 0 => Culprit::of_live(explanation, live),
            Some(line) if !is_live => Culprit::Line(line),
            _ => Culprit::Nothing,
        }
    }

    /// A cache that took half of it, or all caches when they took more than what no cache took.
    fn of_live(explanation: &'a Explanation, live: i64) -> Self {
        // One that was not known before may have held it all along, unless that much has come since.
        let may_be = |cache: &&Change| cache.before_bytes.is_some() || cache.change_bytes <= live;
        let caches = || explanation.changes.caches.iter().filter(may_be);
        // Largest first.
        let largest = caches().find(|cache| cache.change_bytes > 0);
        if let Some(cache) = largest.filter(|cache| cache.change_bytes >= live / 2) {
            return Culprit::Cache(cache);
        }
        let by_caches: i64 = caches().map(|cache| cache.change_bytes.max(0)).sum();
        let rest = live.saturating_sub(by_caches).max(0);
        match largest {
            Some(largest) if rest < by_caches => Culprit::Caches(by_caches, largest),
            _ => Culprit::NoCache(rest),
        }
    }
}
