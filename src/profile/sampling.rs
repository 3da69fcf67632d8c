//! How often a sample is taken, and what keeps sites apart.

/// How the heap profile samples.
///
/// One sample is taken every `mean_bytes` of allocated bytes, on average and at random, so that an object's chance depends on
/// its size alone: 1 - exp(-size / mean). 512 KiB, the default, costs nothing that can be felt and shows what holds some
/// megabytes; a smaller mean shows less and costs more.
///
/// ```
/// use plimsoll::Sampling;
///
/// assert_eq!(Sampling::default(), Sampling::every(512 << 10));
/// assert!(Sampling::every(64 << 10).by_thread().is_by_thread());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    mean_bytes: u64,
    by_thread: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling::every(512 << 10)
    }
}

impl Sampling {
    /// One sample every `mean_bytes` on average.
    pub const fn every(mean_bytes: u64) -> Self {
        Sampling { mean_bytes, by_thread: false }
    }

    /// Keeps the same stack apart by the name of the thread that ran it.
    #[must_use]
    pub const fn by_thread(self) -> Self {
        Sampling { by_thread: true, ..self }
    }

    /// The mean, in bytes.
    pub const fn mean_bytes(self) -> u64 {
        self.mean_bytes
    }

    /// Whether threads are kept apart.
    pub const fn is_by_thread(self) -> bool {
        self.by_thread
    }
}
