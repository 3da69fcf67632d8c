//! The count over jemalloc, held against other judges' figures for the same process.
#![allow(unsafe_code, reason = "raw allocator calls are what is tested")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

#[path = "audit/bins.rs"]
mod bins;
#[path = "audit/bystanders.rs"]
mod bystanders;
mod common;

use plimsoll::Plimsoll;
use stats_alloc::StatsAlloc;
use std::process::ExitCode;

type Inner = tikv_jemallocator::Jemalloc;
type Below = StatsAlloc<Inner>;

static BELOW: Below = StatsAlloc::new(tikv_jemallocator::Jemalloc);

#[global_allocator]
static ABOVE: StatsAlloc<Plimsoll<&Below>> = StatsAlloc::new(Plimsoll::new(&BELOW));

fn main() -> ExitCode {
    common::harness::main(&[bystanders::CASES, bins::CASES])
}
