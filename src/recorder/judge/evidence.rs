//! What a judgement is concluded from: counts, shares and signs, each with its words.

use super::{Case, Scene};
use crate::level::Level;
use crate::policy::budget::size;
use crate::recorder::identity::RecordedGroup;
use crate::recorder::judgement::Exhibit;
use crate::recorder::recording::RecordedPanic;
use crate::snapshot::Snapshot;
use crate::source::KillsNow;

/// A share of the limit at which memory is called short.
const NEAR_PERCENT: f64 = 95.0;

/// One at which the limit is far off, however full a budget below it is.
const FAR_PERCENT: f64 = 50.0;

/// So many seconds after two ticks were due, a kill that the kernel counted may have been somebody else's.
const SOON: f64 = 60.0;

pub(super) fn exhibit(finding: impl Into<String>, source: impl Into<String>) -> Exhibit {
    Exhibit { finding: finding.into(), source: source.into() }
}

pub(super) fn panic_exhibit(panic: &RecordedPanic) -> Exhibit {
    let thread = match (&panic.thread, panic.is_main) {
        (_, true) => "the main thread".to_owned(),
        (Some(name), _) => format!("the thread {name}"),
        (None, _) => "a thread without a name".to_owned(),
    };
    exhibit(format!("{thread} panicked: {}", panic.message), "the panic hook")
}

/// How long after its last sign it is judged, where that is long.
pub(super) fn late(case: &Case<'_>, scene: &Scene) -> Option<Exhibit> {
    let last = case.heartbeat.map_or(case.identity.run.started, |beat| beat.timestamp);
    let pace = case.heartbeat.map_or(0.0, |beat| beat.pace_seconds);
    let gap = scene.now - last;
    let finding =
        || format!("it was judged {gap:.0} s after its last sign: the count is of all that time");
    (gap > 2.0 * pace + SOON).then(|| exhibit(finding(), "the clock"))
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

/// Of the process's own group; 0 too where it is gone, and one above that has its count has not risen. `None` where that
/// cannot be known.
pub(super) fn own_rise(case: &Case<'_>, scene: &Scene) -> Option<u64> {
    let own = rises(case, scene).find(|(group, ..)| group.is_own).and_then(|(_, _, rise)| rise);
    own.or_else(|| {
        rises(case, scene).find(|(g, _, rise)| g.is_deep && *rise == Some(0)).and(Some(0))
    })
}

/// Whether the count of a group above rose that has those of the groups below.
pub(super) fn rises_above(case: &Case<'_>, scene: &Scene) -> bool {
    rises(case, scene).any(|(group, _, rise)| !group.is_own && group.is_deep && rise > Some(0))
}

pub(super) fn count_exhibits(case: &Case<'_>, scene: &Scene) -> Vec<Exhibit> {
    let since = if case.newest_lost { "its start" } else { "its last tick" };
    let exhibits: Vec<_> =
        rises(case, scene).filter_map(|(g, now, r)| count_exhibit(g, now, r, since)).collect();
    if exhibits.is_empty() {
        let finding = "no control group's count of kills can be compared";
        return vec![exhibit(finding, "memory.events, memory.oom_control")];
    }
    exhibits
}

fn count_exhibit(
    group: &RecordedGroup,
    now: KillsNow,
    rise: Option<u64>,
    since: &str,
) -> Option<Exhibit> {
    let whose = if group.is_own { "its control group" } else { "a group above it" };
    let finding = match (now, rise) {
        (_, Some(0)) if group.is_own || group.is_deep => {
            format!("the kernel has killed nobody in {whose} since {since}")
        }
        (_, Some(0)) => return None,
        (_, Some(rise)) => {
            format!("the kernel has killed {rise} in {whose} for want of memory since {since}")
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
pub(super) fn shortage(case: &Case<'_>) -> Vec<Exhibit> {
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

/// Whether that may have got it killed: a budget that is full far below the limit does not.
pub(super) fn is_short(case: &Case<'_>) -> bool {
    let is_far = || {
        case.last
            .and_then(|last| share_of_limit(case, last))
            .is_some_and(|(.., percent)| percent < FAR_PERCENT)
    };
    !shortage(case).is_empty() && (is_own_limit(case) || !is_far())
}

/// Whether its budget comes from a limit that the kernel kills nobody for.
pub(super) fn is_own_limit(case: &Case<'_>) -> bool {
    ["address_space", "data"].contains(&case.identity.basis.as_str())
}

fn near_limit(case: &Case<'_>, last: &Snapshot) -> Option<Exhibit> {
    let (bytes, limit, percent) = share_of_limit(case, last)?;
    let finding = || {
        let (bytes, limit) = (size(bytes), size(limit));
        format!("it used {bytes} of its limit of {limit} ({percent:.1} %), page cache left out")
    };
    (percent >= NEAR_PERCENT).then(|| exhibit(finding(), "the last tick"))
}

/// Used, the limit, and percent: by what the kernel cannot drop, since page cache fills a group to its limit when all is well.
fn share_of_limit(case: &Case<'_>, last: &Snapshot) -> Option<(u64, u64, f64)> {
    let of_group = last.usage_low_bytes().zip(last.cgroup_limit_bytes());
    let of_budget = || last.usage_bytes().zip(case.identity.run.limit_bytes);
    let (bytes, limit) = of_group.or_else(of_budget)?;
    Some((bytes, limit, bytes as f64 * 100.0 / limit.max(1) as f64))
}

pub(super) fn last_sign(case: &Case<'_>) -> Option<Exhibit> {
    let beat = case.heartbeat?;
    let finding = format!(
        "its last tick was number {}, {:.1} s after its start, at level {}",
        beat.ticks, beat.uptime_seconds, beat.level
    );
    Some(exhibit(finding, "the heartbeat"))
}
