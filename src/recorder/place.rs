//! A file for a run: locked, its space reserved, what lay there before moved aside.

use super::format::{FILE_BYTES, MAGIC, head};
use crate::error::Error;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Processes that can record beside each other under one path: `FILE`, `FILE.1` and so on.
const MOST_BESIDE: usize = 16;

/// Whoever reads a recording holds its lock for a moment: so often, in such pieces, the first file is waited for.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// A file of one's own.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) path: PathBuf,
    /// Locked as long as it is open.
    pub(super) file: File,
    /// Paths that are in use by others.
    pub(super) busy: Vec<PathBuf>,
}

/// Where the run before is kept once the next has begun: `FILE.previous`.
pub(super) fn previous_of(path: &Path) -> PathBuf {
    with_suffix(path, ".previous")
}

/// Where the profiles of a recording are kept: `FILE.profiles`.
pub(super) fn profiles_of(path: &Path) -> PathBuf {
    with_suffix(path, ".profiles")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Takes `path`, or the first beside it that nobody uses. `look` sees what lay there before it is moved aside, while its
/// lock is held.
pub(super) fn take(path: &Path, mut look: impl FnMut(&Path, &File)) -> Result<Taken, Error> {
    let mut busy = Vec::new();
    for number in 0..MOST_BESIDE {
        let beside = with_suffix(path, &format!(".{number}"));
        let candidate = if number == 0 { path.to_owned() } else { beside };
        let patience = if number == 0 { PATIENCE } else { 1 };
        match try_take(&candidate, patience, &mut look)? {
            Some(file) => return Ok(Taken { path: candidate, file, busy }),
            None => busy.push(candidate),
        }
    }
    let all_used = io::Error::new(io::ErrorKind::ResourceBusy, "sixteen processes record here");
    Err(refused(path, "taking a file that nobody uses", all_used))
}

pub(super) fn refused(path: &Path, what: &'static str, source: io::Error) -> Error {
    Error::Recorder { path: path.to_owned(), what, source }
}

/// `None` when somebody uses it.
fn try_take(
    path: &Path,
    patience: u32,
    look: &mut impl FnMut(&Path, &File),
) -> Result<Option<File>, Error> {
    let (old, is_new) = open(path)?;
    if !lock(&old, patience).map_err(|error| refused(path, "locking it", error))?
        || !lies_at(&old, path)
    {
        return Ok(None);
    }
    match contents(&old).map_err(|error| refused(path, "reading what is there", error))? {
        Contents::Nothing => match reserve(&old) {
            Ok(()) => Ok(Some(old)),
            Err(error) => {
                if is_new {
                    let _ = std::fs::remove_file(path);
                }
                Err(refused(path, "reserving its space", error))
            }
        },
        Contents::Recording => {
            look(path, &old);
            let new = replace(path).map_err(|error| refused(path, "reserving its space", error))?;
            Ok(Some(new))
        }
        Contents::SomethingElse => {
            let error = io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is no recording, and is left alone: name another file",
            );
            Err(refused(path, "looking at what is there", error))
        }
    }
}

/// Opens what is there, or makes an empty file; says whether it did.
fn open(path: &Path) -> Result<(File, bool), Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    private(&mut options);
    match options.clone().create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_file = path.metadata().is_ok_and(|data| data.is_file());
            if !is_file {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
                return Err(refused(path, "opening it", error));
            }
            let file = options.open(path);
            Ok((file.map_err(|error| refused(path, "opening it", error))?, false))
        }
        Err(error) => Err(refused(path, "making it", error)),
    }
}

/// For its owner's eyes: it tells how the program works inside.
#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// Whether it could be locked. Where the file system has no locks, it is taken as locked: one process only, then.
fn lock(file: &File, times: u32) -> io::Result<bool> {
    for _ in 0..times {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                return Ok(true);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether the file that was locked is still the one at `path`: whoever had it may have moved it aside meanwhile.
#[cfg(unix)]
fn lies_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |data: std::fs::Metadata| (data.dev(), data.ino());
    let (open, there) = (file.metadata().map(id), path.metadata().map(id));
    open.ok().zip(there.ok()).is_some_and(|(open, there)| open == there)
}

#[cfg(not(unix))]
fn lies_at(_: &File, _: &Path) -> bool {
    true
}

enum Contents {
    Nothing,
    Recording,
    SomethingElse,
}

/// What lies there: nothing of ours is ever overwritten that does not begin, or at least measure, as a
/// recording, whole or cut.
fn contents(file: &File) -> io::Result<Contents> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Contents::Nothing);
    }
    let mut magic = Vec::with_capacity(MAGIC.len());
    file.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    // Zeros: one that somebody cut short while it was written.
    let is_cut = magic.iter().all(|byte| *byte == 0) && length <= FILE_BYTES as u64;
    let is_ours = magic == MAGIC || length == FILE_BYTES as u64 || is_cut;
    Ok(if is_ours { Contents::Recording } else { Contents::SomethingElse })
}

/// Makes a new file, whole before it takes the name; what has the name is moved aside. The caller holds its lock.
fn replace(path: &Path) -> io::Result<File> {
    let fresh = with_suffix(path, ".new");
    let mut options = OpenOptions::new();
    private(&mut options);
    let file = options.read(true).write(true).create(true).truncate(true).open(&fresh)?;
    let made = lock(&file, 1)
        .and_then(|_| reserve(&file))
        .and_then(|()| std::fs::rename(path, previous_of(path)))
        .and_then(|()| std::fs::rename(&fresh, path));
    if let Err(error) = made {
        let _ = std::fs::remove_file(&fresh);
        return Err(error);
    }
    move_profiles(path);
    Ok(file)
}

/// The profiles go with the recording they belong to.
fn move_profiles(path: &Path) {
    let (now, then) = (profiles_of(path), profiles_of(&previous_of(path)));
    if now.is_dir() {
        let _ = std::fs::remove_dir_all(&then);
        let _ = std::fs::rename(now, then);
    } else {
        let _ = std::fs::remove_dir_all(then);
    }
}

/// Writes the head and zeros up to the end, and waits until the file system has a place for all of it: a disk that is full is
/// an error now, and none later. What the magic does not begin would be taken for somebody else's file.
fn reserve(mut file: &File) -> io::Result<()> {
    check_file_limit()?;
    let mut first = vec![0; 64 << 10];
    let head = head();
    first.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    let zeros = vec![0; first.len()];
    for at in (0..FILE_BYTES).step_by(first.len()) {
        file.write_all(if at == 0 { &first } else { &zeros })?;
    }
    file.sync_data()
}

/// A process that writes beyond its limit is killed by a signal, not told.
fn check_file_limit() -> io::Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file size "));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match soft {
        Some(limit) if limit < FILE_BYTES as u64 => {
            let message = format!("RLIMIT_FSIZE is {limit} bytes: a recording has {FILE_BYTES}");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &Path) -> Taken {
        take(path, |_, _| {}).expect("a file")
    }

    #[test]
    fn a_file_is_reserved_whole_and_its_head_is_right() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let taken = taken(&path);
        assert!(taken.busy.is_empty() && taken.path == path && !previous_of(&path).exists());
        let bytes = std::fs::read(&path).expect("the file");
        assert_eq!((bytes.len(), &bytes[..8]), (FILE_BYTES, &MAGIC[..]));
    }

    #[test]
    fn a_second_one_takes_another_file_and_the_next_the_first_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let first = taken(&path);
        let second = taken(&path);
        assert_eq!(second.path, dir.path().join("run.1"));
        assert_eq!(second.busy, std::slice::from_ref(&path));
        drop(first);
        let mut seen = Vec::new();
        let third = take(&path, |path, _| seen.push(path.to_owned())).expect("a file");
        assert_eq!(third.path, path);
        assert_eq!(seen, std::slice::from_ref(&path));
        assert!(previous_of(&path).exists() && !with_suffix(&path, ".new").exists());
    }

    #[test]
    fn what_is_no_recording_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("precious");
        std::fs::write(&path, "somebody else's").expect("a file");
        let error = take(&path, |_, _| {}).expect_err("a refusal").to_string();
        assert!(error.contains("precious") && error.contains("left alone"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "somebody else's");
        let error = take(dir.path(), |_, _| {}).expect_err("a refusal").to_string();
        assert!(error.contains("no regular file"), "{error}");
        let nowhere = dir.path().join("no/such/dir");
        let error = take(&nowhere, |_, _| {}).expect_err("a refusal").to_string();
        assert!(error.contains("no/such/dir"), "{error}");
    }

    #[test]
    fn sixteen_are_enough() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let all: Vec<_> = (0..MOST_BESIDE).map(|_| taken(&path)).collect();
        assert_eq!(all[15].path, dir.path().join("run.15"));
        let error = take(&path, |_, _| {}).expect_err("a refusal").to_string();
        assert!(error.contains("sixteen"), "{error}");
    }

    #[test]
    fn profiles_go_with_their_recording() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        drop(taken(&path));
        std::fs::create_dir(profiles_of(&path)).expect("a directory");
        std::fs::write(profiles_of(&path).join("x.json"), "{}").expect("a file");
        drop(taken(&path));
        let moved = profiles_of(&previous_of(&path));
        assert!(moved.join("x.json").exists() && !profiles_of(&path).exists());
        drop(taken(&path));
        assert!(!moved.exists(), "they were another run's");
    }
}
