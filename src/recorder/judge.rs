//! Judges what became of a run, from what its file says and what the machine shows now. Pure.
//!
//! In this order: does it run; did it say its end, and can that be read; did a panic come after its last tick, with nothing
//! that speaks for memory; can this machine tell at all; did the kernel's own count rise; was memory short.

use super::identity::{Identity, RecordedGroup};
use super::judgement::{Exhibit, Judgement, LastRun};
use super::recording::{EndKind, Heartbeat, RecordedEnd, RecordedPanic, TimePoint};
use crate::snapshot::Snapshot;
use crate::source::{KillsNow, MOST_GROUPS, Presence};
use evidence::{
    count_exhibits, exhibit, is_own_limit, is_short, last_sign, late, own_rise, panic_exhibit,
    rises_above, shortage,
};
use std::time::Duration;

/// So long after a panic the monitor ticks, to show that the process lives on.
pub(crate) const SURVIVED_AFTER: Duration = Duration::from_secs(2);

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Case<'a> {
    pub(super) identity: Identity,
    pub(super) heartbeat: Option<Heartbeat>,
    pub(super) last: Option<&'a Snapshot>,
    pub(super) end: Option<&'a RecordedEnd>,
    /// Whether the file has one, and it cannot be read.
    pub(super) end_lost: bool,
    /// The same of the last tick.
    pub(super) newest_lost: bool,
    /// Oldest first.
    pub(super) time_line: &'a [TimePoint],
    pub(super) panic: Option<&'a RecordedPanic>,
    pub(super) groups: &'a [RecordedGroup],
    /// By the last tick.
    pub(super) kills: [Option<u64>; MOST_GROUPS],
    /// Whether nobody was left to ask for memory, and that had not changed.
    pub(super) gave_up: bool,
}

/// Whether somebody has the file locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Somebody,
    Nobody,
    Unknown,
}

/// What the machine shows.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// In seconds since 1970.
    pub(super) now: f64,
    pub(super) holder: Holder,
    pub(super) presence: Presence,
    /// Whether the process has become another program; `None` while unknown.
    pub(super) is_another: Option<bool>,
    /// `None` where one of the two is unknown.
    pub(super) same_boot: Option<bool>,
    pub(super) same_host: Option<bool>,
    /// In the order of the recorded groups.
    pub(super) groups: Vec<KillsNow>,
}

type Opinion = (LastRun, String, Vec<Exhibit>);

pub(super) fn judge(case: &Case<'_>, scene: &Scene) -> Judgement {
    let opinion = running(case, scene)
        .or_else(|| ended(case))
        .or_else(|| lost(case, scene))
        .or_else(|| panicked(case, scene))
        .or_else(|| out_of_sight(case, scene))
        .unwrap_or_else(|| killed(case, scene));
    let (verdict, summary, mut evidence) = opinion;
    if ![LastRun::Running, LastRun::Clean, LastRun::Panicked].contains(&verdict) {
        evidence.extend(last_panic(case).map(panic_exhibit));
    }
    evidence.extend(last_sign(case));
    Judgement { verdict, summary, evidence, judged: scene.now }
}

fn running(case: &Case<'_>, scene: &Scene) -> Option<Opinion> {
    // The process may live on without its monitor, and hold the file for a moment yet.
    if case.end.is_some() {
        return None;
    }
    let pid = case.identity.run.pid;
    let process = || {
        exhibit(
            format!("process {pid} runs, with the start that was recorded"),
            format!("/proc/{pid}/stat"),
        )
    };
    let lock = || exhibit("a process has the file locked", "its lock (flock)");
    let (summary, evidence) = match (scene.holder, scene.presence) {
        (Holder::Somebody, Presence::Alive) => ("it runs", vec![process(), lock()]),
        (Holder::Unknown, Presence::Alive) => ("it runs", vec![process()]),
        (Holder::Somebody, Presence::OutOfSight) => (
            "it runs where this process cannot see it, in another container or on another machine",
            vec![lock()],
        ),
        (Holder::Nobody, Presence::Alive) => {
            let gone = exhibit("nobody has the file locked", "its lock (flock)");
            if scene.is_another == Some(true) {
                let summary = "the process has become another program (exec), without a word";
                return Some((LastRun::Clean, summary.into(), vec![process(), gone]));
            }
            let summary =
                "its process runs: the file is a copy, or that program has begun anew (exec)";
            (summary, vec![process(), gone])
        }
        _ => return None,
    };
    Some((LastRun::Running, summary.into(), evidence))
}

/// What it said itself.
fn ended(case: &Case<'_>) -> Option<Opinion> {
    let end = case.end?;
    let by_panic = || case.panic.filter(|panic| panic.is_main && is_last(case, panic));
    let (verdict, summary, finding) = match (end.kind, by_panic()) {
        (EndKind::Unwound, _) => {
            (LastRun::Panicked, "a panic ended it", "the monitor was dropped by a panic")
        }
        (EndKind::Exited, Some(_)) => {
            (LastRun::Panicked, "a panic of the main thread ended it", "the process exited")
        }
        (EndKind::Exited, None) => (
            LastRun::Clean,
            "it exited",
            "the process exited by itself: main returned, or somebody called exit",
        ),
        (EndKind::Stopped, _) => (
            LastRun::Clean,
            "its monitor was stopped",
            "the monitor was stopped; what the process did afterwards is not recorded",
        ),
    };
    let mut evidence = vec![exhibit(finding, "the file's end")];
    if verdict == LastRun::Panicked {
        evidence.extend(case.panic.map(panic_exhibit));
    }
    Some((verdict, summary.into(), evidence))
}

/// It was said, and is lost: all that could be concluded from its silence would be wrong.
fn lost(case: &Case<'_>, scene: &Scene) -> Option<Opinion> {
    if !case.end_lost || own_rise(case, scene) > Some(0) {
        return None;
    }
    let summary = "how it ended may have been written down, and cannot be read";
    let found = exhibit("damaged, or cut off", "the file's end");
    let evidence = std::iter::once(found).chain(shortage(case));
    Some((LastRun::Unknown, summary.into(), evidence.collect()))
}

/// Whether the process did not live on: the hook asks for a tick after a while. One that came sooner proves nothing, since a
/// trace is written before a process aborts. A clock that was set back later does not undo a tick.
fn is_last(case: &Case<'_>, panic: &RecordedPanic) -> bool {
    // Clocks are not asked to agree to the last digit.
    let survived = panic.timestamp + SURVIVED_AFTER.as_secs_f64() * 0.9;
    let times = case.time_line.iter().map(|point| point.timestamp);
    let ticks = times.chain(case.heartbeat.map(|heartbeat| heartbeat.timestamp));
    let mut course = std::iter::once(case.identity.run.started).chain(ticks);
    let is_unknown = case.newest_lost && case.time_line.is_empty();
    // Times before the panic come first, unless the clock was set back before it.
    let lived_on = course.any(|time| time <= panic.timestamp) && course.any(|t| t >= survived);
    !is_unknown && !lived_on
}

fn last_panic<'a>(case: &Case<'a>) -> Option<&'a RecordedPanic> {
    case.panic.filter(|panic| is_last(case, panic))
}

/// Where memory is a reason as good, or panics had been survived before, it is evidence alone.
fn panicked(case: &Case<'_>, scene: &Scene) -> Option<Opinion> {
    let panic = last_panic(case).filter(|panic| panic.count <= 1)?;
    let by_memory = own_rise(case, scene).map_or_else(|| is_short(case), |rise| rise > 0);
    if by_memory {
        return None;
    }
    let after = exhibit("no tick came two seconds after it, and it asks for one", "the last tick");
    Some((LastRun::Panicked, "a panic ended it".into(), vec![panic_exhibit(panic), after]))
}

/// The kernel's counts and process ids mean nothing elsewhere.
fn out_of_sight(case: &Case<'_>, scene: &Scene) -> Option<Opinion> {
    let run = &case.identity.run;
    let told = |id: &Option<String>| id.clone().unwrap_or("unknown".into());
    let (summary, found) = match (scene.same_host, scene.same_boot) {
        (Some(false), Some(false) | None) => (
            "it ran on another machine, whose kernel would have to be asked",
            exhibit(format!("its machine was {}", told(&run.host_id)), "/etc/machine-id"),
        ),
        (_, Some(false)) => (
            "the machine was started anew since: a power cut, a kernel's panic or somebody may have ended it",
            exhibit(format!("its boot was {}", told(&run.boot_id)), "boot_id"),
        ),
        (_, None) => (
            "it is not known whether it ran on this machine since its boot",
            exhibit(format!("its boot was {}", told(&run.boot_id)), "boot_id"),
        ),
        _ => return None,
    };
    let evidence = std::iter::once(found).chain(shortage(case));
    Some((LastRun::Unknown, summary.into(), evidence.collect()))
}

/// It was there, and is gone without a word.
fn killed(case: &Case<'_>, scene: &Scene) -> Opinion {
    let own = own_rise(case, scene);
    let (verdict, summary, shortage_first) = if own > Some(0) {
        counted(case, scene)
    } else if case.heartbeat.is_none() {
        let summary = "it was gone before its first tick, or its last one cannot be read";
        (LastRun::Unknown, summary, false)
    } else if is_own_limit(case) && is_short(case) {
        let summary = "it was at a limit of its own (RLIMIT): an allocation was refused, as it seems, and it gave up";
        (LastRun::OomKillProbable, summary, true)
    } else if own == Some(0) {
        (LastRun::KilledNotByMemory, spared(case), false)
    } else {
        uncounted(case, scene)
    };
    let (counts, shortage) = (count_exhibits(case, scene), shortage(case));
    let (mut evidence, then) = if shortage_first { (shortage, counts) } else { (counts, shortage) };
    evidence.extend(then);
    if own > Some(0) {
        evidence.extend(late(case, scene));
    }
    (verdict, summary.into(), evidence)
}

type Finding = (LastRun, &'static str, bool);

/// The kernel has killed in its group.
fn counted(case: &Case<'_>, scene: &Scene) -> Finding {
    if case.newest_lost {
        let summary = "the kernel has killed in its control group since its start, and its last tick cannot be read";
        return (LastRun::OomKillProbable, summary, false);
    }
    if late(case, scene).is_some() && !is_short(case) {
        let summary = "the kernel has killed in its control group since, but memory was not short at its last tick: perhaps another";
        return (LastRun::OomKillProbable, summary, false);
    }
    let summary = "the kernel killed it for want of memory: its own count says so";
    (LastRun::OomKillConfirmed, summary, false)
}

/// The kernel has killed nobody.
fn spared(case: &Case<'_>) -> &'static str {
    if !shortage(case).is_empty() {
        "memory was short, but the kernel killed nobody for it: a signal (a supervisor's, perhaps for the memory), or a crash"
    } else if last_panic(case).is_some() {
        "it was killed, or crashed, with memory to spare, right after a panic such as it had survived before"
    } else {
        "it was killed, or crashed, with memory to spare"
    }
}

/// Nobody knows whether the kernel has killed.
fn uncounted(case: &Case<'_>, scene: &Scene) -> Finding {
    if is_short(case) {
        let summary = "memory was short at its last tick, and then it was gone without a word";
        return (LastRun::OomKillProbable, summary, true);
    }
    if rises_above(case, scene) {
        let summary = "its control group is gone, and the kernel has killed for want of memory in the one above it since";
        return (LastRun::OomKillProbable, summary, false);
    }
    let summary =
        "it was gone without a word, and no count of the kernel's is left that could say why";
    (LastRun::Unknown, summary, false)
}

mod evidence;
#[cfg(test)]
mod tests;
