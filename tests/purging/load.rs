//! Unused pages to purge, and waiting with an end.

use plimsoll::{Event, Monitor};
use std::time::{Duration, Instant};

pub(crate) const MIB: u64 = 1 << 20;

/// A page: what is larger has pages beside it that are never touched, and gives back less than jemalloc counts.
const EACH: usize = 4096;

/// `bytes` of memory that was written to.
pub(crate) fn filled(bytes: u64) -> Vec<Vec<u8>> {
    (0..bytes as usize / EACH).map(|_| vec![1; EACH]).collect()
}

/// Has the calling thread's arena keep what is freed for as long as a test runs, whatever the machine's speed.
pub(crate) fn keep_unused_pages() {
    let arenas: u32 = read(b"arenas.narenas\0");
    for arena in 0..arenas {
        let name = format!("arena.{arena}.dirty_decay_ms\0");
        // SAFETY: the value is an `ssize_t`. An arena that was never used refuses it.
        let _ = unsafe { tikv_jemalloc_ctl::raw::write(name.as_bytes(), 3_600_000_isize) };
    }
}

/// One of jemalloc's values.
pub(crate) fn read<T: Copy>(name: &[u8]) -> T {
    // SAFETY: callers name a value of type `T`; jemalloc refuses another length.
    unsafe { tikv_jemalloc_ctl::raw::read(name) }.unwrap()
}

/// Leaves `bytes` in unused pages.
pub(crate) fn leave_unused(bytes: u64) {
    drop(filled(bytes));
}

/// Waits until `met` gives something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut met: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(45);
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < give_up, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The events of that type so far, as JSON.
pub(crate) fn events(monitor: &Monitor, event_type: &str) -> Vec<serde_json::Value> {
    let is_it = |event: &Event| event.kind.event_type() == event_type;
    let json = |event| serde_json::to_value(event).unwrap();
    monitor.events().into_iter().filter(is_it).map(json).collect()
}

/// Ticks so far.
pub(crate) fn ticks(monitor: &Monitor) -> u64 {
    monitor.metrics().profiler.total_snapshots_taken
}
