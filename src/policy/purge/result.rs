//! What a purge measured.

use crate::source::Pages;
use serde::Serialize;
use std::time::Duration;

/// What giving unused pages back to the system came to: measured, by jemalloc and by the kernel; see
/// [`Handle::purge`](crate::Handle::purge) for an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PurgeResult {
    /// Bytes in unused pages that were still backed by memory, before.
    pub dirty_before_bytes: u64,
    /// And after; what other threads freed meanwhile is among them.
    pub dirty_after_bytes: u64,
    /// Bytes in pages that jemalloc gave back between the two readings, on its own account too.
    pub purged_bytes: u64,
    /// Anonymous memory of the process, resident or swapped out, before: `None` where the kernel does not tell.
    pub anon_before_bytes: Option<u64>,
    /// And after.
    pub anon_after_bytes: Option<u64>,
    /// The share of the purged bytes by which that memory fell, from 0 to 1, pages that other threads took into use
    /// meanwhile allowed for: an estimate. `None` where nothing was purged or the kernel does not tell.
    pub yield_ratio: Option<f64>,
    /// Arenas that were purged.
    pub arenas: usize,
    /// In how many pieces.
    pub slices: usize,
    /// Whether jemalloc did all it was told.
    pub success: bool,
    /// How long it took.
    pub duration_seconds: f64,
}

/// What is read before and after a purge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) pages: Pages,
    /// Resident or swapped out.
    pub(crate) anon: Option<u64>,
}

/// What was done between the two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    pub(crate) arenas: Vec<u32>,
    pub(crate) slices: usize,
    pub(crate) refused: bool,
}

impl PurgeResult {
    pub(crate) fn new(before: Reading, after: Reading, work: &Work, took: Duration) -> Self {
        let purged_bytes = after.pages.purged.saturating_sub(before.pages.purged);
        PurgeResult {
            dirty_before_bytes: before.pages.dirty,
            dirty_after_bytes: after.pages.dirty,
            purged_bytes,
            anon_before_bytes: before.anon,
            anon_after_bytes: after.anon,
            yield_ratio: share(purged_bytes, fall(before, after)),
            arenas: work.arenas.len(),
            slices: work.slices,
            success: !work.refused,
            duration_seconds: took.as_secs_f64(),
        }
    }
}

/// By how much the process has shrunk, had nobody taken new pages into use meanwhile.
fn fall(before: Reading, after: Reading) -> Option<u64> {
    let would_be = before.anon?.saturating_add(after.pages.taken_since(before.pages));
    Some(would_be.saturating_sub(after.anon?))
}

fn share(purged: u64, fall: Option<u64>) -> Option<f64> {
    let fall = fall.filter(|_| purged > 0)?;
    Some((fall as f64 / purged as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(dirty: u64, active: u64, purged: u64, anon: u64) -> Reading {
        Reading { pages: Pages { dirty, active, purged }, anon: Some(anon) }
    }

    fn yield_of(before: Reading, after: Reading) -> Option<f64> {
        let result = PurgeResult::new(before, after, &Work::default(), Duration::ZERO);
        result.yield_ratio
    }

    #[test]
    fn the_yield_is_the_fall_of_what_the_kernel_counts() {
        let before = reading(100, 400, 5, 600);
        assert_eq!(yield_of(before, reading(0, 400, 105, 500)), Some(1.0));
        assert_eq!(yield_of(before, reading(0, 400, 105, 590)), Some(0.1));
        assert_eq!(yield_of(before, reading(0, 400, 105, 700)), Some(0.0));
        assert_eq!(yield_of(before, reading(0, 400, 105, 300)), Some(1.0), "others shrank too");
        assert_eq!(yield_of(before, reading(100, 400, 5, 600)), None, "nothing was purged");
        let unknown = Reading { anon: None, ..before };
        assert_eq!(yield_of(unknown, reading(0, 400, 105, 500)), None);
    }

    #[test]
    fn what_others_take_meanwhile_is_not_held_against_it() {
        let (before, after) = (reading(100, 400, 5, 600), reading(0, 480, 105, 580));
        assert_eq!(yield_of(before, after), Some(1.0), "80 new pages");
    }
}
