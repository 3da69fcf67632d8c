//! What the sampler holds at one moment, as plain data: the samples, and the sites they were taken at.

/// Everything that the sampler knows at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Whether samples are taken now.
    pub(crate) is_running: bool,
    /// Mean bytes between two samples that is in force, or was when sampling stopped; 0 before the first start.
    pub(crate) mean_bytes: u64,
    /// The sites that were ever sampled.
    pub(crate) sites: Vec<RawSite>,
    /// The sampled objects that are live.
    pub(crate) samples: Vec<RawSample>,
    /// Objects that were due and are not in the profile.
    pub(crate) lost: Lost,
}

/// One place in the program: a stack, and what labels it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawSite {
    /// Return addresses, the innermost first; frames of the allocator itself are left out.
    pub(crate) frames: Vec<usize>,
    /// Whether there were more frames than are kept.
    pub(crate) is_cut: bool,
    /// The tag in force.
    pub(crate) tag: Option<&'static str>,
    /// The thread's name, where sites are kept apart by it.
    pub(crate) thread: Option<String>,
    /// Samples taken here so far, whether or not their objects are live.
    pub(crate) samples: u64,
    /// Objects allocated here while sampling ran: an unbiased estimate, the sum of 1 / p over the samples.
    pub(crate) allocated_objects: f64,
    /// Bytes allocated here (growth by `realloc` too) while sampling ran: an unbiased estimate.
    pub(crate) allocated_bytes: f64,
    /// The variance of `allocated_objects`, estimated without bias.
    pub(crate) allocated_objects_variance: f64,
    /// The variance of `allocated_bytes`, estimated without bias.
    pub(crate) allocated_bytes_variance: f64,
}

/// One sampled object that is live.
///
/// An object of `s` bytes is in the sample with the chance p = 1 - exp(-s / mean), whatever its history: growth may bring
/// it in, shrinking may drop it (it is thinned out by the ratio of the chances).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawSample {
    /// The index of its site in [`Reading::sites`].
    pub(crate) site: u32,
    /// Its size now, as asked for, in bytes.
    pub(crate) size: u64,
    /// The mean that was in force when it was sampled.
    pub(crate) mean_bytes: u64,
}

/// Objects that were due for a sample and are not in the profile, by reason. Totals that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The table of live samples had no room.
    pub(crate) table_full: u64,
    /// The table of sites had no room.
    pub(crate) sites_full: u64,
    /// The inner allocator refused the page-aligned request; the object was given out as it was.
    pub(crate) refused: u64,
    /// The thread was inside the sampler already: a signal handler, or the unwinder's own needs.
    pub(crate) busy: u64,
}
