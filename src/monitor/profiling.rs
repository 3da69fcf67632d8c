//! The heap profile as the settings ask for it.

use super::settings::HeapSampling;
use crate::error::Error;
use crate::profile::{HeapProfiler, Sampling};

impl super::Builder {
    /// Samples where the heap's bytes come from, while the monitor runs and after it: the profiler belongs to the process, and
    /// goes on until [`HeapProfiler::stop`]. `PLIMSOLL_HEAP_PROFILE` (`on`, `64KiB`, `512KiB by_thread`, `off`); left as it
    /// is unless given.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// use plimsoll::{HeapProfiler, Monitor, Sampling};
    ///
    /// let budget = "64MiB".parse()?;
    /// let monitor = Monitor::builder().budget(budget).heap_profile(Sampling::default()).start()?;
    /// assert!(HeapProfiler::is_running());
    /// # drop(monitor);
    /// # HeapProfiler::stop();
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn heap_profile(mut self, sampling: Sampling) -> Self {
        let (mean_bytes, by_thread) = (sampling.mean_bytes(), sampling.is_by_thread());
        self.given.heap_profile = Some(Some(HeapSampling { mean_bytes, by_thread }));
        self
    }
}

/// Samples as `wanted`, or not.
///
/// # Errors
/// As [`HeapProfiler::start`].
pub(super) fn apply(wanted: Option<HeapSampling>) -> Result<(), Error> {
    let Some(HeapSampling { mean_bytes, by_thread }) = wanted else {
        HeapProfiler::stop();
        return Ok(());
    };
    let sampling = Sampling::every(mean_bytes);
    HeapProfiler::start(if by_thread { sampling.by_thread() } else { sampling })
}
