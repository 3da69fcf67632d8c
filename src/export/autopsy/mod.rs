//! `Autopsy`: what a recording says of a run's end, for people: what became of it, what grew, who held it, what was asked and
//! given. Pure but for [`Autopsy::read`], which reads the files.
//!
//! ```text
//! verdict.rs   what became of it, in a sentence
//! grown.rs     the ledger and the caches: at the earliest, when all was well, at the most, and at the end
//! sites.rs     who held it: the program's functions, from the kept profiles
//! given.rs     evictions, purges, refusals
//! happened.rs  one recorded event in words
//! course.rs    what happened, in order and bounded; the figures for charts
//! opening.rs   reads the recording and the profiles beside it
//! program.rs   names for raw addresses, from the program's file
//! words.rs     sizes and times for people
//! text.rs      one screen
//! html/        one page
//! ```

mod course;
mod given;
mod grown;
mod happened;
mod html;
mod opening;
#[cfg(all(feature = "cli", feature = "profile"))]
mod program;
mod sites;
#[cfg(test)]
mod tests;
mod text;
mod verdict;
mod words;

pub use course::Moment as AutopsyMoment;
pub use given::{CacheGave, Given};
pub use grown::{Held, LedgerChange};
pub use sites::{KeptProfile, SiteHeld};

use crate::recorder::{
    Exhibit, Heartbeat, LastRun, RecordedEnd, RecordedPanic, RecordedRun, Recording, TimePoint,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sites::Kept;
use std::path::PathBuf;

/// Raised when a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Why a run ended, and what memory had to do with it, from its recorder's file.
///
/// Figures are as exact as the recording's; sites are estimates with their standard error. Unknown is `None`. Serialises as
/// the answer of `plimsoll autopsy FILE --json`.
///
/// ```no_run
/// let autopsy = plimsoll::Autopsy::read("/var/lib/search/run")?;
/// println!("{}", autopsy.text(80));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Autopsy {
    /// Raised when a key changes its meaning.
    pub schema_version: u32,
    /// The file that was read.
    pub path: PathBuf,
    /// What became of the run, in one word.
    pub verdict: LastRun,
    /// The same in a plain sentence, with the weightiest evidence.
    pub sentence: String,
    /// What grew, and which function holds it: the leak if one was found; `None` where nothing is known of it.
    pub cause: Option<String>,
    /// What that is concluded from, the weightiest first.
    pub evidence: Vec<Exhibit>,
    /// Whose run it was.
    pub run: RecordedRun,
    /// The last sign of life, in seconds since 1970.
    pub last_seen: Option<f64>,
    /// How long it ran under the monitor, in seconds.
    pub lasted_seconds: Option<f64>,
    /// The last sign of life, whole.
    pub heartbeat: Option<Heartbeat>,
    /// How it said that it ended.
    pub end: Option<RecordedEnd>,
    /// The last panic of any thread.
    pub panic: Option<RecordedPanic>,
    /// What was used of the budget at the last tick, in bytes.
    pub used_bytes: Option<u64>,
    /// And in percent.
    pub used_percent: Option<f64>,
    /// The budget then.
    pub budget_bytes: Option<u64>,
    /// Whether all was well at the last tick: then `change_bytes` is from the earliest tick that the file has, which is known
    /// of what the time line has and of no other line.
    pub was_well_to_the_end: bool,
    /// The ledger: at the earliest, when all was well, at its most, at the end.
    pub ledger: Vec<LedgerChange>,
    /// Every cache, and what no cache held.
    pub caches: Vec<Held>,
    /// Live bytes of no registered cache.
    pub unexplained: Option<Held>,
    /// The last word of the watch over leaks, as logs have it; `None` when it never said any.
    pub leak: Option<Map<String, Value>>,
    /// Which profile the sites are from; `None` when none was kept, or none can be read.
    pub profile: Option<KeptProfile>,
    /// The functions that held most, those that grew most first; 20 at most.
    pub sites: Vec<SiteHeld>,
    /// What was asked and given.
    pub given: Given,
    /// What happened, oldest first; 200 at most.
    pub time_line: Vec<AutopsyMoment>,
    /// The figures over time, oldest first; some 600 at most.
    pub points: Vec<TimePoint>,
    /// What could not be read, and why.
    pub damage: Vec<String>,
}

impl Autopsy {
    /// What `recording` says. Of the profiles beside it only that they are there: [`Autopsy::read`] reads them too.
    pub fn of(recording: &Recording) -> Self {
        Autopsy::with(recording, Kept::default())
    }

    fn with(recording: &Recording, kept: Kept) -> Self {
        let leak = happened::last_leak(&recording.events);
        let (profile, sites) = kept.sites();
        let last = recording.last.as_ref();
        Autopsy {
            schema_version: SCHEMA_VERSION,
            path: recording.path.clone(),
            verdict: recording.judgement.verdict,
            sentence: verdict::sentence(recording),
            cause: verdict::cause(leak, &sites),
            evidence: recording.judgement.evidence.clone(),
            run: recording.run.clone(),
            last_seen: recording.heartbeat.map(|heartbeat| heartbeat.timestamp),
            lasted_seconds: recording.heartbeat.map(|heartbeat| heartbeat.uptime_seconds),
            heartbeat: recording.heartbeat,
            end: recording.end.clone(),
            panic: recording.panic.clone(),
            used_bytes: last.and_then(|last| last.usage_bytes()),
            used_percent: last.and_then(|last| last.usage_percent()),
            budget_bytes: last.and_then(|last| last.budget_bytes()),
            was_well_to_the_end: grown::is_well_to_the_end(recording),
            ledger: grown::ledger(recording),
            caches: grown::caches(recording),
            unexplained: grown::unexplained(recording),
            leak: leak.map(|event| event.json.clone()),
            profile,
            sites,
            given: Given::of(recording),
            time_line: course::moments(recording),
            points: course::points(&recording.time_line),
            damage: recording.damage.iter().cloned().chain(kept.damage).collect(),
        }
    }
}
