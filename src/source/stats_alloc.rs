//! A `stats_alloc::StatsAlloc` that a program already has, as the monitor's source of counts.

use crate::counters::Counts;
use stats_alloc::{Stats, StatsAlloc};
use std::alloc::GlobalAlloc;

/// The counts of a program that has `stats_alloc` for its global allocator.
///
/// As exact as `stats_alloc`: failed requests are counted by it, and its figures are not of one moment while threads
/// run. Peak and slots are unknown to it.
///
/// ```
/// use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOC: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
///
/// # fn main() {
/// let counts = plimsoll::stats_alloc_counts(ALLOC);
/// assert!(counts.live_objects() > 0);
/// # }
/// ```
pub fn stats_alloc_counts<A: GlobalAlloc>(allocator: &StatsAlloc<A>) -> Counts {
    from(allocator.stats())
}

fn from(stats: Stats) -> Counts {
    Counts {
        alloc_objects_total: total(stats.allocations),
        free_objects_total: total(stats.deallocations),
        alloc_bytes_total: total(stats.bytes_allocated),
        free_bytes_total: total(stats.bytes_deallocated),
        realloc_total: total(stats.reallocations),
        ..Counts::default()
    }
}

fn total(figure: usize) -> u64 {
    u64::try_from(figure).unwrap_or(u64::MAX)
}
