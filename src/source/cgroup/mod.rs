//! What the kernel charges this process's control group with, and where it would stop: cgroup v2 or v1.
//!
//! ```text
//! mounts.rs    which hierarchies are mounted where, and which part of them
//! locate.rs    the process's group, and those above it, as directories
//! limit.rs     the lowest limit of them all
//! figures.rs   charge, parts and events of the group whose limit that is
//! kills.rs     whom the kernel has killed in them, for whoever comes after
//! ```

mod figures;
#[cfg(feature = "recorder")]
mod kills;
mod limit;
mod locate;
mod mounts;

pub(super) use figures::CgroupSource;
#[cfg(feature = "recorder")]
pub(crate) use kills::{KillCounters, KillGroup, KillsNow, MOST_GROUPS};
pub(super) use limit::GroupLimits;
pub(crate) use limit::{GroupLimit, Whose};
pub(super) use locate::Location;

/// The control group's figures, in bytes as charged by the kernel.
///
/// `None` is unknown; `limit` is `None` for no limit too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    pub(crate) charged: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) anon: Option<u64>,
    /// Page cache, `shmem` included.
    pub(crate) file: Option<u64>,
    pub(crate) kernel: Option<u64>,
    pub(crate) sock: Option<u64>,
    pub(crate) shmem: Option<u64>,
    pub(crate) swap: Option<u64>,
    /// The part of `kernel` that the kernel drops under pressure.
    pub(crate) slab_reclaimable: Option<u64>,
    /// The part of `file` that is mapped: code and data in use.
    pub(crate) file_mapped: Option<u64>,
    pub(crate) oom_kills: Option<u64>,
    pub(crate) limit_hits: Option<u64>,
}

/// Which interface a control group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}
