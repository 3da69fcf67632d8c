//! What tells one process from every other: the boot, the machine, its id and when it was started.

use std::path::Path;

/// One process, as long as the machine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The kernel's id of the boot.
    pub(crate) boot: Option<String>,
    /// The machine's id, or its name where it has none.
    pub(crate) host: Option<String>,
    /// The namespace in which process ids mean something.
    pub(crate) pid_space: Option<String>,
    pub(crate) pid: u32,
    /// When it was started, in ticks of the kernel's clock since the boot.
    pub(crate) start_ticks: Option<u64>,
}

/// Whether a process of that id and start runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Alive,
    Gone,
    /// Ids of its namespace cannot be looked up here, or the system does not tell.
    OutOfSight,
}

impl Origin {
    /// That of the calling process, from what lies below `root`.
    pub(crate) fn own(root: &Path) -> Self {
        let boot = text(&root.join("proc/sys/kernel/random/boot_id"));
        let machine = || text(&root.join("etc/machine-id"));
        Origin {
            boot,
            host: machine().or_else(|| text(&root.join("proc/sys/kernel/hostname"))),
            pid_space: pid_space(root),
            pid: std::process::id(),
            start_ticks: start_ticks(root, "self"),
        }
    }

    /// Whether `other` runs, as seen from this process.
    pub(crate) fn sees(&self, other: &Origin, root: &Path) -> Presence {
        match (&self.boot, &other.boot) {
            (Some(own), Some(others)) if own != others => return Presence::Gone,
            (Some(_), Some(_)) => {}
            _ => return Presence::OutOfSight,
        }
        if self.pid_space.is_none() || self.pid_space != other.pid_space {
            return Presence::OutOfSight;
        }
        match (start_ticks(root, &other.pid.to_string()), other.start_ticks) {
            (_, None) => Presence::OutOfSight,
            (Some(seen), Some(recorded)) if seen == recorded => Presence::Alive,
            _ => Presence::Gone,
        }
    }
}

/// `pid:[4026531836]`.
fn pid_space(root: &Path) -> Option<String> {
    let link = std::fs::read_link(root.join("proc/self/ns/pid")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

fn text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty() && text.len() <= 255).then(|| text.to_owned())
}

/// The 22nd field of `/proc/PID/stat`. The second, the name, may hold blanks and brackets itself. A zombie is no process
/// that runs.
fn start_ticks(root: &Path, process: &str) -> Option<u64> {
    let stat = std::fs::read(root.join("proc").join(process).join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(stat: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(root.path().join("proc/7")).expect("a directory");
        std::fs::write(root.path().join("proc/7/stat"), stat).expect("a file");
        root
    }

    fn origin(boot: &str, space: &str, start_ticks: u64) -> Origin {
        let (boot, pid_space) = (Some(boot.to_owned()), Some(space.to_owned()));
        Origin { boot, pid_space, pid: 7, start_ticks: Some(start_ticks), host: None }
    }

    #[test]
    fn a_process_is_its_id_and_its_start() {
        let root =
            tree("7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 9000 100 1\n");
        let own = origin("b", "p", 1);
        let sees = |other: &Origin| own.sees(other, root.path());
        assert_eq!(sees(&origin("b", "p", 250)), Presence::Alive);
        assert_eq!(sees(&origin("b", "p", 251)), Presence::Gone, "the id was given again");
        assert_eq!(sees(&origin("c", "p", 250)), Presence::Gone, "before the boot");
        assert_eq!(sees(&origin("b", "q", 250)), Presence::OutOfSight, "a container's");
        assert_eq!(sees(&Origin { pid: 8, ..origin("b", "p", 250) }), Presence::Gone);
        assert_eq!(sees(&Origin { boot: None, ..origin("b", "p", 250) }), Presence::OutOfSight);
    }

    #[test]
    fn a_zombie_does_not_run() {
        let root = tree("7 (x) Z 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 0 0 1\n");
        assert_eq!(origin("b", "p", 1).sees(&origin("b", "p", 250), root.path()), Presence::Gone);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_own_process_runs() {
        let root = Path::new("/");
        let own = Origin::own(root);
        assert!(own.boot.is_some() && own.host.is_some() && own.pid_space.is_some(), "{own:?}");
        assert_eq!(own.sees(&own, root), Presence::Alive);
    }
}
