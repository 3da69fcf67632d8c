//! The figures themselves: `Counts` of a moment, `Delta` between two.

use serde::{Deserialize, Serialize};

/// What the allocator was asked for so far: totals that only grow, from which the live figures follow.
///
/// Exact when read while no thread is inside the allocator; read while threads run, never negative. Bytes are
/// requested bytes (`Layout::size()`), not size classes. Source: the wrapper's own per-thread counters.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let before = plimsoll::counts();
/// let kept = vec![0u8; 1000];
/// let delta = plimsoll::counts() - before;
/// assert_eq!((delta.live_objects, delta.live_bytes), (1, 1000));
/// # drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Successful allocations so far.
    pub alloc_objects_total: u64,
    /// Objects freed so far.
    pub free_objects_total: u64,
    /// Bytes allocated so far, growth by `realloc` included.
    pub alloc_bytes_total: u64,
    /// Bytes freed so far, shrinkage by `realloc` included.
    pub free_bytes_total: u64,
    /// Successful `realloc` calls so far; each keeps its object.
    pub realloc_total: u64,
    /// The most bytes that were live at once; exact to within [`BATCH`](crate::BATCH) bytes per thread, and while threads
    /// run to within a 64th of what is live besides; by as much it may also fall from one reading to the next. `None` when
    /// the counts come from elsewhere.
    pub peak_live_bytes: Option<u64>,
    /// Thread slots ever leased: the most threads that allocated and lived at once; `None` as above.
    pub thread_slots: Option<u64>,
}

impl Counts {
    /// Objects allocated and not yet freed.
    pub fn live_objects(&self) -> u64 {
        above(self.alloc_objects_total, self.free_objects_total)
    }

    /// Requested bytes of the live objects.
    pub fn live_bytes(&self) -> u64 {
        above(self.alloc_bytes_total, self.free_bytes_total)
    }

    pub(super) fn add_frees(&mut self, (bytes, objects): (u64, u64)) {
        self.free_bytes_total = self.free_bytes_total.wrapping_add(bytes);
        self.free_objects_total = self.free_objects_total.wrapping_add(objects);
    }

    pub(super) fn add_allocs(&mut self, (bytes, objects, reallocs): (u64, u64, u64)) {
        self.alloc_bytes_total = self.alloc_bytes_total.wrapping_add(bytes);
        self.alloc_objects_total = self.alloc_objects_total.wrapping_add(objects);
        self.realloc_total = self.realloc_total.wrapping_add(reallocs);
    }
}

/// How far a total is above another; 0 where it is below, as when readings are in the wrong order. Totals wrap round.
fn above(total: u64, other: u64) -> u64 {
    total.wrapping_sub(other).cast_signed().max(0).cast_unsigned()
}

impl std::ops::Sub for Counts {
    type Output = Delta;

    fn sub(self, earlier: Counts) -> Delta {
        let live_objects = |of: &Counts| of.alloc_objects_total.wrapping_sub(of.free_objects_total);
        let live_bytes = |of: &Counts| of.alloc_bytes_total.wrapping_sub(of.free_bytes_total);
        Delta {
            live_objects: live_objects(&self).wrapping_sub(live_objects(&earlier)).cast_signed(),
            live_bytes: live_bytes(&self).wrapping_sub(live_bytes(&earlier)).cast_signed(),
            alloc_objects: above(self.alloc_objects_total, earlier.alloc_objects_total),
            free_objects: above(self.free_objects_total, earlier.free_objects_total),
            alloc_bytes: above(self.alloc_bytes_total, earlier.alloc_bytes_total),
            free_bytes: above(self.free_bytes_total, earlier.free_bytes_total),
            reallocs: above(self.realloc_total, earlier.realloc_total),
            peak_live_bytes: None,
        }
    }
}

/// What was allocated and freed between two readings.
///
/// As exact as the two [`Counts`] it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delta {
    /// Change in live objects; negative when more were freed.
    pub live_objects: i64,
    /// Change in live bytes.
    pub live_bytes: i64,
    /// Successful allocations.
    pub alloc_objects: u64,
    /// Objects freed.
    pub free_objects: u64,
    /// Bytes allocated, growth by `realloc` included.
    pub alloc_bytes: u64,
    /// Bytes freed, shrinkage by `realloc` included.
    pub free_bytes: u64,
    /// Successful `realloc` calls.
    pub reallocs: u64,
    /// The most bytes above the start that were live at once; `None` where it was not measured.
    ///
    /// Exact when one thread was measured ([`measure`](crate::measure)), and exact to within
    /// [`BATCH`](crate::BATCH) bytes per thread for the process.
    pub peak_live_bytes: Option<u64>,
}
