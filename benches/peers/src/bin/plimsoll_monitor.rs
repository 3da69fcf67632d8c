//! Plimsoll over jemalloc, with the monitor taking a snapshot every second: thirty times as often as by default.

use plimsoll::{Budget, Monitor, Plimsoll};
use std::time::Duration;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

fn main() {
    // The workloads stay far below it, so that the monitor watches and does not act.
    let budget = Budget::Bytes(1 << 30);
    let monitor = Monitor::builder().budget(budget).interval(Duration::from_secs(1)).start();
    let _monitor = monitor.expect("the monitor starts with a budget of 1 GiB");
    peers::run();
}
