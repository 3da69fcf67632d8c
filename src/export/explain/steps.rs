//! What to do next, most urgent first, with the tool or the setting that does it.

use super::culprit::Culprit;
use super::words::{size, time};
use super::{Doubt, DoubtKind, Explanation};
use crate::export::status::Status;
use crate::level::Level;
use crate::policy::forecast::Growth;
use serde::Serialize;
use serde_json::{Value, json};

/// So many are told.
const TOLD: usize = 5;

/// Full so soon is urgent.
const URGENT: f64 = 600.0;

/// A budget below this share of the limit can be raised.
const ROOM: f64 = 0.8;

/// What `trigger_eviction` takes, in MiB.
const TARGETS: (f64, f64) = (10.0, 4096.0);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NextStep {
    /// In words.
    pub what: String,
    /// The MCP tool that does it.
    pub tool: Option<&'static str>,
    /// What to call it with.
    pub arguments: Option<Value>,
    /// The setting that does it, or that must be set before.
    pub setting: Option<&'static str>,
}

impl std::fmt::Display for NextStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl NextStep {
    fn new(what: impl Into<String>) -> Self {
        NextStep { what: what.into(), tool: None, arguments: None, setting: None }
    }

    fn tool(self, tool: &'static str, arguments: Value) -> Self {
        NextStep { tool: Some(tool), arguments: Some(arguments), ..self }
    }

    fn setting(self, setting: &'static str) -> Self {
        NextStep { setting: Some(setting), ..self }
    }

    /// A tool that changes something, which must be allowed.
    fn changing(self, tool: &'static str, arguments: Value, status: &Status) -> Self {
        let step = self.tool(tool, arguments);
        if status.surfaces.actions { step } else { step.setting("PLIMSOLL_HTTP_ACTIONS") }
    }
}

pub(super) fn next_steps(explanation: &Explanation, status: &Status) -> Vec<NextStep> {
    let doubts = explanation.doubts.iter().map(doubted);
    let steps = make_room(explanation, status).into_iter();
    let steps =
        steps.chain(mend(explanation, status)).chain(look_for(explanation, status)).chain(doubts);
    let steps = steps.chain(raise(status)).chain(wait(explanation, status));
    let mut steps: Vec<_> = steps.take(TOLD).collect();
    if steps.is_empty() {
        let what = "nothing needs to be done; look at the history for slow growth";
        steps.push(NextStep::new(what).tool("get_memory_snapshots", json!({ "limit": 20 })));
    }
    steps
}

/// What brings the usage back below the warning threshold.
fn make_room(explanation: &Explanation, status: &Status) -> Option<NextStep> {
    let soon = explanation.growth.time_to_budget.latest_secs.is_some_and(|secs| secs < URGENT);
    // Well below the line there is room, and an eviction only hides what grows.
    if explanation.level < if soon { Level::Caution } else { Level::Warning } {
        return None;
    }
    if status.caches.is_empty() {
        let what = "no cache is registered that could give memory back: take on no more work, raise the budget, or \
            register what can be dropped (`Monitor::register`)";
        return Some(NextStep::new(what));
    }
    let line = status.thresholds.first().map_or(0, |threshold| threshold.leave_bytes);
    let beyond = status.snapshot.usage_bytes().map_or(0, |usage| usage.saturating_sub(line));
    let target = crate::mebibyte::mib(beyond).ceil().clamp(TARGETS.0, TARGETS.1);
    let what =
        format!("make room now: see what caches could give towards {target:.0} MiB, then evict");
    let arguments = json!({ "target_mb": target, "dry_run": true });
    Some(NextStep::new(what).tool("trigger_eviction", arguments))
}

/// What holds a leak, where it is known.
fn mend(explanation: &Explanation, status: &Status) -> Option<NextStep> {
    let leak = Some(&explanation.leak).filter(|leak| leak.verdict.is_alarm())?;
    let step = match explanation.functions().first() {
        Some(site) => NextStep::new(format!(
            "look at {}: what it allocates is kept, {} more than before; drop it, bound it, or register it if it is a cache",
            site.name,
            size(site.bytes)
        )),
        None => NextStep::new(format!(
            "find who keeps {}: run a heap profile (`PLIMSOLL_HEAP_PROFILE=on`), and ask again when some of it has come \
             while it ran",
            size(leak.growth_bytes.unwrap_or(0) as f64)
        ))
        .setting("PLIMSOLL_HEAP_PROFILE"),
    };
    Some(if status.surfaces.profile { step.tool("get_heap_profile", json!({})) } else { step })
}

/// Follows what grows.
fn look_for(explanation: &Explanation, status: &Status) -> Option<NextStep> {
    let grows = !matches!(explanation.growth.kind, Growth::Steady | Growth::Shrinking);
    match Culprit::of(explanation) {
        Culprit::Cache(cache) if grows && is_much(cache.change_bytes, status) => {
            Some(bound(&cache.name, status))
        }
        Culprit::Caches(bytes, most) if grows && is_much(bytes, status) => {
            Some(bound(&most.name, status))
        }
        // Said already.
        Culprit::NoCache(_) if explanation.leak.verdict.is_alarm() => None,
        Culprit::NoCache(bytes) if grows && is_much(bytes, status) => {
            Some(find(explanation, bytes, status))
        }
        Culprit::Line(line) if grows && is_much(line.change_bytes, status) => {
            Some(of_line(&line.name, line.remedy, status))
        }
        _ => slowly(explanation, status),
    }
}

/// Hours show what minutes do not.
fn slowly(explanation: &Explanation, status: &Status) -> Option<NextStep> {
    let (_, seconds) = explanation.changes.slowly(status.budget.bytes / 100)?;
    let what =
        format!("look at how it grew over the last {}: steadily is a slow leak", time(seconds));
    let figures = ["live_bytes", "live_objects", "caches_bytes"];
    let arguments = json!({ "limit": 20, "figures": figures });
    Some(NextStep::new(what).tool("get_memory_snapshots", arguments))
}

/// A hundredth of the budget: less is noise to whoever asks.
fn is_much(bytes: i64, status: &Status) -> bool {
    bytes.max(0).cast_unsigned() >= status.budget.bytes / 100
}

fn bound(cache: &str, status: &Status) -> NextStep {
    let what = format!(
        "bound cache {cache} (a capacity, or `CacheSpec::from(Level::Caution)` so that it is asked earlier); `unload` empties it at once"
    );
    NextStep::new(what).changing("unload", json!({ "cache": cache }), status)
}

fn find(explanation: &Explanation, bytes: i64, status: &Status) -> NextStep {
    let each = explanation
        .growth
        .bytes_per_object
        .map_or(String::new(), |each| format!(" in objects of some {} each", size(each)));
    let bytes = size(bytes as f64);
    let what = match explanation.functions().first() {
        Some(site) => format!(
            "see who keeps {bytes}{each}: most of what grew was allocated in {}; register what is a cache, bound or free \
             the rest",
            site.name
        ),
        None => format!(
            "find who keeps {bytes}{each}: measure suspects with `plimsoll::measure`, register what is a cache, bound or free the rest"
        ),
    };
    let step = NextStep::new(what);
    if status.surfaces.profile { step.tool("get_heap_profile", json!({})) } else { step }
}

fn of_line(line: &str, remedy: &str, status: &Status) -> NextStep {
    let step = NextStep::new(format!("{} grows: {remedy}", line.replace('_', " ")));
    match line {
        "dirty" => step.changing("purge_memory", json!({}), status),
        _ => step,
    }
}

fn doubted(doubt: &Doubt) -> NextStep {
    match doubt.kind {
        DoubtKind::Quarantined => NextStep::new(format!("{}: see why", doubt.words))
            .tool("memory_health_check", json!({})),
        DoubtKind::FreesObjectsNotPages => NextStep::new(format!(
            "{}: evict whole pages (in order of age), or put caches of large entries before it (`CacheSpec::tier`)",
            doubt.words
        )),
        _ => NextStep::new(format!("{}: correct what the cache reports", doubt.words)),
    }
}

/// More may be used where the limit is far.
fn raise(status: &Status) -> Option<NextStep> {
    let limit = status.budget.limit_bytes.filter(|_| status.level > Level::Healthy)?;
    let most = (limit as f64 * ROOM) as u64;
    if status.budget.bytes >= most {
        return None;
    }
    let budget = format!("{}MiB", most >> 20);
    let what =
        format!("or allow more: the limit is {}, the budget could be {budget}", size(limit as f64));
    let step =
        NextStep::new(what).changing("configure_memory", json!({ "budget": budget }), status);
    Some(step.setting("PLIMSOLL_BUDGET"))
}

/// While growth is unknown, when to ask again: who has asked has the monitor look closer.
fn wait(explanation: &Explanation, status: &Status) -> Option<NextStep> {
    let is_unknown = explanation.growth.kind == Growth::Unknown && status.monitor_running;
    let what = "growth is known after five ticks, which come each second now: ask again in 6s";
    is_unknown.then(|| NextStep::new(what).tool("explain_memory", json!({})))
}
