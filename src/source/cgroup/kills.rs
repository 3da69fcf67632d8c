//! How many processes the kernel has killed for want of memory: in the process's group, and in those above it.

use super::Version;
use super::locate::{Kinship, Location};
use crate::source::file::KernelFile;
use std::path::{Path, PathBuf};

/// Groups that are looked at, from the process's own up.
pub(crate) const MOST_GROUPS: usize = 8;

/// A group whose kernel count can be read again later, by another process too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KillGroup {
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// Of the directory: another number under the same name is another group, whose count began anew.
    pub(crate) inode: u64,
    /// Whether it is the process's own group, and none above.
    pub(crate) is_own: bool,
    /// Whether its count has those of the groups below.
    pub(crate) is_deep: bool,
}

/// What became of a group's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillsNow {
    /// The group is the same.
    Same(Option<u64>),
    /// Another group has its name.
    Another,
    /// There is none of that name.
    Gone,
}

/// The groups' counts, through files that are kept open.
#[derive(Debug, Default)]
pub(crate) struct KillCounters {
    groups: Vec<KillGroup>,
    files: Vec<Option<KernelFile>>,
}

impl KillCounters {
    /// Those of the process, below `root`.
    pub(crate) fn open(root: &Path) -> Self {
        Location::find(root).map_or_else(Self::default, |found| Self::of(&found))
    }

    fn of(location: &Location) -> Self {
        if !location.is_ours() {
            return KillCounters::default();
        }
        let levels = location.levels.iter().enumerate().take(MOST_GROUPS);
        let groups = levels.filter_map(|(level, dir)| {
            Some(KillGroup {
                dir: dir.clone(),
                inode: inode(dir)?,
                is_own: level == 0 && location.kinship == Kinship::Own,
                is_deep: location.version == Version::V2,
            })
        });
        let groups: Vec<_> = groups.collect();
        let files = groups.iter().map(|group| open(&group.dir)).collect();
        KillCounters { groups, files }
    }

    pub(crate) fn groups(&self) -> &[KillGroup] {
        &self.groups
    }

    /// The counts as they are now, in the order of the groups. Allocates nothing.
    pub(crate) fn read(&self) -> [Option<u64>; MOST_GROUPS] {
        let mut counts = [None; MOST_GROUPS];
        for (count, file) in counts.iter_mut().zip(&self.files) {
            *count = file.as_ref().and_then(|file| file.field("oom_kill"));
        }
        counts
    }
}

impl KillGroup {
    /// What its count is now.
    pub(crate) fn now(&self) -> KillsNow {
        match inode(&self.dir) {
            None => KillsNow::Gone,
            Some(inode) if inode != self.inode => KillsNow::Another,
            Some(_) => KillsNow::Same(open(&self.dir).and_then(|file| file.field("oom_kill"))),
        }
    }
}

/// v2's name for the file first, then v1's. A recording may name any directory: a pipe there would be waited for.
fn open(dir: &Path) -> Option<KernelFile> {
    let open =
        |name| Some(dir.join(name)).filter(|p| p.is_file()).and_then(|p| KernelFile::open(&p));
    open("memory.events").or_else(|| open("memory.oom_control"))
}

#[cfg(unix)]
fn inode(dir: &Path) -> Option<u64> {
    std::fs::metadata(dir).ok().map(|data| std::os::unix::fs::MetadataExt::ino(&data))
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_again_by_its_inode() {
        let top = tempfile::tempdir().expect("a temporary directory");
        let own = top.path().join("own");
        std::fs::create_dir(&own).expect("a directory");
        std::fs::write(own.join("memory.events"), "oom 3\noom_kill 2\n").expect("a file");
        let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
        std::fs::write(top.path().join("memory.oom_control"), v1).expect("a file");
        let levels = vec![own.clone(), top.path().to_owned()];
        let location = Location { version: Version::V2, kinship: Kinship::Own, levels };
        let counters = KillCounters::of(&location);
        assert_eq!(counters.read()[..3], [Some(2), Some(5), None]);
        let group = counters.groups()[0].clone();
        assert!(group.is_own && !counters.groups()[1].is_own);
        assert_eq!(group.now(), KillsNow::Same(Some(2)));
        let other = KillGroup { inode: group.inode + 1, ..group.clone() };
        assert_eq!(other.now(), KillsNow::Another);
        std::fs::remove_dir_all(&own).expect("a directory");
        assert_eq!(group.now(), KillsNow::Gone);
    }

    #[test]
    fn a_pipe_is_no_count_and_not_waited_for() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let pipe = dir.path().join("memory.events");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        assert!(open(dir.path()).is_none());
    }

    #[test]
    fn groups_that_the_process_is_not_in_say_nothing() {
        let (version, kinship) = (Version::V1, Kinship::Elsewhere);
        let location = Location { version, kinship, levels: vec!["/".into()] };
        assert!(KillCounters::of(&location).groups().is_empty());
    }
}
