//! One door to each outside world. Sources only read; what they read is joined in a snapshot.
//!
//! What cannot be read is `None`: no `/proc`, no cgroup, no jemalloc behind the counts.

mod allocator;
#[cfg(feature = "recorder")]
mod build_id;
mod cgroup;
mod file;
mod host;
// Where jemalloc can be built: the condition of its dependencies in Cargo.toml. Miri cannot run C code.
#[cfg_attr(
    any(
        not(feature = "jemalloc"),
        miri,
        target_env = "msvc",
        target_os = "fuchsia",
        target_os = "redox",
        target_family = "wasm"
    ),
    path = "no_jemalloc.rs"
)]
mod jemalloc;
mod limits;
#[cfg(feature = "recorder")]
mod origin;
mod process;
mod rlimit;
#[cfg(feature = "stats_alloc")]
mod stats_alloc;
mod thp;

pub(crate) use allocator::{AllocatorOptions, Arena, Pages};
#[cfg(feature = "recorder")]
pub(crate) use build_id::build_id;
pub(crate) use cgroup::{Cgroup, GroupLimit, Whose};
#[cfg(feature = "recorder")]
pub(crate) use cgroup::{KillCounters, KillGroup, KillsNow, MOST_GROUPS};
pub(crate) use host::Pressure;
pub(crate) use jemalloc::{
    JemallocArenas, JemallocBins, options, set_background_purge, set_dirty_decay,
};
pub(crate) use limits::Bounds;
#[cfg(feature = "recorder")]
pub(crate) use origin::{Origin, Presence};
pub(crate) use process::{Process, started as process_started};
#[cfg(feature = "stats_alloc")]
pub use stats_alloc::stats_alloc_counts;
pub(crate) use thp::{HugePages, Thp, anonymous_huge_bytes};

use crate::counters::{self, Counts};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What changes slowly or costs more (the cgroup's parts, pressure) is read at most this often.
const SLOW_EVERY: Duration = Duration::from_secs(1);

/// Limits are changed by people and orchestrators: read again at most this often.
pub(crate) const LIMITS_EVERY: Duration = Duration::from_secs(5);

/// jemalloc's figures as of the last epoch, in bytes. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Jemalloc {
    pub(crate) allocated: Option<u64>,
    pub(crate) active: Option<u64>,
    pub(crate) metadata: Option<u64>,
    pub(crate) resident: Option<u64>,
    pub(crate) mapped: Option<u64>,
    pub(crate) retained: Option<u64>,
    pub(crate) dirty: Option<u64>,
    pub(crate) muzzy: Option<u64>,
}

/// What jemalloc's bins and large extents hold, and what of it is no live object, as of one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) objects: u64,
    /// In size classes.
    pub(crate) bytes: u64,
    /// Threads that use jemalloc; the memory of each one's cache is one object.
    pub(crate) threads: u64,
    /// The bytes of these objects.
    pub(crate) thread_bytes: u64,
    /// Bytes in the caches of all threads.
    pub(crate) cached_bytes: u64,
    pub(crate) cached_objects_at_most: u64,
}

/// More than any jemalloc has small size classes: 36 with pages of 4 KiB, 52 with 64 KiB.
pub(crate) const SMALL_CLASSES: usize = 64;

/// The slots of one small size class, as of one epoch. All zero where there is no such class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotClass {
    /// Of a slot, in bytes.
    pub(crate) size: u64,
    /// Slots that slabs have room for.
    pub(crate) free: u64,
    /// Slots taken so far; grows only, as long as no arena is reset.
    pub(crate) taken_total: u64,
}

/// The slots of all small size classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) [SlotClass; SMALL_CLASSES]);

impl Default for Slots {
    fn default() -> Self {
        Slots([SlotClass::default(); SMALL_CLASSES])
    }
}

/// Everything read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Readings {
    pub(crate) counts: Option<Counts>,
    pub(crate) jemalloc: Jemalloc,
    pub(crate) process: Process,
    pub(crate) cgroup: Cgroup,
    pub(crate) pressure: Pressure,
}

/// What the kernel says of the process now, below `root`: for threads that have no [`Sources`].
pub(crate) fn read_process(root: &Path) -> Process {
    process::ProcessSource::open(root).read()
}

/// Where the counts come from.
#[derive(Clone)]
pub(crate) enum CountSource {
    /// The wrapper, when the probe finds it installed.
    Wrapper,
    /// What the user gave.
    Given(Arc<dyn Fn() -> Counts + Send + Sync>),
}

/// All sources, open.
pub(crate) struct Sources {
    root: PathBuf,
    /// The descriptors below belong to this process; a forked child opens its own.
    pid: u32,
    jemalloc: Option<jemalloc::JemallocSource>,
    slots: Option<jemalloc::JemallocSlots>,
    process: process::ProcessSource,
    limits: limits::LimitSource,
    bounds: Bounds,
    bounds_read: Option<Instant>,
    /// Of the level whose limit binds, or the process's own.
    cgroup: Option<cgroup::CgroupSource>,
    pressure: host::PressureSource,
    slow: Option<(Instant, Cgroup, Pressure)>,
    /// How often the process was moved to other groups, as far as was seen.
    moves: u64,
}

impl CountSource {
    /// The wrapper's counts, or the given ones; `None` when the wrapper is not installed.
    pub(crate) fn installed(self) -> Option<Self> {
        match self {
            CountSource::Wrapper => crate::probe::is_installed().then_some(CountSource::Wrapper),
            given @ CountSource::Given(_) => Some(given),
        }
    }

    /// The counts as they are now. Given ones are the user's code, to be called under no lock; `None` when it panics.
    pub(crate) fn read(&self) -> Option<Counts> {
        match self {
            CountSource::Wrapper => Some(counters::counts()),
            CountSource::Given(counts) => catch_unwind(AssertUnwindSafe(|| counts())).ok(),
        }
    }
}

impl Sources {
    /// Opens what there is below `root` (`/`, or a fixture).
    pub(crate) fn open(root: &Path) -> Self {
        let mut limits = limits::LimitSource::open(root);
        let bounds = limits.read();
        let cgroup = limits.figures(&bounds);
        let pressure = limits.pressure(&bounds);
        Sources {
            root: root.to_owned(),
            pid: std::process::id(),
            jemalloc: jemalloc::JemallocSource::open(),
            slots: jemalloc::JemallocSlots::open(),
            process: process::ProcessSource::open(root),
            limits,
            bounds,
            bounds_read: None,
            cgroup,
            pressure,
            slow: None,
            moves: 0,
        }
    }

    /// Whether jemalloc serves the heap and tells its figures.
    pub(crate) fn has_jemalloc(&self) -> bool {
        self.jemalloc.is_some()
    }

    /// What bounds the process, read again when the last reading is some seconds old. Allocates only for a change.
    pub(crate) fn bounds(&mut self, now: Instant) -> &Bounds {
        self.reopen_after_fork();
        let fresh = |read: Instant| now.saturating_duration_since(read) < LIMITS_EVERY;
        if !self.bounds_read.is_some_and(fresh) {
            self.bounds_read = Some(now);
            self.read_bounds();
        }
        &self.bounds
    }

    fn read_bounds(&mut self) {
        let moved = self.limits.follow();
        self.moves += u64::from(moved);
        let bounds = self.limits.read();
        if moved || self.limits.watched(&bounds) != self.limits.watched(&self.bounds) {
            self.cgroup = self.limits.figures(&bounds);
            self.pressure = self.limits.pressure(&bounds);
            self.slow = None;
        }
        self.bounds = bounds;
    }

    /// How often the process was moved to other groups, as far as was seen.
    #[cfg_attr(not(feature = "recorder"), allow(dead_code, reason = "only the recorder asks"))]
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// The control group's figures, all of this moment.
    pub(crate) fn cgroup_now(&self) -> Cgroup {
        let Some(source) = &self.cgroup else { return Cgroup::default() };
        Cgroup { charged: source.read_charged(), limit: self.group_limit(), ..source.read_parts() }
    }

    /// The machine's memory that is not to be had by anybody.
    pub(crate) fn machine_in_use(&self) -> Option<u64> {
        self.limits.machine_in_use()
    }

    /// That of a group which does not hold the process is no figure of ours.
    fn group_limit(&self) -> Option<u64> {
        let ours = self.bounds.group.as_ref().filter(|limit| limit.whose != Whose::Elsewhere);
        ours.map(|limit| limit.bytes)
    }

    /// Reads everything but the counts, allocating nothing. The limit is that of the last [`Sources::bounds`].
    pub(crate) fn read(&mut self, now: Instant) -> Readings {
        self.reopen_after_fork();
        let (cgroup, pressure) = self.slow(now);
        let charged = self.cgroup.as_ref().and_then(cgroup::CgroupSource::read_charged);
        Readings {
            jemalloc: self.jemalloc.as_ref().map(|source| source.read()).unwrap_or_default(),
            process: self.process.read(),
            cgroup: Cgroup { charged, limit: self.group_limit(), ..cgroup },
            pressure,
            counts: None,
        }
    }

    /// jemalloc's free slots, as of the last [`Sources::read`]: some microseconds, which a snapshot for a caller has no use for.
    pub(crate) fn read_slots(&self) -> Option<Slots> {
        self.slots.as_ref()?.read()
    }

    fn slow(&mut self, now: Instant) -> (Cgroup, Pressure) {
        if let Some((at, cgroup, pressure)) = self.slow
            && now.saturating_duration_since(at) < SLOW_EVERY
        {
            return (cgroup, pressure);
        }
        let cgroup = self.cgroup.as_ref().map(cgroup::CgroupSource::read_parts).unwrap_or_default();
        let pressure = self.pressure.read();
        self.slow = Some((now, cgroup, pressure));
        (cgroup, pressure)
    }

    /// `/proc/self` is resolved when a file is opened: a child's descriptors would go on telling of its parent.
    fn reopen_after_fork(&mut self) {
        if self.pid != std::process::id() {
            *self = Sources::open(&self.root);
        }
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("jemalloc", &self.has_jemalloc())
            .field("cgroup", &self.cgroup)
            .finish_non_exhaustive()
    }
}
