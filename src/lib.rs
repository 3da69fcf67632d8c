//! A load line for the heap of a Rust process.
#![deny(unsafe_code)]
mod allocator;
mod counters;
mod error;
mod ledger;
mod level;
mod metric;
mod policy;
mod probe;
mod region;
mod ring;
mod snapshot;
mod source;
mod sync;
pub use counters::{BATCH, Counts, Delta, counts};
pub use error::Error;
pub use ledger::*;
pub use level::*;
pub use metric::*;
pub use snapshot::{Snapshot,SnapshotDelta,Metadata};
pub use policy::{threshold::*,health::{Check,HealthStatus},eviction::Priority,budget::Budget};
pub use probe::is_installed;
pub use region::{Process, Region, ThisThread, assert_allocates_nothing, assert_peaks_below, assert_returns_to_start, measure};
pub use allocator::{DefaultAllocator, Plimsoll};
