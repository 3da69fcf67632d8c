//! The memory contract in a test: what a piece of code allocates, keeps, and needs at its highest.
//!
//! ```
//! # #[global_allocator]
//! # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
//! use plimsoll::{assert_allocates_nothing, assert_peaks_below, assert_returns_to_start};
//!
//! let mut buffer = Vec::with_capacity(64);
//! assert_allocates_nothing(|| buffer.extend_from_slice(b"fits"));
//! assert_returns_to_start(|| drop(vec![0u8; 4096]));
//! assert_peaks_below(10_000, || vec![0u8; 4096].len());
//! ```
//!
//! One thread is measured exactly. Work that a closure hands to other threads is not seen by it: take
//! [`Region::process`] around both, with nothing else running.

use crate::counters::{self, Counts, Delta, ProcessPeak};
use crate::probe;
use std::marker::PhantomData;

/// A [`Region`] over the calling thread; it cannot be sent to another.
#[derive(Debug)]
pub struct ThisThread {
    /// Whether the start is the thread's own; where it has no slot (see `counters`), only the process has figures.
    has_slot: bool,
    stays: PhantomData<*const ()>,
}

/// A [`Region`] over all threads of the process.
#[derive(Debug)]
pub struct Process(ProcessPeak);

/// What is allocated and freed from here on, by one thread or by the process.
///
/// Exact for one thread; for the process, exact while no thread is inside the allocator. Source: the wrapper's own
/// counters, which stay at zero when [`Plimsoll`](crate::Plimsoll) is not the global allocator.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let region = plimsoll::Region::this_thread();
/// let kept = Box::new([0u8; 100]);
/// assert_eq!(region.delta().live_bytes, 100);
/// drop(kept);
/// assert_eq!(region.delta().live_bytes, 0);
/// ```
#[derive(Debug)]
pub struct Region<Scope> {
    start: Counts,
    scope: Scope,
}

impl Region<ThisThread> {
    /// Starts a region over what the calling thread allocates and frees.
    ///
    /// Frees on this thread of what others allocated count too, so the figures may be negative.
    pub fn this_thread() -> Self {
        let own = counters::thread_counts();
        let scope = ThisThread { has_slot: own.is_some(), stays: PhantomData };
        Region { start: own.unwrap_or_else(counters::counts), scope }
    }

    /// The change since the start. Its peak is `None`: [`measure`] has it.
    ///
    /// A thread that is being torn down has no counts of its own any more. A region that began before says zero then;
    /// one that begins then sees the whole process, as it does where no memory was left for the thread's counts.
    pub fn delta(&self) -> Delta {
        match (counters::thread_counts(), self.scope.has_slot) {
            (Some(now), true) => now - self.start,
            (None, false) => counters::counts() - self.start,
            _ => Delta::default(),
        }
    }
}

impl Region<Process> {
    /// Starts a region over what all threads allocate and free.
    pub fn process() -> Self {
        let scope = Process(ProcessPeak::begin());
        Region { start: counters::counts(), scope }
    }

    /// The change since the start, with the peak above it (exact to within 2 x [`BATCH`](crate::BATCH) bytes per
    /// thread; `None` when more than eight such regions are open at once).
    pub fn delta(&self) -> Delta {
        let mut delta = counters::counts() - self.start;
        let now = u64::try_from(delta.live_bytes).unwrap_or(0);
        delta.peak_live_bytes = self.scope.0.above_start().map(|peak| peak.max(now));
        delta
    }
}

/// Runs `work` and says what the calling thread allocated and freed meanwhile, with its exact peak.
///
/// The value is still alive when the delta is taken, so what it holds counts as live.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let (text, delta) = plimsoll::measure(|| "plimsoll".repeat(100));
/// assert_eq!((delta.live_objects, delta.live_bytes), (1, 800));
/// assert_eq!(delta.peak_live_bytes, Some(800));
/// # drop(text);
/// ```
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Delta) {
    let region = Region::this_thread();
    let (value, peak) = counters::peak_of_thread(work);
    let mut delta = region.delta();
    delta.peak_live_bytes = peak;
    (value, delta)
}

/// Fails unless `work` allocates nothing on the calling thread; passes its value on.
///
/// # Panics
/// When `work` allocated or reallocated, and when [`Plimsoll`](crate::Plimsoll) is not the global allocator, since
/// nothing would be measured then.
#[track_caller]
pub fn assert_allocates_nothing<T>(work: impl FnOnce() -> T) -> T {
    let (value, delta) = measured(work);
    assert!(
        delta.alloc_objects == 0 && delta.reallocs == 0,
        "allocated: {} objects, {} bytes, {} reallocations",
        delta.alloc_objects,
        delta.alloc_bytes,
        delta.reallocs
    );
    value
}

/// Fails unless the calling thread has as many live objects and bytes after `work` as before.
///
/// The value of `work` must hold nothing on the heap, or is returned and counted as kept.
///
/// # Panics
/// When something was kept, or more was freed than allocated, and when [`Plimsoll`](crate::Plimsoll) is not the
/// global allocator.
#[track_caller]
pub fn assert_returns_to_start<T>(work: impl FnOnce() -> T) -> T {
    let (value, delta) = measured(work);
    assert!(
        delta.live_objects == 0 && delta.live_bytes == 0,
        "did not return to its start: {:+} objects, {:+} bytes",
        delta.live_objects,
        delta.live_bytes
    );
    value
}

/// Fails unless the calling thread's live bytes stay less than `limit_bytes` above their start during `work`.
///
/// # Panics
/// When the peak reached `limit_bytes`, and when [`Plimsoll`](crate::Plimsoll) is not the global allocator.
#[track_caller]
pub fn assert_peaks_below<T>(limit_bytes: u64, work: impl FnOnce() -> T) -> T {
    let (value, delta) = measured(work);
    let peak = delta.peak_live_bytes;
    assert!(
        peak.is_some_and(|peak| peak < limit_bytes),
        "peaked at {} bytes above its start, not below {limit_bytes}",
        peak.map_or_else(|| "an unknown number of".into(), |peak| peak.to_string())
    );
    value
}

#[track_caller]
fn measured<T>(work: impl FnOnce() -> T) -> (T, Delta) {
    assert!(
        probe::is_installed(),
        "plimsoll::Plimsoll is not this program's #[global_allocator]: nothing is measured"
    );
    measure(work)
}
