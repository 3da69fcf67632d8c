//! A file for a run: locked, its space reserved, what lay there before moved aside.

use super::format::{DOCUMENTS, FILE_BYTES, Found, MAGIC, NEWEST, document, head};
use super::reader::bytes_of;
use super::stored::{UNFINISHED, stored_profiles};
use crate::error::Error;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
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
    /// What lay there had not come to its first tick, and the run before that is kept in its place.
    pub(super) is_passed_over: bool,
}

/// Where the run before is kept once the next has begun: `FILE.previous`, beside the file that a link leads to.
pub(super) fn previous_of(path: &Path) -> PathBuf {
    with_suffix(&target(path), ".previous")
}

/// Where the profiles of a recording are kept: `FILE.profiles`, beside the file that a link leads to.
pub(super) fn profiles_of(path: &Path) -> PathBuf {
    with_suffix(&target(path), ".profiles")
}

/// What a link leads to, as far as that can be said; else the path itself.
fn target(path: &Path) -> PathBuf {
    let link = path.is_symlink().then(|| path.canonicalize().ok());
    link.flatten().unwrap_or_else(|| path.to_owned())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Takes `path`, or the first beside it that nobody uses. `look` sees what lay there before it is moved aside, while its
/// lock is held.
pub(super) fn take(path: &Path, mut look: impl FnMut(&Path, &File)) -> Result<Taken, Error> {
    let (path, mut busy) = (&target(path), Vec::new());
    for number in 0..MOST_BESIDE {
        let beside = with_suffix(path, &format!(".{number}"));
        let candidate = if number == 0 { path.to_owned() } else { target(&beside) };
        let patience = if number == 0 { PATIENCE } else { 1 };
        match try_take(&candidate, patience, &mut look)? {
            Some((file, is_passed_over)) => {
                return Ok(Taken { path: candidate, file, busy, is_passed_over });
            }
            None => busy.push(candidate),
        }
    }
    let all_used = io::Error::new(io::ErrorKind::ResourceBusy, "sixteen processes record here");
    Err(refused(path, "taking a file that nobody uses", all_used))
}

pub(super) fn refused(path: &Path, what: &'static str, source: io::Error) -> Error {
    Error::Recorder { path: path.to_owned(), what, source }
}

/// The file, and whether what lay there was passed over; `None` when somebody uses it.
fn try_take(
    path: &Path,
    patience: u32,
    look: &mut impl FnMut(&Path, &File),
) -> Result<Option<(File, bool)>, Error> {
    let (old, is_new) = open(path)?;
    if !lock(&old, patience).map_err(|error| refused(path, "locking it", error))?
        || !lies_at(&old, path)
    {
        return Ok(None);
    }
    match contents(&old).map_err(|error| refused(path, "reading what is there", error))? {
        Contents::Nothing => match reserve(&old) {
            Ok(()) => Ok(Some((old, false))),
            Err(error) => {
                if is_new {
                    let _ = std::fs::remove_file(path);
                }
                Err(refused(path, "reserving its space", error))
            }
        },
        Contents::Recording => {
            let kept = kept_instead(&old, &previous_of(path));
            look(path, kept.as_ref().unwrap_or(&old));
            let is_passed_over = kept.is_some();
            Ok(Some((replace(path, old, is_passed_over)?, is_passed_over)))
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
pub(super) fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
pub(super) fn private(_: &mut OpenOptions) {}

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

/// What lies there. Only what begins as a recording, has a document of one, or is all zeros, as one that was cut short while
/// it was begun, is ever moved or overwritten.
fn contents(file: &File) -> io::Result<Contents> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Contents::Nothing);
    }
    let bytes = bytes_of(file)?;
    let is_blank = || length <= FILE_BYTES as u64 && bytes.iter().all(|byte| *byte == 0);
    let has = |area| matches!(document(&bytes, area), Found::Whole(..) | Found::Rest(..));
    let is_ours = bytes.starts_with(&MAGIC) || is_blank() || DOCUMENTS.iter().any(has);
    Ok(if is_ours { Contents::Recording } else { Contents::SomethingElse })
}

/// The run in `previous`, where that is to be kept: the one that lies here never came to a tick, and says less. So a program
/// that fails at every start does not lose what ended the last run that worked.
fn kept_instead(here: &File, previous: &Path) -> Option<File> {
    let bytes = bytes_of(here).ok()?;
    if document(&bytes, &NEWEST) != Found::Nothing || !previous.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let file = OpenOptions::new().read(true).write(true).open(previous).ok()?;
    matches!(contents(&file), Ok(Contents::Recording)).then_some(file)
}

/// Makes a new file, whole before it takes the name; what has the name is moved aside, or goes where something better is kept
/// there. The caller holds its lock.
fn replace(path: &Path, old: File, is_passed_over: bool) -> Result<File, Error> {
    let fresh = with_suffix(path, ".new");
    let reserving = |error| refused(path, "reserving its space", error);
    let file = clear(&fresh).and_then(|()| make(&fresh)).map_err(reserving)?;
    let aside = (!is_passed_over).then(|| previous_of(path));
    let swapped = swap(path, &fresh, aside.as_deref());
    let is_swapped = swapped.is_ok();
    let is_mounted = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices)
    };
    let taken = match swapped {
        Ok(()) => Ok(file),
        Err(error) if is_mounted(&error) => begin_anew(old, aside.as_deref()),
        Err(error) => Err(error),
    };
    if !is_swapped {
        let _ = std::fs::remove_file(&fresh);
    }
    let taken = taken.map_err(|error| refused(path, "moving the run before aside", error))?;
    move_profiles(path, is_passed_over);
    Ok(taken)
}

/// A locked file with its space reserved, where none was.
fn make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    private(&mut options);
    let file = options.read(true).write(true).create_new(true).open(path)?;
    let made = lock(&file, 1).and_then(|_| reserve(&file));
    if made.is_err() {
        let _ = std::fs::remove_file(path);
    }
    made.map(|()| file)
}

/// The run before gets its second name, then the new file its first: at no moment there is none, but where the file system has no links.
fn swap(path: &Path, fresh: &Path, aside: Option<&Path>) -> io::Result<()> {
    if let Some(aside) = aside {
        clear(aside)?;
        std::fs::hard_link(path, aside).or_else(|_| std::fs::rename(path, aside))?;
    }
    std::fs::rename(fresh, path)
}

/// Of a single file that is mounted the name cannot be moved: what it says is copied, and it is written anew.
fn begin_anew(old: File, aside: Option<&Path>) -> io::Result<File> {
    if let Some(aside) = aside {
        let mut options = OpenOptions::new();
        private(&mut options);
        let mut copy = options.write(true).create_new(true).open(aside)?;
        copy.write_all(&bytes_of(&old)?)?;
        copy.sync_data()?;
    }
    old.set_len(FILE_BYTES as u64)?;
    reserve(&old)?;
    Ok(old)
}

/// Removes a recording, or one that was begun; what is none is left, and is an error that names it.
fn clear(path: &Path) -> io::Result<()> {
    let Ok(data) = path.symlink_metadata() else { return Ok(()) };
    let is_ours =
        data.is_file() && !matches!(contents(&File::open(path)?)?, Contents::SomethingElse);
    if is_ours {
        return std::fs::remove_file(path);
    }
    let message = format!(
        "{} is in the way: it is no recording, and is left alone: move it, or name another file",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

/// The profiles go with the recording they belong to.
fn move_profiles(path: &Path, is_passed_over: bool) {
    let (now, then) = (profiles_of(path), profiles_of(&previous_of(path)));
    if is_passed_over {
        return remove_profiles(&now);
    }
    remove_profiles(&then);
    // Where something else lies there, they go beside it.
    if std::fs::rename(&now, &then).is_err() {
        for profile in stored_profiles(&now) {
            let name = profile.path.file_name().unwrap_or_default();
            let _ = std::fs::rename(&profile.path, then.join(name));
        }
    }
}

/// Removes the profiles in it, and then the directory if it had nothing else.
fn remove_profiles(dir: &Path) {
    let profiles = stored_profiles(dir).into_iter().map(|profile| profile.path);
    for file in profiles.chain([dir.join(UNFINISHED)]) {
        let _ = std::fs::remove_file(file);
    }
    let _ = std::fs::remove_dir(dir);
}

/// Writes the head and zeros up to the end, and waits until the file system has a place for all of it: a disk that is full is
/// an error now, and none later. What the magic does not begin would be taken for somebody else's file.
fn reserve(mut file: &File) -> io::Result<()> {
    check_file_limit()?;
    let mut first = vec![0; 64 << 10];
    let head = head();
    first.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    let zeros = vec![0; first.len()];
    file.seek(SeekFrom::Start(0))?;
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
    use super::super::moment::Beat;
    use super::super::writer::{Pen, Writer};
    use super::*;
    use crate::snapshot::{Moment, Snapshot};
    use crate::source::Readings;

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

    /// Whatever its length, and whatever it is called.
    #[test]
    fn what_is_no_recording_is_never_moved_or_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let mut long = vec![0; FILE_BYTES];
        *long.last_mut().expect("bytes") = 7;
        for contents in [long.as_slice(), &[9; FILE_BYTES], &long[8..]] {
            std::fs::write(&path, contents).expect("a file");
            let error = take(&path, |_, _| {}).expect_err("a refusal").to_string();
            assert!(error.contains("left alone"), "{error}");
            assert_eq!(std::fs::read(&path).expect("the file"), contents);
        }
        std::fs::remove_file(&path).expect("a file");
        drop(taken(&path));
        for suffix in [".new", ".previous"] {
            let other = with_suffix(&path, suffix);
            std::fs::write(&other, "somebody else's").expect("a file");
            let error = take(&path, |_, _| {}).expect_err("a refusal").to_string();
            assert!(error.contains(suffix) && error.contains("left alone"), "{error}");
            assert_eq!(std::fs::read(&other).expect("the file"), b"somebody else's");
            std::fs::remove_file(&other).expect("a file");
            assert!(path.exists() && !with_suffix(&path, ".new").exists(), "nothing is left over");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_new_name_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, other) = (dir.path().join("run"), dir.path().join("other"));
        drop(taken(&path));
        std::fs::write(&other, "somebody else's").expect("a file");
        std::os::unix::fs::symlink(&other, with_suffix(&path, ".new")).expect("a link");
        let error = take(&path, |_, _| {}).expect_err("a refusal").to_string();
        assert!(error.contains("run.new is in the way"), "{error}");
        assert_eq!(std::fs::read(&other).expect("the file"), b"somebody else's");
    }

    #[test]
    fn zeros_and_what_has_lost_its_head_are_recordings() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        std::fs::write(&path, vec![0; 5000]).expect("a file");
        drop(taken(&path));
        assert_eq!(std::fs::metadata(previous_of(&path)).expect("it is kept").len(), 5000);
        let writes = taken(&path);
        let pen = std::sync::Arc::new(Pen::new(writes.file));
        Writer::new(pen).identity(&"whose").expect("an identity");
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes[..64].fill(b'x');
        std::fs::write(&path, bytes).expect("a file");
        drop(taken(&path));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_moved_and_not_the_link() {
        let dir = tempfile::tempdir().expect("a directory");
        let volume = dir.path().join("volume");
        std::fs::create_dir(&volume).expect("a directory");
        let (path, real) = (dir.path().join("run"), volume.join("run"));
        drop(taken(&real));
        std::os::unix::fs::symlink(&real, &path).expect("a link");
        let taken = taken(&path);
        assert!(path.is_symlink() && !real.is_symlink());
        let real = real.canonicalize().expect("the file");
        assert_eq!((&taken.path, previous_of(&path)), (&real, with_suffix(&real, ".previous")));
        assert!(
            previous_of(&path).exists()
                && profiles_of(&path).starts_with(real.parent().expect("one"))
        );
    }

    #[test]
    fn what_cannot_be_moved_is_copied_and_written_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, aside) = (dir.path().join("run"), dir.path().join("aside"));
        let (old, _) = open(&path).expect("a file");
        reserve(&old).expect("space");
        Writer::new(std::sync::Arc::new(Pen::new(old.try_clone().expect("a file"))))
            .identity(&"whose")
            .expect("an identity");
        let before = std::fs::read(&path).expect("the file");
        begin_anew(old, Some(&aside)).expect("a file");
        assert_eq!(std::fs::read(&aside).expect("the copy"), before);
        let after = std::fs::read(&path).expect("the file");
        assert_eq!((after.len(), document(&after, &DOCUMENTS[0])), (FILE_BYTES, Found::Nothing));
    }

    /// As a program that is killed, and then fails at every start.
    #[test]
    fn a_run_that_never_ticked_does_not_take_the_place_of_one_that_did() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        tick(taken(&path));
        let worth = std::fs::read(&path).expect("the file");
        for round in 0..3 {
            let mut seen = Vec::new();
            let next =
                take(&path, |_, file| seen = bytes_of(file).expect("bytes")).expect("a file");
            assert_eq!(next.is_passed_over, round > 0, "round {round}");
            assert_eq!(seen, worth, "it is what is told of, round {round}");
            assert_eq!(std::fs::read(previous_of(&path)).expect("it is kept"), worth);
        }
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

    fn tick(taken: Taken) {
        let snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        let mut writer = Writer::new(std::sync::Arc::new(Pen::new(taken.file)));
        writer.tick(&snapshot, &Beat::default()).expect("a tick");
    }

    #[test]
    fn profiles_go_with_their_recording() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        tick(taken(&path));
        let name = "1.first.7.raw.json";
        std::fs::create_dir(profiles_of(&path)).expect("a directory");
        std::fs::write(profiles_of(&path).join(name), "{}").expect("a file");
        tick(taken(&path));
        let moved = profiles_of(&previous_of(&path));
        assert!(moved.join(name).exists() && !profiles_of(&path).exists());
        std::fs::write(moved.join("README"), "somebody else's").expect("a file");
        std::fs::create_dir(profiles_of(&path)).expect("a directory");
        std::fs::write(profiles_of(&path).join("2.first.7.raw.json"), "{}").expect("a file");
        tick(taken(&path));
        assert!(!moved.join(name).exists(), "it was another run's");
        assert!(moved.join("2.first.7.raw.json").exists() && moved.join("README").exists());
    }
}
