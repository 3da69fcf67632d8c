//! Charge, parts and events of one control group, through files that are kept open.

use super::{Cgroup, Version};
use crate::source::file::KernelFile;
use std::path::Path;

/// The files of one control group.
#[derive(Debug)]
pub(in crate::source) struct CgroupSource {
    version: Version,
    /// Which of the group's limits is counted as hit.
    throttles: bool,
    charged: Option<KernelFile>,
    stat: Option<KernelFile>,
    swap: Option<KernelFile>,
    events: Option<KernelFile>,
    hits: Option<KernelFile>,
}

impl CgroupSource {
    /// Opens what there is in `dir`. `throttles`: the limit in force is `memory.high`.
    pub(super) fn open(version: Version, dir: &Path, throttles: bool) -> Self {
        let open = |name| KernelFile::open(&dir.join(name));
        let (charged, swap, events, hits) = match version {
            Version::V1 => {
                let hits = open("memory.failcnt");
                (open("memory.usage_in_bytes"), None, open("memory.oom_control"), hits)
            }
            Version::V2 => {
                let swap = open("memory.swap.current");
                (open("memory.current"), swap, open("memory.events"), None)
            }
        };
        CgroupSource { version, throttles, charged, stat: open("memory.stat"), swap, events, hits }
    }

    /// What is charged now, and nothing else: under a microsecond.
    pub(in crate::source) fn read_charged(&self) -> Option<u64> {
        read(self.charged.as_ref())
    }

    /// Everything but the charge and the limit.
    pub(in crate::source) fn read_parts(&self) -> Cgroup {
        let found = self.stat.as_ref().and_then(|file| file.fields(keys(self.version)));
        let found = found.map(parts).unwrap_or_default();
        let (oom_kills, limit_hits) = self.read_events();
        Cgroup {
            swap: found.swap.or_else(|| read(self.swap.as_ref())),
            oom_kills,
            limit_hits,
            ..found
        }
    }

    fn read_events(&self) -> (Option<u64>, Option<u64>) {
        let hit = if self.throttles { "high" } else { "max" };
        let events = self.events.as_ref().and_then(|file| file.fields(["oom_kill", hit]));
        let [oom_kills, hits] = events.unwrap_or_default();
        (oom_kills, hits.or_else(|| read(self.hits.as_ref())))
    }
}

fn read(file: Option<&KernelFile>) -> Option<u64> {
    file?.read(|text| text.trim().parse().ok())?
}

/// What `memory.stat` calls the parts, in the order of [`parts`].
///
/// v1's lines without `total_` leave out the groups below, and it says nothing of the kernel's memory; v2 has its
/// swap in a file of its own.
fn keys(version: Version) -> [&'static str; 8] {
    match version {
        Version::V1 => [
            "total_rss",
            "total_cache",
            "kernel",
            "sock",
            "total_shmem",
            "total_swap",
            "slab_reclaimable",
            "total_mapped_file",
        ],
        Version::V2 => {
            ["anon", "file", "kernel", "sock", "shmem", "swap", "slab_reclaimable", "file_mapped"]
        }
    }
}

fn parts(found: [Option<u64>; 8]) -> Cgroup {
    let [anon, file, kernel, sock, shmem, swap, slab_reclaimable, file_mapped] = found;
    let unknown = Cgroup::default();
    Cgroup { anon, file, kernel, sock, shmem, swap, slab_reclaimable, file_mapped, ..unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these files.
    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    #[test]
    fn a_v2_group_is_read_whole() {
        let dir = group(&[
            ("memory.current", "700000\n"),
            ("memory.swap.current", "4096\n"),
            (
                "memory.stat",
                "anon 500000\nfile 150000\nkernel 50000\nshmem 2000\nfile_mapped 3000\n\
                 slab_reclaimable 1000\nslab_unreclaimable 77\n",
            ),
            ("memory.events", "low 0\nhigh 5\nmax 12\noom 1\noom_kill 1\n"),
        ]);
        let source = CgroupSource::open(Version::V2, dir.path(), false);
        assert_eq!(source.read_charged(), Some(700_000));
        let expected = Cgroup {
            anon: Some(500_000),
            file: Some(150_000),
            kernel: Some(50_000),
            shmem: Some(2000),
            swap: Some(4096),
            slab_reclaimable: Some(1000),
            file_mapped: Some(3000),
            oom_kills: Some(1),
            limit_hits: Some(12),
            ..Cgroup::default()
        };
        assert_eq!(source.read_parts(), expected);
        let throttled = CgroupSource::open(Version::V2, dir.path(), true).read_parts();
        assert_eq!(throttled.limit_hits, Some(5), "memory.high is the limit");
    }

    #[test]
    fn a_v1_group_is_read_with_the_groups_below_it() {
        let dir = group(&[
            ("memory.usage_in_bytes", "900\n"),
            ("memory.failcnt", "3\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
            (
                "memory.stat",
                "cache 1\nrss 2\nshmem 3\ntotal_cache 20\ntotal_rss 10\ntotal_shmem 4\n\
                 total_swap 5\ntotal_mapped_file 6\n",
            ),
        ]);
        let source = CgroupSource::open(Version::V1, dir.path(), false);
        assert_eq!(source.read_charged(), Some(900));
        let expected = Cgroup {
            anon: Some(10),
            file: Some(20),
            shmem: Some(4),
            swap: Some(5),
            file_mapped: Some(6),
            oom_kills: Some(2),
            limit_hits: Some(3),
            ..Cgroup::default()
        };
        assert_eq!(source.read_parts(), expected);
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        let dir = group(&[]);
        for version in [Version::V1, Version::V2] {
            let source = CgroupSource::open(version, dir.path(), false);
            assert_eq!((source.read_charged(), source.read_parts()), (None, Cgroup::default()));
        }
    }
}
