//! Exact counts, almost for free: every thread books in a slot of its own, and a reader adds the slots up.
//!
//! ```text
//! thread.rs    which slot is mine            lease at first use, return at thread end
//! tenant.rs    a thread's private side       how much is left until something is due; the hot path
//! countdown.rs  its next sample            bytes until one of its objects is due; sampling.rs asks
//! slot.rs      one thread's growing totals   plain loads and stores, no lock prefix
//! chunk.rs     63 slots                      leased and given back by a bitmap
//! registry.rs  all slots                     append-only list of chunks; the three-pass read
//! peak.rs      approximate process total     what slow paths publish, batch by batch
//! belfry.rs  bell.rs                          who is woken when it passes a line
//! line.rs      a monitor's bell
//! os.rs        memory and thread end         mmap, pthread key
//! counts.rs    Counts, Delta                 the figures
//! ```
//!
//! What is fixed here, and what the models in `model.rs` check:
//! - A total has one writer at a time and never shrinks; none is ever reset.
//! - Slots are never freed. A lease and a return are one atomic step each.
//! - Readers look at frees first. So an object is never seen freed but not allocated.
//! - Nothing on these paths allocates, locks, panics, formats, or reads a clock.

mod belfry;
mod bell;
mod chunk;
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "only the sampler asks"))]
mod countdown;
mod counts;
mod line;
#[cfg(all(test, loom))]
mod model;
mod os;
mod peak;
mod registry;
#[cfg(feature = "profile")]
mod sampling;
mod slot;
mod tenant;
#[cfg(all(test, not(loom)))]
mod tests;
mod thread;

pub use counts::{Counts, Delta};
pub(crate) use line::WakeLine;
#[cfg(feature = "profile")]
pub(crate) use os::zeroed;
#[cfg(feature = "profile")]
pub(crate) use sampling::{
    is_growth_sampled, is_sampled, random, sampling_mean, set_sampling_mean,
};
pub(crate) use slot::Operation;
pub use tenant::BATCH;
pub(crate) use thread::{
    ProcessPeak, admit, book, book_admitted, book_slowly, has_left_for, may_use_reserve,
    peak_of_thread, retract, thread_counts, use_reserve,
};
pub use thread::{counts, limit_refusals};
