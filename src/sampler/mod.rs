//! The sampler: some objects are looked at more closely, and where they were allocated; over any inner allocator.
//!
//! ```text
//! exchange.rs  an object comes into the sample, is resized, leaves it     the allocator's side
//! state.rs     the memory of it all, mapped once; a sample being taken
//! table.rs  bucket.rs   the sampled objects, by address                   no lock, fixed
//! sites.rs     where they were allocated, and what each place has         no lock, fixed
//! stack.rs     the calling thread's return addresses
//! tag.rs       what a piece of work is for
//! guard.rs     the sampler does not look at itself
//! reading.rs   what is known at one moment, as plain data
//! ```
//!
//! Which object is due is the counters' to say (`counters/countdown.rs`): an object of s bytes is in the sample with the
//! chance 1 - exp(-s / mean), whatever its history. Nothing here allocates, locks, panics, formats or reads a clock, but
//! for `read`.

mod bucket;
mod exchange;
mod guard;
#[cfg(all(test, loom))]
mod model;
mod reading;
mod sites;
mod stack;
mod state;
mod table;
mod tag;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use exchange::{forget, may_be_sampled, resize, sample};
pub(crate) use reading::{Lost, RawSample, RawSite, Reading, read};
pub use tag::{Tag, TagGuard, Tagged};

pub(crate) use crate::counters::{is_growth_sampled as growth_hit, is_sampled as object_hit};

use crate::counters;
use crate::error::Error;
use crate::sync::Ordering;

/// Samples objects from now on, one in `mean` bytes on average; `by_thread`: sites are kept apart by the thread's name.
///
/// Objects that are in the sample already stay in it. The tables are mapped at the first start, and kept.
pub(crate) fn start(mean: u64, by_thread: bool) -> Result<(), Error> {
    let state = state::map().ok_or_else(|| Error::Monitoring {
        what: "memory for the heap profile",
        source: std::io::ErrorKind::OutOfMemory.into(),
    })?;
    state.by_thread.store(by_thread, Ordering::Relaxed);
    // The unwinder sets itself up at its first call, and may allocate for it: now, rather than inside an allocation.
    let _ = stack::Stack::capture(by_thread);
    counters::set_sampling_mean(mean.max(1));
    state.mean.store(mean.max(1), Ordering::Relaxed);
    Ok(())
}

/// Samples no more objects. Those in the sample stay in it until they are freed.
pub(crate) fn stop() {
    counters::set_sampling_mean(0);
}

/// Whether objects are sampled.
#[inline(always)]
pub(crate) fn is_running() -> bool {
    counters::sampling_mean() != 0
}

/// Whether the object of `size` at `ptr`, which the caller owns, counts in the sample.
#[cfg(all(test, not(loom)))]
pub(crate) fn is_in_sample(ptr: *mut u8, size: usize) -> bool {
    let record = state::state().and_then(|state| state.table.find(ptr.addr() as u64, size as u64));
    record.is_some_and(|record| record.site.is_some())
}
