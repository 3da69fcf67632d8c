//! `Recorder`: one run's recording, as the monitor writes it.

use super::album::Album;
use super::desk::LastWords;
use super::identity::{Identity, RecordedGroup};
use super::judgement::Judgement;
use super::moment::Beat;
use super::open::{judge_now, own_holder};
use super::place::{Taken, previous_of, refused, take};
use super::reader::{Contents, bytes_of, read};
use super::recording::{EndKind, RecordedRun, lossy};
use super::writer::{Pen, Writer};
use crate::error::Error;
use crate::event::Event;
use crate::snapshot::{Moment, Snapshot};
use crate::source::{KillCounters, MOST_GROUPS, Origin};
use parking_lot::Mutex;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The kernel's counts are read at most this often.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// What is known of the run before this one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PreviousRun {
    /// What became of it.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Whose run it was.
    pub run: RecordedRun,
    /// When its last tick was, in seconds since 1970; `None` where it cannot be read.
    pub last_tick: Option<f64>,
    /// Where its recording is kept now, for `plimsoll autopsy`.
    #[serde(serialize_with = "lossy")]
    pub recording: PathBuf,
}

/// What was found when a recording began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) previous: Option<PreviousRun>,
    /// What the leak tracker of the run before had seen.
    pub(crate) leak_state: Option<Vec<u8>>,
    /// What somebody should know of: paths in use, files that could not be read.
    pub(crate) notices: Vec<String>,
}

/// One run's recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    root: PathBuf,
    state: Mutex<State>,
    /// Writes that failed. Relaxed: a number that orders nothing, read without waiting for a disk that hangs.
    failures: AtomicU64,
    pen: Arc<Pen>,
    last_words: Arc<LastWords>,
    album: Album,
}

#[derive(Debug)]
struct State {
    writer: Writer,
    counters: KillCounters,
    kills: [Option<u64>; MOST_GROUPS],
    kills_read: Option<Instant>,
    peak_usage: Option<u64>,
    /// What the first write that failed said, until somebody has asked.
    unsaid: Option<io::Error>,
    has_ended: bool,
}

impl Recorder {
    /// Begins a recording at `path`, or beside it where another process records there, and judges the run that lay there.
    /// `look` has the monitor tick at once.
    pub(crate) fn start(
        path: &Path,
        run: RecordedRun,
        basis: &str,
        root: &Path,
        look: Box<dyn Fn() + Send + Sync>,
    ) -> Result<(Self, Findings), Error> {
        let path = std::path::absolute(path).map_err(|e| refused(path, "finding it", e))?;
        let mut old = None;
        let taken = take(&path, |path, file| old = Some((path.to_owned(), examine(file))))?;
        let findings = findings(&path, &taken, old);
        let identity = Identity::new(run, basis, &Origin::own(root));
        let pen = Arc::new(Pen::new(taken.file));
        let mut writer = Writer::new(pen.clone());
        let counters = KillCounters::open(root);
        writer
            .identity(&identity)
            .and_then(|()| writer.groups(&RecordedGroup::all(&counters)))
            .map_err(|error| refused(&taken.path, "writing whose run it is", error))?;
        let state = State {
            writer,
            counters,
            kills: [None; MOST_GROUPS],
            kills_read: None,
            peak_usage: None,
            unsaid: None,
            has_ended: false,
        };
        let (state, last_words) = (Mutex::new(state), LastWords::open(pen.clone(), look));
        let (album, root) = (Album::new(&taken.path), root.to_owned());
        let (path, failures) = (taken.path, AtomicU64::new(0));
        Ok((Recorder { path, root, state, failures, pen, last_words, album }, findings))
    }

    /// The file, which may be another than was asked for.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down an event.
    pub(crate) fn event(&self, event: &Event) {
        self.write(|state| state.writer.event(event));
        self.album.event(event.kind.event_type());
    }

    /// Writes down a tick: all its figures, and what caches say they hold. Allocates nothing.
    pub(crate) fn tick<'a>(
        &self,
        snapshot: &Snapshot,
        beat: Beat,
        now: Instant,
        caches: impl Iterator<Item = (&'a str, Option<u64>)>,
    ) {
        self.write(|state| {
            state.peak_usage = state.peak_usage.max(snapshot.usage_bytes());
            let (kills, peak_usage) = (state.count_kills(now), state.peak_usage);
            let beat = Beat { kills, peak_usage, ..beat };
            state.writer.tick(snapshot, &beat).and(state.writer.caches(false, caches))
        });
        self.album.look(snapshot, now);
    }

    /// Writes down a point of the long time line. Allocates nothing.
    pub(crate) fn point(&self, snapshot: &Snapshot) {
        self.write(|state| state.writer.point(snapshot));
    }

    /// Writes down a tick at which all was well. Allocates nothing.
    pub(crate) fn well<'a>(
        &self,
        snapshot: &Snapshot,
        beat: Beat,
        caches: impl Iterator<Item = (&'a str, Option<u64>)>,
    ) {
        self.write(|state| {
            let (kills, peak_usage) = (state.kills, state.peak_usage);
            let beat = Beat { kills, peak_usage, ..beat };
            state.writer.well(snapshot, &beat).and(state.writer.caches(true, caches))
        });
    }

    /// Writes down what the leak tracker has seen.
    pub(crate) fn leak(&self, leak: &impl Serialize) {
        self.write(|state| state.writer.leak(leak));
    }

    /// Looks for the process's groups anew: it was moved to others.
    pub(crate) fn follow_groups(&self) {
        self.write(|state| {
            state.counters = KillCounters::open(&self.root);
            state.kills_read = None;
            state.writer.groups(&RecordedGroup::all(&state.counters))
        });
    }

    /// Writes down the end, and lets go of the file. What comes after is not recorded.
    pub(crate) fn end(&self, kind: EndKind) {
        self.album.stop();
        self.last_words.close();
        self.write(|state| {
            state.has_ended = true;
            state.writer.end(Moment::now().wall_micros, kind)
        });
        self.pen.unlock();
    }

    /// What the first write said that failed since somebody last asked.
    pub(crate) fn complaint(&self) -> Option<Error> {
        if let Some(error) = self.state.lock().unsaid.take() {
            return Some(refused(&self.path, "writing it", error));
        }
        let (dir, error) = self.album.complaint()?;
        Some(refused(&dir, "keeping a profile", error))
    }

    /// Writes that failed so far.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn write(&self, write: impl FnOnce(&mut State) -> io::Result<()>) {
        let mut state = self.state.lock();
        // The file may be the next run's by now.
        if state.has_ended {
            return;
        }
        if let Err(error) = write(&mut state)
            && self.failures.fetch_add(1, Ordering::Relaxed) == 0
        {
            state.unsaid = Some(error);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.last_words.close();
    }
}

impl State {
    fn count_kills(&mut self, now: Instant) -> [Option<u64>; MOST_GROUPS] {
        let is_fresh = |read: Instant| now.saturating_duration_since(read) < COUNTS_EVERY;
        if !self.kills_read.is_some_and(is_fresh) {
            self.kills_read = Some(now);
            self.kills = self.counters.read();
        }
        self.kills
    }
}

/// What lay there, as far as it can be read, with its judgement, which is written into it: later the machine shows less.
fn examine(file: &File) -> io::Result<(Contents, Judgement)> {
    let contents = read(&bytes_of(file)?)?;
    let judgement = match &contents.judgement {
        Some(judgement) => judgement.clone(),
        None => judge_now(&contents, own_holder(file)),
    };
    let pen = Pen::new(file.try_clone()?);
    // Where it cannot be written, whoever reads it later judges for himself.
    let _ = Writer::new(Arc::new(pen)).judgement(&judgement);
    Ok((contents, judgement))
}

type Old = (PathBuf, io::Result<(Contents, Judgement)>);

fn findings(path: &Path, taken: &Taken, old: Option<Old>) -> Findings {
    let mut findings = Findings::default();
    if !taken.busy.is_empty() {
        let (asked, got) = (path.display(), taken.path.display());
        let notice = format!("another process records to {asked}: this one records to {got}");
        findings.notices.push(notice);
    }
    if taken.is_passed_over {
        let notice = "a run since the one before ended before its first tick, and is not kept";
        findings.notices.push(notice.into());
    }
    match old {
        None => {}
        Some((path, Err(error))) => {
            let kept = previous_of(&path);
            let notice = format!(
                "the recording of the run before cannot be read: {error}; it is kept at {}",
                kept.display()
            );
            findings.notices.push(notice);
        }
        Some((path, Ok((contents, judgement)))) => {
            findings.leak_state = contents.leak;
            findings.previous = Some(PreviousRun {
                judgement,
                run: contents.identity.run,
                last_tick: contents.newest.map(|moment| moment.heartbeat.timestamp),
                recording: previous_of(&path),
            });
        }
    }
    findings
}
