//! The sockets of this machine's monitored processes: where they lie, what they are called, and which are left over.
//!
//! The server names its socket `plimsoll-<pid>-<starttime>.sock`; the time tells a process from a later one of the same id.

use std::fs;
use std::path::{Path, PathBuf};

/// A socket that is named as a monitored process names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) pid: u32,
    pub(crate) path: PathBuf,
    pub(crate) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its process runs, as far as can be known.
    Runs,
    /// No process has that id.
    Gone,
    /// Another process has that id now.
    Another,
    /// It belongs neither to us nor to whom the process belongs: somebody else may listen there.
    Foreign,
}

impl State {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            State::Runs => "runs",
            State::Gone => "stale: the process has ended",
            State::Another => "stale: another process has its id",
            State::Foreign => "left alone: it belongs to another user than the process",
        }
    }
}

/// Every socket of that name, by process id.
pub(crate) fn all() -> Vec<Socket> {
    let entries = places().into_iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = paths.filter_map(|path| socket(&path)).collect();
    found.sort_by(|a, b| (a.pid, &a.path).cmp(&(b.pid, &b.path)));
    found
}

/// Where sockets lie: the user's own directory, and where those go whose process was started without it.
pub(crate) fn places() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    let temporary = variable("TMPDIR").unwrap_or("/tmp".into());
    let mut places: Vec<PathBuf> =
        variable("XDG_RUNTIME_DIR").into_iter().chain([temporary]).map(PathBuf::from).collect();
    places.dedup();
    places
}

/// The process's name, as the kernel keeps it.
pub(crate) fn name(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

fn socket(path: &Path) -> Option<Socket> {
    let (pid, started) = named(path.file_name()?.to_str()?)?;
    Some(Socket { pid, path: path.to_owned(), state: state(pid, started, path) })
}

/// The id and the time in `plimsoll-<pid>-<starttime>.sock`.
fn named(file: &str) -> Option<(u32, u64)> {
    let (pid, started) = file.strip_prefix("plimsoll-")?.strip_suffix(".sock")?.split_once('-')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

fn state(pid: u32, started: u64, path: &Path) -> State {
    if !Path::new("/proc/self/stat").exists() {
        return State::Runs;
    }
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return State::Gone };
    match start_time(&stat) {
        Some(runs_since) if runs_since != started => State::Another,
        _ if !is_ours(pid, path) => State::Foreign,
        _ => State::Runs,
    }
}

/// Field 22 of `/proc/<pid>/stat`. The name in field 2 may hold anything, parentheses and spaces too.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// In a directory that everybody may write to, anybody can put a socket with the name of a process of ours.
#[cfg(unix)]
fn is_ours(pid: u32, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = |path: &Path| Some(fs::symlink_metadata(path).ok()?.uid());
    let of_process = |name: &str| owner(Path::new(&format!("/proc/{name}")));
    let Some(of_socket) = owner(path) else { return false };
    let us = fs::metadata("/proc/self").ok().map(|metadata| metadata.uid());
    us == Some(of_socket) || of_process(&pid.to_string()) == Some(of_socket)
}

#[cfg(not(unix))]
fn is_ours(_: u32, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_sockets() {
        assert_eq!(named("plimsoll-12-3456.sock"), Some((12, 3456)));
        for other in ["plimsoll-12.sock", "plimsoll-x-1.sock", "plimsoll-1-2", "other-1-2.sock"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn the_start_time_is_field_22_whatever_the_name_is() {
        let fields: Vec<_> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) {}", fields.join(" "));
        assert_eq!(start_time(&stat), Some(22));
        assert_eq!(start_time("7 (a) S 1"), None);
    }

    #[test]
    fn our_own_process_runs_and_a_former_one_of_our_id_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("socket");
        fs::write(&path, "").expect("a file");
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
        let started = start_time(&stat).expect("a start time");
        assert_eq!(state(pid, started, &path), State::Runs);
        assert_eq!(state(pid, started + 1, &path), State::Another);
        assert_eq!(state(u32::MAX, started, &path), State::Gone);
        // Only root may give a file away; nobody else can test this.
        #[cfg(unix)]
        if std::os::unix::fs::chown(&path, Some(65_533), None).is_ok() {
            assert_eq!(state(pid, started, &path), State::Foreign);
        }
    }
}
