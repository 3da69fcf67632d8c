//! Plimsoll over jemalloc with its heap profile on: a sample every 512 KiB, as jemalloc's own has.

use plimsoll::{HeapProfiler, Plimsoll, Sampling};

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

fn main() {
    HeapProfiler::start(Sampling::every(512 << 10)).expect("plimsoll is the global allocator");
    peers::run();
}
