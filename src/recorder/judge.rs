//! Judges what became of a run, from what its file says and what the machine shows now. Pure.
//!
//! In this order: does it run; did it say its end; did a panic come after its last tick; can this machine tell at all; did the
//! kernel's own count rise; was memory short.

use super::identity::{Identity, RecordedGroup};
use super::judgement::{Exhibit, Judgement, LastRun};
use super::recording::{EndKind, Heartbeat, RecordedEnd, RecordedPanic};
use crate::level::Level;
use crate::policy::budget::size;
use crate::snapshot::Snapshot;
use crate::source::{KillsNow, MOST_GROUPS, Presence};
use std::time::Duration;

/// A share of the limit at which memory is called short.
const NEAR_PERCENT: f64 = 95.0;

/// So long after a panic the monitor ticks, to show that the process lives on.
pub(crate) const SURVIVED_AFTER: Duration = Duration::from_secs(2);

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Case<'a> {
    pub(super) identity: Identity,
    pub(super) heartbeat: Option<Heartbeat>,
    pub(super) last: Option<&'a Snapshot>,
    pub(super) end: Option<&'a RecordedEnd>,
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
        .or_else(|| panicked(case, scene))
        .or_else(|| out_of_sight(case, scene))
        .unwrap_or_else(|| killed(case, scene));
    let (verdict, summary, mut evidence) = opinion;
    evidence.extend(last_sign(case));
    Judgement { verdict, summary, evidence, judged: scene.now }
}

fn exhibit(finding: impl Into<String>, source: impl Into<String>) -> Exhibit {
    Exhibit { finding: finding.into(), source: source.into() }
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
        (Holder::Nobody, Presence::Alive) if case.end.is_none() => {
            let gone = exhibit("nobody has the file locked", "its lock (flock)");
            let summary = "the process has become another program (exec), without a word";
            return Some((LastRun::Clean, summary.into(), vec![process(), gone]));
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

fn panic_exhibit(panic: &RecordedPanic) -> Exhibit {
    let thread = match (&panic.thread, panic.is_main) {
        (_, true) => "the main thread".to_owned(),
        (Some(name), _) => format!("the thread {name}"),
        (None, _) => "a thread without a name".to_owned(),
    };
    exhibit(format!("{thread} panicked: {}", panic.message), "the panic hook")
}

/// Whether the process did not live on: the hook asks for a tick after a while. One that came sooner proves nothing, since a
/// trace is written before a process aborts.
fn is_last(case: &Case<'_>, panic: &RecordedPanic) -> bool {
    // Clocks are not asked to agree to the last digit.
    let survived = panic.timestamp + SURVIVED_AFTER.as_secs_f64() * 0.9;
    case.heartbeat.is_none_or(|heartbeat| heartbeat.timestamp < survived)
}

fn panicked(case: &Case<'_>, scene: &Scene) -> Option<Opinion> {
    let panic = case.panic.filter(|panic| is_last(case, panic))?;
    if !panic.is_main && own_rise(case, scene).is_some_and(|rise| rise > 0) {
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
    let counts = count_exhibits(case, scene);
    let own = own_rise(case, scene);
    let shortage = shortage(case);
    let all = |first: Vec<Exhibit>, then: Vec<Exhibit>| first.into_iter().chain(then).collect();
    if own.is_some_and(|rise| rise > 0) {
        let summary = "the kernel killed it for want of memory: its own count says so";
        return (LastRun::OomKillConfirmed, summary.into(), all(counts, shortage));
    }
    if case.heartbeat.is_none() {
        let summary = "it was gone before its first tick, or its last one cannot be read";
        return (LastRun::Unknown, summary.into(), counts);
    }
    let is_own_limit = ["address_space", "data"].contains(&case.identity.basis.as_str());
    if !shortage.is_empty() && is_own_limit {
        let summary = "it was at a limit of its own (RLIMIT): an allocation was refused, as it seems, and it gave up";
        return (LastRun::OomKillProbable, summary.into(), all(shortage, counts));
    }
    if own == Some(0) {
        let summary = if shortage.is_empty() {
            "it was killed, or crashed, with memory to spare"
        } else {
            "memory was short, but the kernel killed nobody for it: a signal (a supervisor's, perhaps for the memory), or a crash"
        };
        return (LastRun::KilledNotByMemory, summary.into(), all(counts, shortage));
    }
    if !shortage.is_empty() {
        let summary = "memory was short at its last tick, and then it was gone without a word";
        return (LastRun::OomKillProbable, summary.into(), all(shortage, counts));
    }
    if rises_above(case, scene) {
        let summary = "its control group is gone, and the kernel has killed for want of memory in the one above it since";
        return (LastRun::OomKillProbable, summary.into(), counts);
    }
    let summary = "it was killed, or crashed, with memory to spare at its last tick";
    (LastRun::KilledNotByMemory, summary.into(), counts)
}

/// How far the count of each group has risen since the last tick, where the group is still the same.
fn rises<'a>(
    case: &'a Case<'_>,
    scene: &'a Scene,
) -> impl Iterator<Item = (&'a RecordedGroup, KillsNow, Option<u64>)> {
    let groups = case.groups.iter().zip(&scene.groups).zip(case.kills);
    groups.map(|((group, now), at_tick)| {
        let before = at_tick.or(group.kills_at_start);
        let rise = match now {
            KillsNow::Same(Some(now)) => before.map(|before| now.saturating_sub(before)),
            _ => None,
        };
        (group, *now, rise)
    })
}

/// Of the process's own group; `None` where that cannot be known.
fn own_rise(case: &Case<'_>, scene: &Scene) -> Option<u64> {
    rises(case, scene).find(|(group, ..)| group.is_own).and_then(|(_, _, rise)| rise)
}

/// Whether the count of a group above rose that has those of the groups below.
fn rises_above(case: &Case<'_>, scene: &Scene) -> bool {
    rises(case, scene).any(|(group, _, rise)| !group.is_own && group.is_deep && rise > Some(0))
}

fn count_exhibits(case: &Case<'_>, scene: &Scene) -> Vec<Exhibit> {
    let exhibits: Vec<_> =
        rises(case, scene).filter_map(|(g, now, r)| count_exhibit(g, now, r)).collect();
    if exhibits.is_empty() {
        let finding = "no control group's count of kills can be compared";
        return vec![exhibit(finding, "memory.events, memory.oom_control")];
    }
    exhibits
}

fn count_exhibit(group: &RecordedGroup, now: KillsNow, rise: Option<u64>) -> Option<Exhibit> {
    let whose = if group.is_own { "its control group" } else { "a group above it" };
    let finding = match (now, rise) {
        (_, Some(0)) if group.is_own => {
            format!("the kernel has killed nobody in {whose} since its last tick")
        }
        (_, Some(0)) => return None,
        (_, Some(rise)) => {
            format!(
                "the kernel has killed {rise} in {whose} for want of memory since its last tick"
            )
        }
        (KillsNow::Gone, _) if group.is_own => format!("{whose} is gone, and its count with it"),
        (KillsNow::Another, _) if group.is_own => {
            format!("{whose} was made anew since, and its count with it")
        }
        _ => return None,
    };
    let file = if group.is_deep { "memory.events" } else { "memory.oom_control" };
    Some(exhibit(finding, format!("oom_kill in {}", group.dir.join(file).display())))
}

/// What says that memory was short at the last tick; nothing where it was not.
fn shortage(case: &Case<'_>) -> Vec<Exhibit> {
    let mut found = Vec::new();
    let Some(last) = case.last else { return found };
    if last.level() == Level::Critical {
        let share =
            last.usage_percent().map_or("its usage".into(), |share| format!("{share:.1} %"));
        found.push(exhibit(
            format!("the level was critical: {share} of the budget"),
            "the last tick",
        ));
    }
    found.extend(near_limit(case, last));
    if case.gave_up {
        found.push(exhibit("no cache was left to ask for memory", "the event gave_up"));
    }
    found
}

/// By what the kernel cannot drop: page cache fills a group to its limit when all is well.
fn near_limit(case: &Case<'_>, last: &Snapshot) -> Option<Exhibit> {
    let of_group = last.usage_low_bytes().zip(last.cgroup_limit_bytes());
    let of_budget = || last.usage_bytes().zip(case.identity.run.limit_bytes);
    let (bytes, limit) = of_group.or_else(of_budget)?;
    let percent = bytes as f64 * 100.0 / limit.max(1) as f64;
    let finding = || {
        let (bytes, limit) = (size(bytes), size(limit));
        format!("it used {bytes} of its limit of {limit} ({percent:.1} %), page cache left out")
    };
    (percent >= NEAR_PERCENT).then(|| exhibit(finding(), "the last tick"))
}

fn last_sign(case: &Case<'_>) -> Option<Exhibit> {
    let beat = case.heartbeat?;
    let finding = format!(
        "its last tick was number {}, {:.1} s after its start, at level {}",
        beat.ticks, beat.uptime_seconds, beat.level
    );
    Some(exhibit(finding, "the heartbeat"))
}

#[cfg(test)]
mod tests;
