//! Where the process's memory control group is: its directory, and those of the groups above it that are in sight.

use super::mounts::Mount;
use super::{CgroupSource, Version};
use std::path::{Component, Path, PathBuf};

/// How the groups that were found stand to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kinship {
    /// The process's own group lies outside of what is mounted; these are what its container shows.
    Elsewhere,
    /// Groups above the process's own, which is not in sight or accounts no memory of its own.
    Above,
    /// The first is the process's own.
    Own,
}

/// The groups that account the process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(super) version: Version,
    pub(super) kinship: Kinship,
    /// Directories with memory files, from the process's own group up to the top of the mount; never empty.
    pub(super) levels: Vec<PathBuf>,
}

impl Location {
    /// Looks in `/proc/self/cgroup` and `/proc/self/mountinfo` below `root` (`/`, or a fixture).
    ///
    /// Hybrid machines mount a v2 tree without the memory controller beside v1's: a v1 line with `memory` goes first,
    /// and a directory counts only when it has memory files.
    pub(in crate::source) fn find(root: &Path) -> Option<Self> {
        // One name that is not UTF-8, anywhere on the machine, must not hide the limit.
        let read = |path| {
            Some(String::from_utf8_lossy(&std::fs::read(root.join(path)).ok()?).into_owned())
        };
        let groups = read("proc/self/cgroup")?;
        let mounts = Mount::all(&read("proc/self/mountinfo")?);
        let v1 = || locate(root, Version::V1, v1_path(&groups)?, &mounts);
        let v2 = || locate(root, Version::V2, v2_path(&groups)?, &mounts);
        v1().or_else(v2)
    }

    /// The directory of a level, or of the process's own group.
    pub(in crate::source) fn level(&self, level: usize) -> Option<&Path> {
        self.levels.get(level).map(PathBuf::as_path)
    }

    /// The figures of one of the levels, opened. `throttles`: the limit in force is `memory.high`.
    pub(in crate::source) fn figures(&self, level: &Path, throttles: bool) -> CgroupSource {
        CgroupSource::open(self.version, level, throttles)
    }

    /// Whether the process's memory is charged to these groups.
    pub(in crate::source) fn is_ours(&self) -> bool {
        self.kinship != Kinship::Elsewhere
    }
}

/// Of several mounts, the one that shows the process's own group and most of those above it; of equals the last, which
/// hides the others when it lies over them.
fn locate(root: &Path, version: Version, group: &str, mounts: &[Mount]) -> Option<Location> {
    let mounts = mounts.iter().filter(|mount| mount.version == version);
    let views = mounts.filter_map(|mount| view(root, mount, Path::new(group)));
    views.max_by_key(|view| (view.kinship, view.levels.len()))
}

/// What `mount` shows of `group` and of the groups above it; `None` for no memory files at all.
fn view(root: &Path, mount: &Mount, group: &Path) -> Option<Location> {
    let version = mount.version;
    let top = root.join(mount.point.trim_start_matches('/'));
    let (own, kinship) = match below(group, Path::new(&mount.root)) {
        Below::Path(path) => (top.join(path), Kinship::Own),
        Below::Hidden => (top.clone(), Kinship::Above),
        Below::Outside => (top.clone(), Kinship::Elsewhere),
    };
    let in_sight = own.ancestors().take_while(|dir| dir.starts_with(&top));
    let levels: Vec<_> =
        in_sight.filter(|dir| has_memory(version, dir)).map(Path::to_owned).collect();
    let is_own = *levels.first()? == own;
    let kinship = if is_own { kinship } else { kinship.min(Kinship::Above) };
    Some(Location { version, kinship, levels })
}

/// Where a group lies, seen from the group at a mount's point.
#[derive(Debug, PartialEq, Eq)]
enum Below<'a> {
    /// There, by this path.
    Path(&'a Path),
    /// Below it, by a path that is not known: the mount was made outside of our cgroup namespace.
    Hidden,
    /// Not below it.
    Outside,
}

/// Both paths may begin with `..`: they are told from the root of our cgroup namespace, and may lie outside of it.
fn below<'a>(group: &'a Path, mounted: &Path) -> Below<'a> {
    let is_up = |component: &Component| *component == Component::ParentDir;
    if let Ok(path) = group.strip_prefix(mounted) {
        let outside = path.components().any(|component| is_up(&component));
        return if outside { Below::Outside } else { Below::Path(path) };
    }
    let shared = group.components().zip(mounted.components()).take_while(|(a, b)| a == b).count();
    match mounted.components().skip(shared).all(|component| is_up(&component)) {
        true => Below::Hidden,
        false => Below::Outside,
    }
}

/// v2's topmost group has no such files, nor has one whose memory is accounted further up.
fn has_memory(version: Version, dir: &Path) -> bool {
    let names = match version {
        Version::V1 => ["memory.limit_in_bytes", "memory.usage_in_bytes"],
        Version::V2 => ["memory.max", "memory.current"],
    };
    names.iter().any(|name| dir.join(name).symlink_metadata().is_ok())
}

fn v2_path(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

fn v1_path(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|controller| controller == "memory").then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "9:name=systemd:/\n4:memory:/api/one\n3:cpuset:/\n0::/\n";

    #[test]
    fn a_v1_memory_controller_is_found_beside_a_v2_tree() {
        assert_eq!(v1_path(HYBRID), Some("/api/one"));
        assert_eq!(v2_path(HYBRID), Some("/"));
        assert_eq!(v1_path("0::/user.slice\n"), None);
        assert_eq!(v1_path("7:cpu,memory:/both\n"), Some("/both"));
        assert_eq!(v1_path("7:memory:/a:b\n"), Some("/a:b"), "a colon in a name");
        assert_eq!(v1_path("7:name=memory:/no\n"), None, "a hierarchy of that name");
        assert_eq!(v1_path("garbage"), None);
    }

    #[test]
    fn a_group_is_seen_from_the_group_at_the_mount() {
        let seen = |group, mounted| below(Path::new(group), Path::new(mounted));
        let at = |path| Below::Path(Path::new(path));
        assert_eq!(seen("/a/b", "/"), at("a/b"));
        assert_eq!(seen("/docker/abc", "/docker/abc"), at(""));
        assert_eq!(seen("/docker/abc/x", "/docker/abc"), at("x"));
        assert_eq!(seen("/docker/abcd", "/docker/abc"), Below::Outside, "a longer name");
        assert_eq!(seen("/", "/"), at(""));
        assert_eq!(seen("/../other", "/"), Below::Outside);
        assert_eq!(seen("/../../test", "/../.."), at("test"), "both outside of the namespace");
        assert_eq!(seen("/", "/.."), Below::Hidden);
        assert_eq!(seen("/inner", "/../.."), Below::Hidden);
        assert_eq!(seen("/../a", "/../.."), Below::Hidden);
        assert_eq!(seen("/a", "/b"), Below::Outside);
    }

    /// A tree of files with what the kernel would show.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn a_mount_point_that_is_not_utf_8_hides_no_limit() {
        let root =
            tree(&[("proc/self/cgroup", "0::/app\n"), ("sys/fs/cgroup/app/memory.max", "max\n")]);
        let mounts = b"30 1 8:1 / /mnt/caf\xe9 rw - ext4 /dev/sda1 rw\n\
                       31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        std::fs::write(root.path().join("proc/self/mountinfo"), mounts).expect("a file");
        let location = Location::find(root.path()).expect("a location");
        assert_eq!(location.levels, [root.path().join("sys/fs/cgroup/app")]);
    }

    /// As systemd names units; here, since such names cannot be checked out everywhere.
    #[test]
    #[cfg(unix)]
    fn a_backslash_in_a_name_is_escaped_in_mountinfo_only() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/my\\x2dapp.service/x\n"),
            (
                "proc/self/mountinfo",
                "31 23 0:28 /my\\134x2dapp.service /cg rw - cgroup2 cgroup2 rw\n",
            ),
            ("cg/memory.max", "max\n"),
            ("cg/x/memory.max", "max\n"),
        ]);
        let location = Location::find(root.path()).expect("a location");
        assert_eq!(location.levels, [root.path().join("cg/x"), root.path().join("cg")]);
        assert_eq!((location.kinship, location.is_ours()), (Kinship::Own, true));
    }

    #[test]
    fn a_v2_tree_without_memory_files_is_no_location() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/\n"),
            (
                "proc/self/mountinfo",
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/unified/cgroup.procs", "1\n"),
        ]);
        assert_eq!(Location::find(root.path()), None);
    }
}
