//! What bounds the process from outside: its control groups' limits, its own, and the machine's memory.

use super::cgroup::{CgroupSource, GroupLimit, GroupLimits, Location};
use super::file::KernelFile;
use super::host::{HostSource, PressureSource};
use super::rlimit::RlimitSource;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every bound that was found, in bytes. `None` is no limit, and unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) group: Option<GroupLimit>,
    /// `RLIMIT_AS`.
    pub(crate) address_space: Option<u64>,
    /// `RLIMIT_DATA`.
    pub(crate) data: Option<u64>,
    /// The machine's memory.
    pub(crate) ram: Option<u64>,
    /// A control group's limit file that is there and cannot be read.
    pub(crate) unreadable: Option<Arc<str>>,
}

/// Where the bounds are read.
#[derive(Debug)]
pub(super) struct LimitSource {
    root: PathBuf,
    groups_file: PathBuf,
    /// `/proc/self/cgroup` as it was when the groups were looked for.
    groups: Option<String>,
    location: Option<Location>,
    group_limits: GroupLimits,
    rlimits: RlimitSource,
    host: HostSource,
}

impl LimitSource {
    /// Looks for everything below `root`.
    pub(super) fn open(root: &Path) -> Self {
        let groups_file = root.join("proc/self/cgroup");
        let groups = KernelFile::open(&groups_file).and_then(|file| file.read(str::to_owned));
        let location = Location::find(root);
        let group_limits = location.as_ref().map(|found| GroupLimits::of(found, root));
        LimitSource {
            root: root.to_owned(),
            groups_file,
            groups,
            location,
            group_limits: group_limits.unwrap_or_default(),
            rlimits: RlimitSource::new(root),
            host: HostSource::new(root),
        }
    }

    /// Looks for the groups anew when the process has been moved to others; says whether it was.
    pub(super) fn follow(&mut self) -> bool {
        let same = |text: &str| self.groups.as_deref() == Some(text);
        // What cannot be read tells of no move.
        let stayed = KernelFile::open(&self.groups_file).and_then(|file| file.read(same));
        let moved = stayed == Some(false);
        if moved {
            *self = LimitSource::open(&self.root);
        }
        moved
    }

    /// Reads all bounds.
    pub(super) fn read(&mut self) -> Bounds {
        let (group, rlimits) = (self.group_limits.read(), self.rlimits.read());
        Bounds {
            group: group.limit,
            address_space: rlimits.address_space,
            data: rlimits.data,
            ram: self.host.memory_total(),
            unreadable: group.unreadable,
        }
    }

    /// The group whose limit binds, or the process's own; and whether that limit throttles.
    pub(super) fn watched(&self, bounds: &Bounds) -> Option<(&Path, bool)> {
        let location = self.location.as_ref().filter(|found| found.is_ours())?;
        let (level, throttles) =
            bounds.group.as_ref().map_or((0, false), |l| (l.level, l.throttles));
        Some((location.level(level)?, throttles))
    }

    /// That group's figures, opened.
    pub(super) fn figures(&self, bounds: &Bounds) -> Option<CgroupSource> {
        let (dir, throttles) = self.watched(bounds)?;
        Some(self.location.as_ref()?.figures(dir, throttles))
    }

    /// How much work waits for that group's memory.
    pub(super) fn pressure(&self, bounds: &Bounds) -> PressureSource {
        PressureSource::open(&self.root, self.watched(bounds).map(|(dir, _)| dir))
    }

    /// The machine's memory that is not to be had by anybody.
    pub(super) fn machine_in_use(&self) -> Option<u64> {
        self.host.memory_in_use()
    }
}
