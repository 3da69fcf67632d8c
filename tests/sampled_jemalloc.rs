//! The counting and the fault suite over jemalloc, once more, with the heap profile taking a sample every 2000 bytes: what is
//! counted, refused, aligned or handed over does not change, and a sampled object is as good as any other.
#![allow(
    unsafe_code,
    reason = "raw allocator calls, C threads, fork and signals are what is tested"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

mod common;
mod counting;
mod faults;
mod sampled;

use plimsoll::{HeapProfiler, Plimsoll, Sampling};
use std::process::ExitCode;

/// What is counted.
type Inner = tikv_jemallocator::Jemalloc;
const INNER: Inner = tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Plimsoll<Inner> = Plimsoll::new(INNER);

fn main() -> ExitCode {
    HeapProfiler::start(Sampling::every(2000)).unwrap();
    let others = sampled::of(&[counting::GROUPS, faults::GROUPS].concat());
    common::harness::main(&[&others, sampled::CASES])
}
