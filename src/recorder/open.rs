//! `Recording::open`: the file read, the machine looked at, the run judged.

use super::format::FILE_BYTES;
use super::identity::RecordedGroup;
use super::judge::{Case, Holder, Scene, judge};
use super::judgement::Judgement;
use super::place::{previous_of, profiles_of, refused};
use super::reader::{Contents, bytes_of, read};
use super::recording::{RecordedEvent, RecordedRun, Recording};
use super::stored::stored_profiles;
use crate::error::Error;
use crate::level::Level;
use crate::snapshot::Moment;
use crate::source::Origin;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Raised when a key of a recording's JSON changes its meaning.
const SCHEMA_VERSION: u32 = 1;

impl Recording {
    /// Reads the file at `path`, as far as it can be read: parts that are damaged are named in `damage`. The process that
    /// writes it may run, and is not disturbed.
    ///
    /// # Errors
    /// Where the file cannot be opened, is no recording, or has a format of another version.
    ///
    /// ```no_run
    /// let recording = plimsoll::Recording::open("/var/lib/search/run")?;
    /// println!("{}: {}", recording.judgement.verdict, recording.judgement.summary);
    /// for exhibit in &recording.judgement.evidence {
    ///     println!("  {} ({})", exhibit.finding, exhibit.source);
    /// }
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = open_file(path).map_err(|error| refused(path, "opening it", error))?;
        let bytes = bytes_of(&file).map_err(|error| refused(path, "reading it", error))?;
        let contents = read(&bytes).map_err(|error| refused(path, "reading it", error))?;
        let holder = holder(&file);
        Ok(Recording::new(path, contents, holder))
    }

    /// Where the run before the one at `path` is kept: `FILE.previous`.
    pub fn previous(path: impl AsRef<Path>) -> PathBuf {
        previous_of(path.as_ref())
    }

    pub(super) fn new(path: &Path, contents: Contents, holder: Holder) -> Self {
        let judgement = contents.judgement.clone();
        let judgement = judgement.unwrap_or_else(|| judge_now(&contents, holder));
        let (last, well) = (contents.newest, contents.well);
        Recording {
            schema_version: SCHEMA_VERSION,
            path: path.to_owned(),
            format_version: super::format::VERSION,
            run: contents.identity.run,
            judgement,
            heartbeat: last.as_ref().map(|moment| moment.heartbeat),
            end: contents.end,
            panic: contents.panic,
            last: last.map(|moment| moment.snapshot),
            well: well.map(|moment| moment.snapshot),
            caches: contents.caches,
            caches_when_well: contents.caches_when_well,
            time_line: contents.time_line,
            events: contents.events,
            profiles: stored_profiles(&profiles_of(path)),
            leak_state: contents.leak,
            damage: contents.damage,
        }
    }
}

/// A pipe would be waited for and read for ever, and a directory not at all.
fn open_file(path: &Path) -> std::io::Result<File> {
    if path.metadata()?.is_file() {
        return File::open(path);
    }
    let message = format!("it is no regular file: a recording is one of {FILE_BYTES} bytes");
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message))
}

/// Locked and let go at once: who wants to take it meanwhile waits for longer than that.
fn holder(file: &File) -> Holder {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            Holder::Nobody
        }
        Err(TryLockError::WouldBlock) => Holder::Somebody,
        Err(TryLockError::Error(_)) => Holder::Unknown,
    }
}

/// Of a file that this process has just locked, if the file system has locks at all.
pub(super) fn own_holder(file: &File) -> Holder {
    file.try_lock().map_or(Holder::Unknown, |()| Holder::Nobody)
}

/// Whether that process has become another program since. `None` where that cannot be seen.
fn is_another(run: &RecordedRun) -> Option<bool> {
    // That of this one has its lock, or has said its end.
    if run.pid == std::process::id() {
        return Some(true);
    }
    let now = std::fs::read_link(format!("/proc/{}/exe", run.pid)).ok()?;
    let (now, then) = (now.to_string_lossy(), run.program.as_ref()?.to_string_lossy());
    let stem = |path: &str| path.trim_end_matches(" (deleted)").to_owned();
    Some(stem(&now) != stem(&then))
}

/// Looks at the machine, and judges.
pub(super) fn judge_now(contents: &Contents, holder: Holder) -> Judgement {
    let (root, identity) = (Path::new("/"), contents.identity.clone());
    let (own, other) = (Origin::own(root), identity.origin());
    let same = |a: &Option<String>, b: &Option<String>| Some(a.as_ref()? == b.as_ref()?);
    let scene = Scene {
        now: Moment::now().epoch_secs(),
        holder,
        presence: own.sees(&other, root),
        is_another: is_another(&contents.identity.run),
        same_boot: same(&own.boot, &other.boot),
        same_host: same(&own.host, &other.host),
        groups: contents.groups.iter().map(RecordedGroup::now).collect(),
    };
    let newest = contents.newest.as_ref();
    let case = Case {
        identity,
        heartbeat: newest.map(|moment| moment.heartbeat),
        last: newest.map(|moment| &moment.snapshot),
        end: contents.end.as_ref(),
        end_lost: contents.end_lost,
        newest_lost: contents.newest_lost,
        time_line: &contents.time_line,
        panic: contents.panic.as_ref(),
        groups: &contents.groups,
        kills: newest.map(|moment| moment.kills).unwrap_or_default(),
        gave_up: gave_up(&contents.events),
    };
    judge(&case, &scene)
}

/// Whether nobody was left to ask, and the level has not become healthy since.
fn gave_up(events: &[RecordedEvent]) -> bool {
    let is_well = |event: &RecordedEvent| {
        let to = event.json.get("to").and_then(|to| to.as_str());
        event.event_type == "level_changed" && to == Some(Level::Healthy.as_str())
    };
    let since = events.iter().rev().take_while(|event| !is_well(event));
    since.into_iter().any(|event| event.event_type == "gave_up")
}
