//! `HeapProfiler`: starts and stops the sampling of the whole process, and reads what it has found.

use super::heap::HeapProfile;
use super::mapping;
use super::sampling::Sampling;
use crate::error::Error;
use crate::probe::is_installed;
use crate::sampler;
use crate::snapshot::Moment;

/// The sampling heap profile of this process: what is live, by the place that allocated it.
///
/// There is one, for it belongs to the global allocator. It can be started, stopped and read at any time and from any thread.
/// What was allocated while it did not run is in no profile; what was sampled while it ran stays in it, and goes when it is
/// freed, even after a stop.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// use plimsoll::{HeapProfiler, Sampling};
///
/// HeapProfiler::start(Sampling::every(64 << 10))?;
/// let kept: Vec<_> = (0..64).map(|_| vec![1u8; 256 << 10]).collect();
/// let profile = HeapProfiler::read();
/// HeapProfiler::stop();
/// // 16 MiB, give or take what the interval says.
/// assert!(profile.live_bytes.value > (12 << 20) as f64, "{:?}", profile.live_bytes);
/// # drop(kept);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapProfiler;

impl HeapProfiler {
    /// Samples from now on; a profiler that runs already goes on as `sampling` says.
    ///
    /// # Errors
    /// For a mean that makes no sense, and when [`Plimsoll`](crate::Plimsoll) is not the global allocator.
    pub fn start(sampling: Sampling) -> Result<(), Error> {
        let mean = sampling.mean_bytes();
        if mean == 0 {
            return Err(Error::setting(
                "heap_profile",
                mean,
                "at least 1 byte between two samples",
            ));
        }
        if !is_installed() {
            let expected = "off: plimsoll::Plimsoll is not the global allocator";
            return Err(Error::setting("heap_profile", "on", expected));
        }
        sampler::start(mean, sampling.is_by_thread())
    }

    /// Takes no more samples. Those that were taken stay until their objects are freed.
    pub fn stop() {
        sampler::stop();
    }

    /// Whether samples are taken.
    pub fn is_running() -> bool {
        sampler::is_running()
    }

    /// What is live now, and what was allocated, by site: addresses, and where to find their names.
    ///
    /// [`HeapProfile::with_symbols`] names them in this process.
    pub fn read() -> HeapProfile {
        // Before anything of our own is allocated.
        let reading = sampler::read();
        HeapProfile::of(&reading, mapping::read(), Moment::now())
    }
}
