//! What the kernel charges this process's control group with, and where it would stop: cgroup v2 or v1.
//!
//! Hybrid machines mount a v2 tree without the memory controller beside v1's: the controller is where
//! `/proc/self/cgroup` says, and a v2 directory counts only when it has memory files.

use super::file::KernelFile;
use std::path::{Path, PathBuf};

/// v1 says "no limit" by the largest multiple of a page; nothing near it is a limit.
const NO_LIMIT: u64 = 1 << 62;

/// The control group's figures, in bytes as charged by the kernel. `None` is unknown; `limit` is `None` for no limit too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    pub(crate) charged: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) anon: Option<u64>,
    pub(crate) file: Option<u64>,
    pub(crate) kernel: Option<u64>,
    pub(crate) sock: Option<u64>,
    pub(crate) shmem: Option<u64>,
    pub(crate) swap: Option<u64>,
    /// The part of `kernel` that the kernel drops under pressure.
    pub(crate) slab_reclaimable: Option<u64>,
    pub(crate) oom_kills: Option<u64>,
    pub(crate) limit_hits: Option<u64>,
}

/// Which interface a control group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// Where the process's memory control group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) version: Version,
    pub(crate) dir: PathBuf,
}

impl Location {
    /// Looks in `/proc/self/cgroup` and `/proc/self/mountinfo` below `root` (`/`, or a fixture).
    pub(crate) fn find(root: &Path) -> Option<Self> {
        // One name that is not UTF-8, anywhere on the machine, must not hide the limit.
        let read = |path| {
            Some(String::from_utf8_lossy(&std::fs::read(root.join(path)).ok()?).into_owned())
        };
        let groups = read("proc/self/cgroup")?;
        let mounts = read("proc/self/mountinfo")?;
        let v1 = || locate(root, Version::V1, v1_path(&groups)?, &mounts);
        let v2 = || locate(root, Version::V2, v2_path(&groups)?, &mounts);
        v1().or_else(v2)
    }

    /// The limit as it is now; `None` for no limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        KernelFile::open(&self.limit_file())?.read(limit)?
    }

    /// The file that holds the limit, for people to look at.
    pub(crate) fn limit_file(&self) -> PathBuf {
        self.dir.join(match self.version {
            Version::V1 => "memory.limit_in_bytes",
            Version::V2 => "memory.max",
        })
    }
}

fn locate(root: &Path, version: Version, group: &str, mounts: &str) -> Option<Location> {
    let mount = mounts.lines().filter_map(Mount::parse).find(|mount| mount.carries(version))?;
    // Inside a container the mount may show only a part of the tree, or `group` may lie outside of it.
    let below = group.strip_prefix(mount.root).unwrap_or(group).trim_start_matches('/');
    let top = root.join(mount.point.trim_start_matches('/'));
    [top.join(below), top]
        .into_iter()
        .map(|dir| Location { version, dir })
        .find(|location| location.limit_file().exists())
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

/// One line of `mountinfo`: `31 23 0:28 /root /point options - type source superoptions`.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    super_options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut filesystem = filesystem.split(' ');
        Some(Mount {
            root: mount.next()?,
            point: mount.next()?,
            kind: filesystem.next()?,
            super_options: filesystem.nth(1)?,
        })
    }

    fn carries(&self, version: Version) -> bool {
        match version {
            Version::V1 => {
                self.kind == "cgroup" && self.super_options.split(',').any(|o| o == "memory")
            }
            Version::V2 => self.kind == "cgroup2",
        }
    }
}

/// The files of one control group, kept open.
#[derive(Debug)]
pub(super) struct CgroupSource {
    version: Version,
    charged: Option<KernelFile>,
    limit: Option<KernelFile>,
    stat: Option<KernelFile>,
    oom: Option<KernelFile>,
    limit_hits: Option<KernelFile>,
}

impl CgroupSource {
    pub(super) fn open(location: &Location) -> Self {
        let open = |name| KernelFile::open(&location.dir.join(name));
        let [charged, oom, limit_hits] = match location.version {
            Version::V1 => ["memory.usage_in_bytes", "memory.oom_control", "memory.failcnt"],
            Version::V2 => ["memory.current", "memory.events", "memory.events"],
        };
        CgroupSource {
            version: location.version,
            charged: open(charged),
            limit: KernelFile::open(&location.limit_file()),
            stat: open("memory.stat"),
            oom: open(oom),
            limit_hits: open(limit_hits),
        }
    }

    /// What is charged now, and nothing else: under a microsecond.
    pub(super) fn read_charged(&self) -> Option<u64> {
        read(self.charged.as_ref(), number)
    }

    /// Everything but the charge.
    pub(super) fn read_parts(&self) -> Cgroup {
        let limit = read(self.limit.as_ref(), limit);
        let oom_kills = self.oom.as_ref().and_then(|file| file.field("oom_kill"));
        let found = self.stat.as_ref().and_then(|file| file.fields(keys(self.version)));
        let limit_hits = match self.version {
            Version::V1 => read(self.limit_hits.as_ref(), number),
            Version::V2 => self.limit_hits.as_ref().and_then(|file| file.field("max")),
        };
        Cgroup { limit, oom_kills, limit_hits, ..found.map(parts).unwrap_or_default() }
    }
}

fn read<T>(file: Option<&KernelFile>, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    file?.read(parse)?
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `max` and v1's sentinel are no limit.
fn limit(text: &str) -> Option<u64> {
    number(text).filter(|limit| *limit < NO_LIMIT)
}

/// What `memory.stat` calls anonymous, file-backed, kernel and socket memory.
fn keys(version: Version) -> [&'static str; 4] {
    match version {
        Version::V1 => ["total_rss", "total_cache", "kernel", "sock"],
        Version::V2 => ["anon", "file", "kernel", "sock"],
    }
}

/// In the order of `keys`.
fn parts([anon, file, kernel, sock]: [Option<u64>; 4]) -> Cgroup {
    Cgroup { anon, file, kernel, sock, ..Cgroup::default() }
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
        assert_eq!(v1_path("garbage"), None);
    }

    #[test]
    fn a_mount_line_says_what_it_carries() {
        let line =
            "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory";
        let mount = Mount::parse(line).expect("a mount line");
        assert_eq!((mount.root, mount.point), ("/", "/sys/fs/cgroup/memory"));
        assert!(mount.carries(Version::V1) && !mount.carries(Version::V2));
        assert!(Mount::parse("35 31 0:32 /").is_none());
    }

    #[test]
    fn no_limit_is_said_in_three_ways() {
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("unreadable"), None);
        assert_eq!(limit("536870912\n"), Some(512 << 20));
        assert_eq!(limit("0\n"), Some(0));
    }

    #[test]
    fn parts_of_both_versions() {
        let parts = |version, stat| parts(crate::source::file::fields(stat, keys(version)));
        let v2 = parts(Version::V2, "anon 10\nfile 20\nkernel 30\nsock 40\n");
        assert_eq!(
            [v2.anon, v2.file, v2.kernel, v2.sock],
            [Some(10), Some(20), Some(30), Some(40)]
        );
        let v1 = parts(Version::V1, "cache 1\nrss 2\ntotal_cache 20\ntotal_rss 10\n");
        assert_eq!([v1.anon, v1.file, v1.kernel, v1.sock], [Some(10), Some(20), None, None]);
    }

    #[test]
    fn a_mount_point_that_is_not_utf_8_hides_no_limit() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/app\n"),
            ("sys/fs/cgroup/app/memory.max", "1000000\n"),
        ]);
        let mounts = b"30 1 8:1 / /mnt/caf\xe9 rw - ext4 /dev/sda1 rw\n\
                       31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        std::fs::write(root.path().join("proc/self/mountinfo"), mounts).expect("a file");
        assert_eq!(Location::find(root.path()).and_then(|found| found.limit()), Some(1_000_000));
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
    fn a_v2_group_is_read_whole() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/app\n"),
            ("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            ("sys/fs/cgroup/app/memory.max", "1000000\n"),
            ("sys/fs/cgroup/app/memory.current", "700000\n"),
            ("sys/fs/cgroup/app/memory.stat", "anon 500000\nfile 150000\nkernel 50000\n"),
            ("sys/fs/cgroup/app/memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n"),
        ]);
        let location = Location::find(root.path()).expect("a location");
        assert_eq!(location.version, Version::V2);
        let source = CgroupSource::open(&location);
        assert_eq!(source.read_charged(), Some(700_000));
        let cgroup = source.read_parts();
        assert_eq!(cgroup.limit, Some(1_000_000));
        assert_eq!(
            (cgroup.anon, cgroup.oom_kills, cgroup.limit_hits),
            (Some(500_000), Some(1), Some(12))
        );
        assert_eq!(cgroup.sock, None);
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

    #[test]
    fn a_container_sees_its_group_at_the_top_of_the_mount() {
        let root = tree(&[
            ("proc/self/cgroup", "4:memory:/docker/abc\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 /docker/abc /cg/memory rw - cgroup cgroup rw,memory\n",
            ),
            ("cg/memory/memory.limit_in_bytes", "268435456\n"),
        ]);
        let location = Location::find(root.path()).expect("a location");
        assert_eq!(location.dir, root.path().join("cg/memory"));
        assert_eq!(CgroupSource::open(&location).read_parts().limit, Some(256 << 20));
    }
}
