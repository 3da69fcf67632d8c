//! `Explanation`: why memory is as it is, judged from a status, the history and the events. Pure: no clock, no I/O.
//!
//! ```text
//! changes.rs     what changed over the window: lines of the ledger, caches, what no cache accounts for
//! doubts.rs      caches whose claims are not what was measured
//! happenings.rs  what went wrong lately, in words
//! culprit.rs     what it is that grows
//! verdict.rs     three plain sentences
//! steps.rs       what to do next, most urgent first
//! words.rs       sizes, rates and times for people
//! ```

mod changes;
mod culprit;
mod doubts;
mod happenings;
mod steps;
#[cfg(test)]
mod tests;
mod verdict;
mod words;

pub use changes::{Change, Changes, Unexplained};
pub use doubts::{Doubt, DoubtKind};
pub use happenings::Happening;
pub use steps::NextStep;

use super::evidence::{Evidence, age};
use super::status::{BudgetStatus, Status};
use crate::event::NumberedEvent;
use crate::ledger::CacheLine;
use crate::level::Level;
use crate::policy::forecast::{Forecast, Growth, Rate, Step, TimeToBudget, Trend};
use crate::policy::leak::{GrownSince, GrownSite, LeakStatus, LeakVerdict};
use crate::policy::watch::Scope;
use crate::snapshot::Snapshot;
use serde::Serialize;
use std::time::Duration;

/// The figures that every explanation stands on.
const EVIDENCE: [&str; 7] = [
    "usage_bytes",
    "usage_percent",
    "live_bytes",
    "live_objects",
    "process_rss_bytes",
    "caches_bytes",
    "time_to_budget_secs",
];

/// Why memory is as it is: see [`Handle::explain`](crate::Handle::explain).
///
/// Figures are as exact as their sources (see `evidence`); growth is an estimate with its interval; `verdict` and
/// `next_steps` are conclusions from both. Unknown is `None`. Serialises as the answer of `/api/v1/explain`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Raised when a key changes its meaning.
    pub schema_version: u32,
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Whose figures these are: see [`ProcessInfo::run`](crate::ProcessInfo::run).
    pub run: String,
    /// Two or three plain sentences.
    pub verdict: Vec<String>,
    /// What to do, most urgent first; five at most.
    pub next_steps: Vec<NextStep>,
    /// How full the budget is.
    pub level: Level,
    /// What may be used, and who says so.
    pub budget: BudgetStatus,
    /// How fast it grows, what grows, and when the budget is used up.
    pub growth: GrowthReport,
    /// What changed over the window.
    pub changes: Changes,
    /// What no registered cache accounts for; `None` where live bytes are not counted.
    pub unexplained: Option<Unexplained>,
    /// Whether memory leaks, by the floors of hours or days.
    pub leak: LeakStatus,
    /// The functions that hold what has grown, by the heap profile; `None` where none runs, or not for long enough.
    pub grown: Option<GrownSince>,
    /// Caches whose claims are not what was measured.
    pub doubts: Vec<Doubt>,
    /// What happened in the last hour, oldest first; eight at most.
    pub happenings: Vec<Happening>,
    /// The figures that this stands on.
    pub evidence: Vec<Evidence>,
}

/// How fast the usage grows, and what it is that grows: of the [`Forecast`], by its longest window that is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GrowthReport {
    /// What grows.
    pub kind: Growth,
    /// The words for it.
    pub meaning: &'static str,
    /// The time that the window spans, in seconds; `None` while no growth is known.
    pub span_secs: Option<f64>,
    /// Of the usage, with its interval at 90 %: an estimate.
    pub usage_bytes_per_sec: Option<Rate>,
    /// Of the live bytes.
    pub live_bytes_per_sec: Option<Rate>,
    /// Of the live objects.
    pub live_objects_per_sec: Option<Rate>,
    /// Live bytes per live object of what grows in number: the size to look for.
    pub bytes_per_object: Option<f64>,
    /// When the budget is used up, from the last tick on.
    pub time_to_budget: TimeToBudget,
    /// The last time the usage jumped.
    pub last_step: Option<Step>,
    /// How long ago that was, in seconds.
    pub last_step_age_secs: Option<f64>,
    /// How old all this is: seconds since the last tick.
    pub age_seconds: Option<f64>,
}

impl GrowthReport {
    fn of(status: &Status) -> Self {
        let Forecast { growth, bytes_per_object, time_to_budget, last_step, .. } = status.forecast;
        let surest = status.forecast.surest();
        let rate = |of: fn(&Trend) -> Option<Rate>| surest.and_then(of);
        let uptime = status.snapshot.uptime().as_secs_f64();
        GrowthReport {
            kind: growth,
            meaning: growth.as_str(),
            span_secs: surest.map(|trend| trend.span_secs),
            usage_bytes_per_sec: rate(|trend| Some(trend.usage_bytes_per_sec)),
            live_bytes_per_sec: rate(|trend| trend.live_bytes_per_sec),
            live_objects_per_sec: rate(|trend| trend.live_objects_per_sec),
            bytes_per_object,
            time_to_budget,
            last_step,
            last_step_age_secs: last_step.map(|step| (uptime - step.uptime_secs).max(0.0)),
            age_seconds: status.ticked.map(|ticked| age(status.timestamp, ticked)),
        }
    }
}

/// What an explanation is made of.
pub(crate) struct Facts<'a> {
    pub(crate) status: &'a Status,
    /// The oldest snapshot of the history.
    pub(crate) oldest: Option<&'a Snapshot>,
    /// The snapshot that now is held against: see [`baseline`].
    pub(crate) before: Option<&'a Snapshot>,
    /// What the caches held then.
    pub(crate) caches_before: &'a [CacheLine],
    pub(crate) events: &'a [NumberedEvent],
    /// Which lines of the ledger the usage counts.
    pub(crate) scope: Scope,
    /// By the heap profile.
    pub(crate) grown: Option<GrownSince>,
}

/// The snapshot that `now` is to be held against: the oldest of the window, or else the last before it.
pub(crate) fn baseline<'a>(
    history: &'a [Snapshot],
    now: &Snapshot,
    window: Duration,
) -> Option<&'a Snapshot> {
    let start = now.uptime().saturating_sub(window);
    let in_window = history.iter().position(|snapshot| snapshot.uptime() >= start);
    match in_window {
        // The only one of the window is as good as now.
        Some(first) if first + 1 == history.len() => history.get(first.saturating_sub(1)),
        Some(first) => history.get(first),
        None => history.last(),
    }
}

impl Explanation {
    pub(crate) fn of(facts: &Facts<'_>) -> Self {
        let status = facts.status;
        let mut explanation = Explanation {
            schema_version: Status::SCHEMA_VERSION,
            timestamp: status.timestamp,
            run: status.process.run.clone(),
            verdict: Vec::new(),
            next_steps: Vec::new(),
            level: status.level,
            budget: status.budget.clone(),
            growth: GrowthReport::of(status),
            changes: Changes::of(facts),
            unexplained: Unexplained::of(facts),
            leak: status.leak.clone(),
            grown: facts.grown.clone(),
            doubts: Doubt::all(status),
            happenings: Happening::lately(facts.events, status.timestamp),
            evidence: Evidence::of(status, &EVIDENCE),
        };
        explanation.verdict = verdict::verdict(&explanation, status);
        explanation.next_steps = steps::next_steps(&explanation, status);
        explanation.changes.shorten();
        explanation
    }
}

impl Explanation {
    /// The functions that hold what leaks, or else what has grown lately: the name that whoever asks is looking for.
    fn functions(&self) -> &[GrownSite] {
        let lately = self.grown.as_ref().map_or(&[][..], |grown| &grown.sites);
        let known = self.leak.verdict == LeakVerdict::Confirmed || lately.is_empty();
        if known { &self.leak.sites } else { lately }
    }
}

impl std::fmt::Display for Explanation {
    /// The verdict, then the steps, each a line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for sentence in &self.verdict {
            writeln!(f, "{sentence}")?;
        }
        for (number, step) in (1..).zip(&self.next_steps) {
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }
}
