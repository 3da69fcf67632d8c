//! The run, written into a file that survives the process: what the monitor tells its recorder, and what that knows of the
//! run before.

use super::builder::program;
use super::settings::Settings;
use super::shared::Shared;
use super::wake::Wake;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::level::Level;
use crate::policy::budget::Resolved;
use crate::policy::health::Check;
use crate::policy::leak::LeakState;
use crate::policy::threshold::Threshold;
use crate::recorder::{
    Beat, EndKind, Findings, PreviousRun, RecordedRun, Recorder, SURVIVED_AFTER,
};
use crate::snapshot::{Moment, Snapshot};
use crate::source::build_id;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

impl super::Builder {
    /// Records the run in this file, and judges the run before that is recorded there. `PLIMSOLL_RECORDER`
    /// (`/var/lib/search/run`); nothing is written unless given.
    ///
    /// The file has 1 MiB, reserved at the start, and holds a day: key figures, events, every figure of the last tick. It
    /// survives the process whatever ends it; [`Recording::open`](crate::Recording::open) and `plimsoll autopsy` read it. The
    /// run before is moved to `FILE.previous`. A second process with the same path takes `FILE.1`, and says so. It should
    /// lie on a disk of the machine: a write to a network that hangs would hold up the ticks.
    ///
    /// # Errors
    /// At [`Builder::start`](crate::Builder::start), when the file cannot be had: named, with the cause. Later failures are an
    /// event and a finding of the health check.
    ///
    /// ```
    /// # let dir = std::env::temp_dir().join(format!("plimsoll-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// # let path = dir.join("run");
    /// use plimsoll::{LastRun, Monitor, Recording};
    ///
    /// let monitor = Monitor::builder().budget("64MiB".parse()?).recorder(&path).start()?;
    /// assert_eq!(Recording::open(&path)?.judgement.verdict, LastRun::Running);
    /// monitor.stop();
    /// assert_eq!(Recording::open(&path)?.judgement.verdict, LastRun::Clean);
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn recorder(mut self, path: impl Into<PathBuf>) -> Self {
        self.given.recorder = Some(path.into());
        self
    }
}

/// The recorder, where one was asked for.
#[derive(Debug, Default)]
pub(super) struct Tape {
    recorder: Option<Recorder>,
    previous: Option<PreviousRun>,
    /// A panic wants to be followed by a tick. Relaxed: whoever sets it wakes the monitor, and that synchronises.
    look: Arc<AtomicBool>,
    /// The monitor is dropped by a panic. Relaxed: set before the flag that stops it.
    unwinding: AtomicBool,
    /// To other control groups, as of the last tick. Relaxed: only the monitor's thread has it.
    moves: AtomicU64,
}

/// A recording that has begun.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) tape: Tape,
    /// What is to be told of it.
    pub(super) news: Vec<EventKind>,
    /// What the leak tracker of the run before had seen.
    pub(super) leak: Option<LeakState>,
}

impl Tape {
    /// Begins the recording, where one is asked for.
    pub(super) fn start(
        settings: &Settings,
        budget: &Resolved,
        moment: Moment,
        root: &Path,
        wake: &Arc<Wake>,
    ) -> Result<Begun, Error> {
        let Some(path) = &settings.recorder else { return Ok(Default::default()) };
        let (look, wake) = (Arc::<AtomicBool>::default(), wake.clone());
        let flag = look.clone();
        let ask = Box::new(move || {
            flag.store(true, Ordering::Relaxed);
            wake.notify();
        });
        let run = run(settings, budget, moment);
        let started = Recorder::start(path, run, budget.basis.as_str(), root, ask);
        let (recorder, findings) = started.map_err(|error| settings.blame("recorder", error))?;
        let (news, leak) = (news(&findings), leak_state(&findings));
        let (recorder, previous) = (Some(recorder), findings.previous);
        Ok(Begun { tape: Tape { recorder, previous, look, ..Tape::default() }, news, leak })
    }

    pub(super) fn event(&self, event: &Event) {
        if let Some(recorder) = &self.recorder {
            recorder.event(event);
        }
    }

    /// In which time a panic wants to be followed by a tick, once.
    pub(super) fn look_after(&self) -> Option<Duration> {
        self.look.swap(false, Ordering::Relaxed).then_some(SURVIVED_AFTER)
    }

    /// Called by whoever stops the monitor.
    pub(super) fn note_unwinding(&self) {
        self.unwinding.fetch_or(std::thread::panicking(), Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        let is_unwinding = self.unwinding.load(Ordering::Relaxed);
        let kind = if is_unwinding { EndKind::Unwound } else { EndKind::Stopped };
        if let Some(recorder) = &self.recorder {
            recorder.end(kind);
        }
    }

    pub(super) fn previous(&self) -> Option<&PreviousRun> {
        self.previous.as_ref()
    }

    /// How the recording goes, and what it says of the run before; `None` where nothing is recorded.
    pub(super) fn check(&self) -> Option<Check> {
        let recorder = self.recorder.as_ref()?;
        let (path, failures) = (recorder.path().display().to_string(), recorder.failures());
        let check = match (failures, &self.previous) {
            (0, None) => Check::healthy(format!("the run is recorded in {path}")),
            (0, Some(previous)) => {
                let verdict = previous.judgement.verdict;
                Check::healthy(format!("the run is recorded in {path}; the one before: {verdict}"))
            }
            _ => Check::warning(format!("{failures} writes to {path} have failed")),
        };
        Some(check.with("recorder_path", path).with("failed_writes", failures))
    }
}

impl Shared {
    /// Writes down a tick. Allocates nothing while all goes well.
    pub(super) fn record_tick(&self, snapshot: &Snapshot, is_due: bool, now: Instant) {
        let Some(recorder) = &self.tape.recorder else { return };
        let moves = self.sources.lock().moves();
        if self.tape.moves.swap(moves, Ordering::Relaxed) != moves {
            recorder.follow_groups();
        }
        let (ticks, pace) = {
            let history = self.history.lock();
            (history.taken_total, history.pace)
        };
        let beat = Beat { ticks, pace, ..Beat::default() };
        let caches = self.caches.all();
        let lines = || caches.iter().map(|entry| (entry.spec.name.as_str(), entry.usage()));
        recorder.tick(snapshot, beat, now, lines());
        if is_due {
            recorder.point(snapshot);
        }
        if ticks == 1 || is_due && snapshot.level() == Level::Healthy {
            recorder.well(snapshot, beat, lines());
        }
        self.say_complaint(recorder);
    }

    /// Writes down what the leak tracker has seen: at the start, when that is another, and at the end.
    pub(super) fn record_leak(&self) {
        let Some(recorder) = &self.tape.recorder else { return };
        recorder.leak(&self.leak_state());
        self.say_complaint(recorder);
    }

    fn say_complaint(&self, recorder: &Recorder) {
        if let Some(error) = recorder.complaint() {
            self.emit(EventKind::error("monitoring_error", error.to_string()));
        }
    }
}

/// Of another program's leak nothing is taken over.
fn leak_state(findings: &Findings) -> Option<LeakState> {
    let is_ours = findings.previous.as_ref().is_some_and(|previous| previous.run.name == program());
    let state = findings.leak_state.as_ref().filter(|_| is_ours)?;
    serde_json::from_slice(state).ok()
}

fn run(settings: &Settings, budget: &Resolved, moment: Moment) -> RecordedRun {
    let percent = |threshold| settings.thresholds.percent(threshold);
    RecordedRun {
        run: format!("{}-{}", std::process::id(), moment.wall_micros),
        name: program(),
        // What is not Unicode has no words in the file.
        program: std::env::current_exe().ok().map(|path| path.to_string_lossy().as_ref().into()),
        build_id: build_id(),
        plimsoll_version: env!("CARGO_PKG_VERSION").into(),
        started: moment.epoch_secs(),
        interval_seconds: settings.interval.as_secs_f64(),
        budget_bytes: budget.bytes,
        budget_provenance: budget.provenance.clone(),
        limit_bytes: budget.limit,
        meter: settings.meter.as_str().into(),
        thresholds_percent: Threshold::ALL.map(percent),
        ..RecordedRun::default()
    }
}

fn news(findings: &Findings) -> Vec<EventKind> {
    let notices = findings.notices.iter();
    let notices = notices.map(|notice| EventKind::error("monitoring_error", notice.clone()));
    notices.chain(findings.previous.as_ref().map(previous_run)).collect()
}

fn previous_run(previous: &PreviousRun) -> EventKind {
    let judgement = &previous.judgement;
    let words = judgement.evidence.iter();
    let words = words.map(|exhibit| format!("{} ({})", exhibit.finding, exhibit.source));
    EventKind::PreviousRun {
        verdict: judgement.verdict.as_str().into(),
        summary: judgement.summary.clone(),
        evidence: words.collect(),
        pid: previous.run.pid,
        last_tick: previous.last_tick,
        recording: previous.recording.display().to_string(),
        is_oom: judgement.verdict.is_oom(),
    }
}
