//! The count over the system's allocator, held against other judges' figures for the same process.
#![allow(unsafe_code, reason = "raw allocator calls are what is tested")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

#[path = "audit/bystanders.rs"]
mod bystanders;
mod common;
#[path = "audit/not_jemallocs.rs"]
mod not_jemallocs;

use plimsoll::Plimsoll;
use stats_alloc::StatsAlloc;
use std::process::ExitCode;

type Inner = std::alloc::System;
type Below = StatsAlloc<Inner>;

static BELOW: Below = StatsAlloc::new(std::alloc::System);

#[global_allocator]
static ABOVE: StatsAlloc<Plimsoll<&Below>> = StatsAlloc::new(Plimsoll::new(&BELOW));

fn main() -> ExitCode {
    common::harness::main(&[bystanders::CASES, not_jemallocs::CASES])
}
