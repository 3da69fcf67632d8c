//! `Recording`: what a recorder's file says of a run, as far as it can be read.

use super::judgement::Judgement;
use crate::ledger::{CacheLine, Ledger};
use crate::level::Level;
use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What the recorder of a process has written down: who it was, what it knew last, and the way there.
///
/// Read by [`Recording::open`]. What the file does not have, or what is damaged, is `None` or missing from its list, and is said in
/// `damage`; nothing is guessed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Recording {
    /// Raised when a key changes its meaning.
    pub schema_version: u32,
    /// The file that was read.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Which version of the file's format it has.
    pub format_version: u32,
    /// Whose run this was.
    pub run: RecordedRun,
    /// What became of it: as judged when the next run began, else as it looks now.
    pub judgement: Judgement,
    /// The last sign of life; `None` where there was none, or it cannot be read.
    pub heartbeat: Option<Heartbeat>,
    /// How it ended, where it could still say so.
    pub end: Option<RecordedEnd>,
    /// The last panic of any thread, whether the process lived on or not.
    pub panic: Option<RecordedPanic>,
    /// Every figure of the last tick.
    pub last: Option<Snapshot>,
    /// Every figure of the last tick at which all was well (level `healthy`), else of the first.
    pub well: Option<Snapshot>,
    /// What registered caches said they held at the last tick; the largest 32.
    pub caches: Vec<CacheLine>,
    /// The same at the tick of `well`.
    pub caches_when_well: Vec<CacheLine>,
    /// The way there, oldest first: one point an interval and one at every change of level, and every tick of the last
    /// minutes.
    pub time_line: Vec<TimePoint>,
    /// What happened, oldest first.
    pub events: Vec<RecordedEvent>,
    /// Heap profiles that were kept beside the file, newest first.
    pub profiles: Vec<RecordedProfile>,
    /// What the leak tracker had seen, in its own form; `None` where there was none.
    #[serde(skip)]
    pub leak_state: Option<Vec<u8>>,
    /// What could not be read, and why.
    pub damage: Vec<String>,
}

/// Whose run a recording is of. What was unknown when it began is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RecordedRun {
    /// The process's id.
    pub pid: u32,
    /// When it was started, in ticks of the kernel's clock since the boot: with the id it names one process.
    pub start_ticks: Option<u64>,
    /// The kernel's id of the boot.
    pub boot_id: Option<String>,
    /// The machine's id, or its name where it has none.
    pub host_id: Option<String>,
    /// As [`ProcessInfo::run`](crate::ProcessInfo).
    pub run: String,
    /// The name of the program.
    pub name: String,
    /// The program's file.
    pub program: Option<PathBuf>,
    /// Its build id (GNU), in hexadecimal digits.
    pub build_id: Option<String>,
    /// Of this crate.
    pub plimsoll_version: String,
    /// When the monitor was started, in seconds since 1970.
    pub started: f64,
    /// Seconds between snapshots while memory is no concern.
    pub interval_seconds: f64,
    /// What the process was allotted at the start.
    pub budget_bytes: u64,
    /// Where that came from, in words.
    pub budget_provenance: String,
    /// The limit above it; `None` where none was known.
    pub limit_bytes: Option<u64>,
    /// The figure that is held against the budget.
    pub meter: String,
    /// Percent of the budget at which the levels begin: warning, prompt, emergency.
    pub thresholds_percent: [f64; 3],
}

/// The last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Heartbeat {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Since the monitor's start, by the monotonic clock.
    pub uptime_seconds: f64,
    /// Ticks so far.
    pub ticks: u64,
    /// How full the budget was.
    pub level: Level,
    /// The most that was used of the budget at any tick; `None` while unknown.
    pub peak_usage_bytes: Option<u64>,
    /// When the next tick was due after this one, in seconds.
    pub pace_seconds: f64,
}

/// How a run ended, as it said itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedEnd {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// What ended.
    pub kind: EndKind,
}

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndKind {
    /// The monitor was stopped.
    Stopped,
    /// The process exited with the monitor running: `main` returned, or somebody called `exit`.
    Exited,
    /// The monitor was dropped by a panic.
    Unwound,
}

/// A panic, as the hook saw it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedPanic {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// The name of the thread; `None` where it had none.
    pub thread: Option<String>,
    /// Whether it was the thread that `main` runs on.
    pub is_main: bool,
    /// Message and place, cut at some hundred bytes.
    pub message: String,
    /// Panics so far, this one included.
    pub count: u64,
}

/// The key figures of one moment; `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimePoint {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Since the monitor's start, by the monotonic clock.
    pub uptime_seconds: f64,
    /// How full the budget was.
    pub level: Level,
    /// What was used of the budget.
    pub usage_bytes: Option<u64>,
    /// The budget.
    pub budget_bytes: Option<u64>,
    /// Requested bytes of the live objects.
    pub live_bytes: Option<u64>,
    /// Live objects.
    pub live_objects: Option<u64>,
    /// What registered caches said they held.
    pub caches_bytes: Option<u64>,
    /// Resident memory of the process.
    pub process_rss_bytes: Option<u64>,
    /// What the kernel charged the control group with.
    pub cgroup_charged_bytes: Option<u64>,
    /// How fast the usage grew.
    pub growth_bytes_per_sec: Option<f64>,
}

/// Something that happened: an event as logs have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its number in this run: 0 is the first.
    pub sequence: u64,
    /// Seconds since 1970.
    #[serde(skip)]
    pub timestamp: f64,
    /// What happened: the word that logs have.
    #[serde(skip)]
    pub event_type: String,
    /// The whole object of the log, these two included. With `"truncated": true` where it was too long for the file: then
    /// it has only its first keys.
    #[serde(flatten)]
    pub json: Map<String, Value>,
}

/// A heap profile that was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedProfile {
    /// The file: JSON of a `HeapProfile`.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Why it was kept.
    pub kind: ProfileKind,
    /// When, in seconds since 1970.
    pub timestamp: f64,
    /// Live bytes of no registered cache at that time.
    pub unexplained_bytes: u64,
    /// Whether its frames have names; else addresses, to be looked up in the program's file.
    pub symbolized: bool,
}

/// Why a profile was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProfileKind {
    /// The unexplained bytes had reached a new high.
    HighWater,
    /// Nobody was left to ask for memory.
    GaveUp,
    /// The leak tracker had come to a verdict.
    Leak,
    /// The first of the run: what later ones are held against.
    First,
}

/// JSON has no words for a path that is not Unicode.
pub(super) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Recording {
    /// From the live bytes to what the kernel charged, at the last tick.
    pub fn ledger(&self) -> Option<Ledger> {
        let last = self.last.as_ref()?;
        Some(Ledger { caches: self.caches.clone(), ..Ledger::of(last) })
    }

    /// The same at the last tick at which all was well.
    pub fn ledger_when_well(&self) -> Option<Ledger> {
        let well = self.well.as_ref()?;
        Some(Ledger { caches: self.caches_when_well.clone(), ..Ledger::of(well) })
    }
}
