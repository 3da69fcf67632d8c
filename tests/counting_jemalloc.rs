//! The counting suite over jemalloc.
#![allow(
    unsafe_code,
    reason = "raw allocator calls, C threads, fork and signals are what is tested"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

mod common;
mod counting;

use plimsoll::Plimsoll;
use std::process::ExitCode;

/// What is counted.
type Inner = tikv_jemallocator::Jemalloc;
const INNER: Inner = tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOC: Plimsoll<Inner> = Plimsoll::new(INNER);

fn main() -> ExitCode {
    common::harness::main(counting::GROUPS)
}
