//! Purges over jemalloc: each case has a process, and with it a jemalloc, of its own.
#![allow(
    unsafe_code,
    reason = "the shared harness, and variables that are set while nothing else runs"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

#[path = "purging/by_itself.rs"]
mod by_itself;
mod common;
#[path = "purging/load.rs"]
mod load;
#[path = "purging/on_call.rs"]
mod on_call;
#[path = "purging/options.rs"]
mod options;

use plimsoll::Plimsoll;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

fn main() -> ExitCode {
    common::harness::main(&[on_call::CASES, by_itself::CASES, options::CASES])
}
