//! A memory control group for one process: made below this process's own, so that no limit is escaped, and removed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How its name begins; then comes the process that made it.
const NAME: &str = "plimsoll-governed-";

/// Which files it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// A group with a limit. Dropping it removes it, which takes until its processes have ended.
#[derive(Debug)]
pub(crate) struct Group {
    version: Version,
    dir: PathBuf,
}

impl Group {
    /// Makes one.
    ///
    /// # Errors
    /// Says in words why the machine does not allow it.
    pub(crate) fn make(name: &str, limit: u64) -> Result<Self, String> {
        let (version, places) = places().ok_or("no memory control group is mounted")?;
        let name = format!("{NAME}{}-{name}", std::process::id());
        let mut reason = "nowhere to make one".to_owned();
        for place in places {
            sweep(&place);
            match Self::make_in(version, &place.join(&name), limit) {
                Ok(group) => return Ok(group),
                Err(refusal) => reason = refusal,
            }
        }
        Err(reason)
    }

    fn make_in(version: Version, dir: &Path, limit: u64) -> Result<Self, String> {
        std::fs::create_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        // From here on it is removed, whatever fails.
        let group = Group { version, dir: dir.to_owned() };
        group.write(group.file(["memory.limit_in_bytes", "memory.max"]), &limit.to_string())?;
        // Without swap the limit is a wall. Where the file is missing there is none to be had.
        let (swap, none) = match version {
            Version::V1 => ("memory.swappiness", "0"),
            Version::V2 => ("memory.swap.max", "0"),
        };
        let _ = group.write(swap, none);
        Ok(group)
    }

    fn file(&self, [v1, v2]: [&'static str; 2]) -> &'static str {
        if self.version == Version::V1 { v1 } else { v2 }
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let file = self.dir.join(file);
        // Not created: in a group without the memory controller there is no such file.
        let opened = std::fs::OpenOptions::new().write(true).open(&file);
        let written =
            opened.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        written.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// A command that runs `program` in the group. A shell goes there first and becomes the program.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ > "$0" && exec "$@""#]);
        command.arg(self.dir.join("cgroup.procs")).arg(program);
        command
    }

    /// Bytes that the kernel charges it with.
    pub(crate) fn charged(&self) -> Option<u64> {
        let file = self.file(["memory.usage_in_bytes", "memory.current"]);
        std::fs::read_to_string(self.dir.join(file)).ok()?.trim().parse().ok()
    }

    /// The kernel's own count of processes that it killed here for want of memory.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        let file = self.file(["memory.oom_control", "memory.events"]);
        let text = std::fs::read_to_string(self.dir.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
    }

    /// The interface, in words.
    pub(crate) fn interface(&self) -> &'static str {
        self.file(["version 1", "version 2"])
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that was killed a moment ago is still in it.
        for _ in 0..200 {
            match std::fs::remove_dir(&self.dir) {
                Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}

/// Where a group may be made: below this process's own, and in version 2, which has no groups below one with processes,
/// beside it.
fn places() -> Option<(Version, Vec<PathBuf>)> {
    let (version, own) = own_group()?;
    let beside = own.parent().filter(|_| version == Version::V2).map(Path::to_owned);
    Some((version, std::iter::once(own).chain(beside).collect()))
}

/// The groups that are there, with the process that made each.
fn made_in(place: &Path) -> Vec<(u32, PathBuf)> {
    let maker = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix(NAME)?;
        Some((name.split('-').next()?.parse().ok()?, path))
    };
    let entries = std::fs::read_dir(place).into_iter().flatten();
    entries.filter_map(|entry| maker(entry.ok()?.path())).collect()
}

/// Removes what a process that was killed itself has left behind. The kernel refuses where there still is somebody in it.
fn sweep(place: &Path) {
    let is_gone = |pid: &u32| !Path::new(&format!("/proc/{pid}")).exists();
    for (_, group) in made_in(place).iter().filter(|(pid, _)| is_gone(pid)) {
        let _ = std::fs::remove_dir(group);
    }
}

/// The groups that this process has made and not removed.
pub(crate) fn left() -> Vec<PathBuf> {
    let places = places().map_or(vec![], |(_, places)| places);
    let own = places.iter().flat_map(|place| made_in(place));
    own.filter(|(pid, _)| *pid == std::process::id()).map(|(_, group)| group).collect()
}

/// The group that this process is in, for memory.
fn own_group() -> Option<(Version, PathBuf)> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let (version, dir) = find(&groups, &mounts)?;
    dir.is_dir().then_some((version, dir))
}

fn find(groups: &str, mounts: &str) -> Option<(Version, PathBuf)> {
    let v1 = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|controller| controller == "memory").then_some(path)
    });
    let v2 = || groups.lines().find_map(|line| line.strip_prefix("0::"));
    match v1 {
        Some(path) => Some((Version::V1, locate(mounts, " - cgroup ", "memory", path)?)),
        None => Some((Version::V2, locate(mounts, " - cgroup2 ", "", v2()?)?)),
    }
}

/// `31 23 0:28 /root /point options - type source super-options`
fn locate(mounts: &str, kind: &str, option: &str, path: &str) -> Option<PathBuf> {
    let is_it = |line: &&str| {
        let options = line.rsplit(' ').next().unwrap_or_default();
        line.contains(kind) && (option.is_empty() || options.split(',').any(|o| o == option))
    };
    let mut words = mounts.lines().find(is_it)?.split(' ').skip(3);
    let (root, point) = (words.next()?, words.next()?);
    // In a container the mount may begin at the process's own group.
    let below = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
    Some(Path::new(point).join(below))
}

// They run in tests/governed_cache.rs: a bench has no harness for them.
#[cfg(test)]
#[allow(unused_imports, dead_code, reason = "without a harness nobody calls them")]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_group_is_where_the_memory_controller_is() {
        let v1 = find("4:memory:/api/one\n0::/\n", MOUNTS);
        assert_eq!(v1, Some((Version::V1, "/sys/fs/cgroup/memory/api/one".into())));
        let v2 = find("0::/user.slice\n", MOUNTS);
        assert_eq!(v2, Some((Version::V2, "/sys/fs/cgroup/unified/user.slice".into())));
        let contained = "35 31 0:32 /docker/abc /cg rw - cgroup cgroup rw,memory\n";
        let v1 = find("4:memory:/docker/abc\n", contained);
        assert_eq!(v1, Some((Version::V1, "/cg/".into())));
        assert_eq!(find("", MOUNTS), None);
        assert_eq!(find("4:memory:/api\n", ""), None);
    }
}
