//! What an allocator wrapper meets in the field: counted, no crash, no deadlock. README.md says which case is about what.

mod alarm;
mod c_threads;
mod clock;
mod fork;
mod hand_over;
mod layouts;
mod limit;
#[cfg(feature = "plug_in")]
mod loading;
mod many_threads;
mod monitor;
mod process_ends;
mod process_starts;
mod refusal;
mod scale;
mod signals;
#[cfg(target_arch = "x86_64")]
mod single_steps;
#[path = "../monitor/support.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod support;
mod thread_ends;
mod tight_threads;

use crate::common::harness::Case;

pub(crate) const GROUPS: &[&[Case]] = &[
    alarm::CASES,
    c_threads::CASES,
    fork::CASES,
    hand_over::CASES,
    layouts::CASES,
    limit::CASES,
    #[cfg(feature = "plug_in")]
    loading::CASES,
    many_threads::CASES,
    monitor::CASES,
    process_ends::CASES,
    process_starts::CASES,
    refusal::CASES,
    scale::CASES,
    signals::CASES,
    #[cfg(target_arch = "x86_64")]
    single_steps::CASES,
    thread_ends::CASES,
    tight_threads::CASES,
];
