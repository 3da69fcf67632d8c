//! What an allocator wrapper meets in the field: counted, no crash, no deadlock.

mod c_threads;
mod fork;
#[cfg(feature = "plug_in")]
mod loading;
mod process_ends;
mod process_starts;
mod signals;
mod thread_ends;
mod tight_threads;

use crate::common::harness::Case;

pub(crate) const GROUPS: &[&[Case]] = &[
    c_threads::CASES,
    fork::CASES,
    #[cfg(feature = "plug_in")]
    loading::CASES,
    process_ends::CASES,
    process_starts::CASES,
    signals::CASES,
    thread_ends::CASES,
    tight_threads::CASES,
];
