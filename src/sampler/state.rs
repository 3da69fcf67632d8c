//! The sampler's memory, which is fixed: mapped at the first start, kept until the process ends.
#![expect(unsafe_code, reason = "a reference to mapped memory")]

use super::bucket::Record;
use super::guard::Guard;
use super::sites::{OTHER, Share, Sites};
use super::stack::Stack;
use super::table::Table;
use crate::counters;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, global};
use std::ptr::NonNull;

/// All of it. Every field is valid as zero bytes.
#[repr(C)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) sites: Sites,
    pub(super) by_thread: AtomicBool,
    /// What was last asked for.
    pub(super) mean: AtomicU64,
    pub(super) lost: LostTotals,
}

/// Relaxed: totals that order nothing.
#[derive(Default)]
#[repr(C)]
pub(super) struct LostTotals {
    pub(super) table_full: AtomicU64,
    pub(super) sites_full: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) busy: AtomicU64,
}

global! {
    static STATE: AtomicPtr<State> = AtomicPtr::new(std::ptr::null_mut());
}

/// What there is since the first start.
#[inline]
pub(super) fn state() -> Option<&'static State> {
    // SAFETY: null, or from `map`, never unmapped, and all zero or written through atomics. Acquire, with the release in
    // `map`: the mapping is there.
    unsafe { STATE.load(Ordering::Acquire).as_ref() }
}

/// Whether there is anything. Relaxed: a sampled object was handed over after the mapping was made.
#[inline(always)]
pub(super) fn is_mapped() -> bool {
    !STATE.load(Ordering::Relaxed).is_null()
}

/// The sampler's memory, mapped now if need be; `None` where the system has none.
pub(super) fn map() -> Option<&'static State> {
    if let Some(state) = state() {
        return Some(state);
    }
    let new: NonNull<State> = counters::zeroed()?;
    let null = std::ptr::null_mut();
    // Of two that start at once the second takes the first one's. Its own mapping stays, untouched: it takes no memory.
    let _ = STATE.compare_exchange(null, new.as_ptr(), Ordering::AcqRel, Ordering::Acquire);
    state()
}

/// A sample about to be taken: where, and under the guard that keeps the sampler from looking at its own needs.
pub(super) struct Sampling<'a> {
    pub(super) state: &'a State,
    site: u32,
    mean: u64,
    _guard: Guard,
}

impl<'a> Sampling<'a> {
    /// Looks where the calling thread is; `None`, and counted, where that cannot be.
    pub(super) fn begin(mean: u64) -> Option<Self> {
        let state = state()?;
        let Some(guard) = Guard::enter() else {
            count(&state.lost.busy);
            return None;
        };
        let stack = Stack::capture(state.by_thread.load(Ordering::Relaxed));
        let site = state.sites.enter(&stack).unwrap_or_else(|| {
            count(&state.lost.sites_full);
            OTHER
        });
        Some(Sampling { state, site, mean, _guard: guard })
    }

    /// What is to be known of an object of `size` that the inner allocator was asked for with alignment `align`.
    pub(super) fn record(&self, size: usize, align: usize) -> Record {
        Record {
            size: size as u64,
            mean: self.mean,
            site: Some(self.site),
            align_log2: align.trailing_zeros() as u8,
        }
    }

    /// Adds to what the site has allocated: a new object, or the growth of one.
    pub(super) fn count(&self, bytes: usize, is_new: bool) {
        let bytes = bytes as u64;
        self.state.sites.add(self.site, &Share { is_new, bytes, chance: chance(bytes, self.mean) });
    }
}

/// The chance that an object of `size` is in the sample.
pub(super) fn chance(size: u64, mean: u64) -> f64 {
    -(-(size as f64) / mean as f64).exp_m1()
}

pub(super) fn count(total: &AtomicU64) {
    total.fetch_add(1, Ordering::Relaxed);
}
