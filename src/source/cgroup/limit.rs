//! The lowest limit of the process's control group and those above it, and the file that says so.

use super::Version;
use super::locate::{Kinship, Location};
use crate::source::file::KernelFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// v1 says "no limit" by the largest multiple of a page; nothing near it is a limit.
const NO_LIMIT: u64 = 1 << 62;

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The process's own group's.
    Own,
    /// That of a group above it.
    Above,
    /// That of a group above what is mounted here: only v1 tells of it.
    OutOfSight,
    /// That of the nearest group in sight, which the process is not in.
    Elsewhere,
}

/// A limit in force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupLimit {
    pub(crate) bytes: u64,
    pub(crate) whose: Whose,
    /// The file that says so, for people to look at.
    pub(crate) file: Arc<str>,
    /// Whether the kernel slows allocations down there instead of refusing them (`memory.high`).
    pub(crate) throttles: bool,
    /// Which of the location's levels it belongs to.
    pub(crate) level: usize,
}

/// What the limit files said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::source) struct Lowest {
    pub(in crate::source) limit: Option<GroupLimit>,
    /// A file that is there and has never been read.
    pub(in crate::source) unreadable: Option<Arc<str>>,
}

/// Every file with a limit that counts for the process.
#[derive(Debug, Default)]
pub(in crate::source) struct GroupLimits(Vec<LimitFile>);

#[derive(Debug)]
struct LimitFile {
    path: PathBuf,
    shown: Arc<str>,
    kind: Kind,
    whose: Whose,
    level: usize,
    /// What it said when it could last be read.
    last: Option<Said>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Allocations fail or somebody is killed.
    Hard,
    /// Allocations wait.
    High,
    /// The lowest of all groups above, in v1's `memory.stat`.
    Hierarchical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Limit(u64),
    NoLimit,
}

impl GroupLimits {
    /// The files of `location` that are there, shown as they are named below `root`.
    pub(in crate::source) fn of(location: &Location, root: &Path) -> Self {
        let top = location.levels.len().saturating_sub(1);
        let levels = location.levels.iter().enumerate();
        let own_files = levels.flat_map(|(level, dir)| {
            files(location.version).iter().map(move |(name, kind)| (level, dir.join(name), *kind))
        });
        let above = hierarchical(location).map(|path| (top, path, Kind::Hierarchical));
        let there = own_files.chain(above).filter(|(_, path, _)| path.symlink_metadata().is_ok());
        let file = |(level, path, kind)| LimitFile::new(location, root, level, path, kind);
        GroupLimits(there.map(file).collect())
    }

    /// Reads them all. Allocates nothing; what cannot be read any more says what it said last.
    pub(in crate::source) fn read(&mut self) -> Lowest {
        let mut lowest = Lowest::default();
        for file in &mut self.0 {
            match file.read() {
                // Strictly lower: of equal limits the nearest to the process is named.
                Some(Said::Limit(bytes))
                    if lowest.limit.as_ref().is_none_or(|l| bytes < l.bytes) =>
                {
                    lowest.limit = Some(file.limit(bytes));
                }
                Some(_) => {}
                None => _ = lowest.unreadable.get_or_insert_with(|| file.shown.clone()),
            }
        }
        lowest
    }
}

fn files(version: Version) -> &'static [(&'static str, Kind)] {
    match version {
        Version::V1 => &[("memory.limit_in_bytes", Kind::Hard)],
        Version::V2 => &[("memory.max", Kind::Hard), ("memory.high", Kind::High)],
    }
}

/// Where v1 tells of limits above what is in sight. Of a group that the process is not in, they are no matter.
fn hierarchical(location: &Location) -> Option<PathBuf> {
    let tells = location.version == Version::V1 && location.is_ours();
    location.levels.first().filter(|_| tells).map(|own| own.join("memory.stat"))
}

impl LimitFile {
    fn new(location: &Location, root: &Path, level: usize, path: PathBuf, kind: Kind) -> Self {
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        let (whose, shown) = match (location.kinship, kind) {
            (_, Kind::Hierarchical) => {
                (Whose::OutOfSight, format!("hierarchical_memory_limit in /{name}"))
            }
            (Kinship::Elsewhere, _) => (Whose::Elsewhere, format!("/{name}")),
            (Kinship::Own, _) if level == 0 => (Whose::Own, format!("/{name}")),
            _ => (Whose::Above, format!("/{name}")),
        };
        LimitFile { path, shown: shown.into(), kind, whose, level, last: None }
    }

    /// Opened anew each time, so that a file that was replaced or closed to us is noticed.
    fn read(&mut self) -> Option<Said> {
        let file = KernelFile::open(&self.path);
        let said = match self.kind {
            Kind::Hierarchical => {
                file.and_then(|file| file.fields(["hierarchical_memory_limit"])).map(among)
            }
            Kind::Hard | Kind::High => file.and_then(|file| file.read(said)?),
        };
        self.last = said.or(self.last);
        self.last
    }

    fn limit(&self, bytes: u64) -> GroupLimit {
        let (whose, file, level) = (self.whose, self.shown.clone(), self.level);
        GroupLimit { bytes, whose, file, throttles: self.kind == Kind::High, level }
    }
}

/// `max`, a number that is no limit, a limit; `None` for anything else.
fn said(text: &str) -> Option<Said> {
    match text.trim() {
        "max" => Some(Said::NoLimit),
        number => number.parse().ok().map(meant),
    }
}

/// Old kernels do not have the line.
fn among([number]: [Option<u64>; 1]) -> Said {
    number.map_or(Said::NoLimit, meant)
}

fn meant(number: u64) -> Said {
    if number < NO_LIMIT { Said::Limit(number) } else { Said::NoLimit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_said_in_two_ways_and_garbage_is_neither() {
        assert_eq!(said("max\n"), Some(Said::NoLimit));
        assert_eq!(said("9223372036854771712\n"), Some(Said::NoLimit));
        assert_eq!(said("4611686018427387904\n"), Some(Said::NoLimit));
        assert_eq!(said("4611686018427387903\n"), Some(Said::Limit((1 << 62) - 1)));
        assert_eq!(said("536870912\n"), Some(Said::Limit(512 << 20)));
        assert_eq!(said("0\n"), Some(Said::Limit(0)));
        for garbage in ["", "\n", "maximum", "-1", "512M", "1 2"] {
            assert_eq!(said(garbage), None, "{garbage:?}");
        }
    }

    /// Two v2 levels, the file of the lower one as given.
    fn two_levels(own: &str) -> (tempfile::TempDir, GroupLimits) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let above = root.path().join("above");
        let own_dir = above.join("own");
        std::fs::create_dir_all(&own_dir).expect("a directory");
        std::fs::write(above.join("memory.max"), "2000000\n").expect("a file");
        std::fs::write(own_dir.join("memory.max"), own).expect("a file");
        let levels = vec![own_dir, above];
        let location = Location { version: Version::V2, kinship: Kinship::Own, levels };
        let limits = GroupLimits::of(&location, root.path());
        (root, limits)
    }

    fn lowest(limits: &mut GroupLimits) -> (u64, Whose, String) {
        let limit = limits.read().limit.expect("a limit");
        (limit.bytes, limit.whose, limit.file.to_string())
    }

    #[test]
    fn the_lowest_of_all_levels_is_named_by_its_file() {
        let (_root, mut limits) = two_levels("3000000\n");
        assert_eq!(lowest(&mut limits), (2_000_000, Whose::Above, "/above/memory.max".into()));
        let (_root, mut limits) = two_levels("2000000\n");
        assert_eq!(lowest(&mut limits), (2_000_000, Whose::Own, "/above/own/memory.max".into()));
    }

    #[test]
    fn a_file_that_cannot_be_read_any_more_keeps_its_last_limit() {
        let (root, mut limits) = two_levels("1000000\n");
        let own = root.path().join("above/own/memory.max");
        assert_eq!(lowest(&mut limits).0, 1_000_000);
        std::fs::write(&own, "1500000\n").expect("a file");
        assert_eq!(lowest(&mut limits).0, 1_500_000);
        std::fs::write(&own, "garbage").expect("a file");
        assert_eq!(lowest(&mut limits).0, 1_500_000);
        std::fs::remove_file(&own).expect("a file");
        assert_eq!(lowest(&mut limits).0, 1_500_000);
        assert_eq!(limits.read().unreadable, None, "it has been read once");
        std::fs::write(&own, "max\n").expect("a file");
        assert_eq!(lowest(&mut limits).1, Whose::Above);
    }

    #[test]
    fn a_file_that_was_never_read_is_named() {
        let (_root, mut limits) = two_levels("garbage");
        let lowest = limits.read();
        assert_eq!(lowest.unreadable.as_deref(), Some("/above/own/memory.max"));
        assert_eq!(lowest.limit.map(|limit| limit.bytes), Some(2_000_000));
    }
}
