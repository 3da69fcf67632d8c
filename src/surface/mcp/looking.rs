//! The tools that only look.

use super::answer::{Answer, Failure, found};
use super::arguments::{LIMITS, MOST_FIGURES, Metrics, Snapshots, within};
use crate::eviction::CacheStatus;
use crate::export::evidence::Evidence;
use crate::export::explain::Explanation;
use crate::export::history::{Columns, Wanted};
use crate::export::report::HealthReport;
use crate::export::status::Status;
use crate::level::Level;
use crate::monitor::Handle;
use crate::own::OwnFigure;
use crate::policy::health::HealthStatus;
use crate::surface::fresh::{freshen, look_closely};
use serde_json::{Map, Value, json};

/// The figures that answer most questions.
const USUAL: [&str; 12] = [
    "usage_bytes",
    "usage_percent",
    "budget_bytes",
    "live_bytes",
    "live_objects",
    "peak_live_bytes",
    "jemalloc_resident_bytes",
    "jemalloc_dirty_bytes",
    "process_rss_bytes",
    "cgroup_charged_bytes",
    "growth_bytes_per_sec",
    "time_to_budget_secs",
];

/// What the monitor's own checks go by.
const OF_HEALTH: [&str; 3] = ["usage_bytes", "usage_percent", "growth_bytes_per_sec"];

/// What a history is looked at for.
const MOVING: [&str; 4] = ["usage_bytes", "live_bytes", "live_objects", "process_rss_bytes"];

/// So many caches are told of, largest first.
const MOST_CACHES: usize = 16;

/// So many rows of history are told, changes of level included.
const MOST_ROWS: usize = 200;

pub(super) async fn explanation(handle: &Handle) -> Answer {
    freshen(handle).await;
    look_closely(handle).await;
    let explanation: Explanation = handle.explain_as_known();
    let next_step = explanation.next_steps.first().map(|step| step.what.clone());
    found(explanation, next_step.unwrap_or_default())
}

pub(super) async fn status(handle: &Handle) -> Answer {
    freshen(handle).await;
    let status = handle.status();
    let mut caches: Vec<_> = status.caches.iter().collect();
    caches.sort_by_key(|cache| std::cmp::Reverse(cache.usage_bytes));
    let ledger = status
        .ledger
        .lines
        .iter()
        .map(|line| json!({ "name": line.name, "bytes": line.bytes, "kind": line.kind }));
    let json = json!({
        "process": status.process,
        "monitor_running": status.monitor_running,
        "level": status.level,
        "budget": status.budget,
        "usage": status.usage,
        "thresholds": status.thresholds,
        "growth": status.forecast.growth,
        "growth_meaning": status.forecast.growth.as_str(),
        "time_to_budget": status.forecast.time_to_budget,
        "ledger": ledger.collect::<Vec<_>>(),
        "caches_total": caches.len(),
        "caches": caches.into_iter().take(MOST_CACHES).map(brief).collect::<Vec<_>>(),
        "sources": status.ledger.sources,
        "warning": warning(&status),
        "evictions_total": status.evictions.total_evictions,
        "evicted_bytes_total": status.evictions.total_memory_freed_bytes,
        "evidence": Evidence::of(&status, &USUAL),
    });
    found(json, what_next(&status))
}

fn brief(cache: &CacheStatus) -> Value {
    json!({
        "name": cache.name, "usage_bytes": cache.usage_bytes, "floor_bytes": cache.floor_bytes,
        "ceiling_bytes": cache.ceiling_bytes, "from": cache.from, "priority": cache.priority,
        "given_bytes": cache.given_bytes, "claimed_bytes": cache.claimed_bytes,
        "honesty": cache.honesty, "quarantined": cache.quarantined,
    })
}

fn warning(status: &Status) -> Option<Value> {
    let warning = status.warning.as_ref()?;
    Some(json!({
        "message": warning.message, "action": warning.action, "urgency": warning.urgency,
        "recommendations": warning.recommendations,
    }))
}

fn what_next(status: &Status) -> &'static str {
    match status.level {
        Level::Healthy => "nothing to do; explain_memory says whether and why it grows",
        Level::Caution => "ask explain_memory what grows before the next threshold",
        Level::Warning | Level::Critical => {
            "call trigger_eviction with dry_run to see what caches could give, and explain_memory for why"
        }
    }
}

pub(super) async fn metrics(handle: &Handle, arguments: Metrics) -> Answer {
    check_figures(&arguments.figures)?;
    freshen(handle).await;
    let status = handle.status();
    let named: Vec<_> = arguments.figures.iter().map(String::as_str).collect();
    let names = if named.is_empty() { USUAL.as_slice() } else { named.as_slice() };
    let report = handle.metrics();
    let mut metrics =
        super::answer::object(serde_json::to_value(&report.metrics).unwrap_or_default());
    // The whole table is for programs: /api/v1/metrics has it.
    metrics.retain(|name, _| ORIGINAL.contains(&name.as_str()));
    let json = json!({
        "metrics": metrics,
        "profiler": report.profiler,
        "monitor_running": report.monitor_running,
        "own_metrics": own(&status),
        "evidence": Evidence::of(&status, names),
    });
    found(json, "name figures to see others; get_memory_snapshots shows how they moved")
}

/// The user's own, with what they are: as old as the last tick.
fn own(status: &Status) -> Vec<Value> {
    let age = status.ticked.map(|ticked| crate::export::evidence::age(status.timestamp, ticked));
    let figure = |own: &OwnFigure| {
        json!({
            "name": own.name, "value": own.value, "unit": own.unit, "meaning": own.help,
            "exactness": "reported", "age_seconds": age,
        })
    };
    status.own_metrics.iter().take(MOST_FIGURES).map(figure).collect()
}

/// The original's keys, with their twins in bytes.
const ORIGINAL: [&str; 12] = [
    "timestamp",
    "memory_rss_mb",
    "memory_rss_bytes",
    "memory_usage_percent",
    "eviction_count",
    "memory_freed_total_mb",
    "memory_freed_total_bytes",
    "growth_rate_mb_per_sec",
    "growth_rate_bytes_per_sec",
    "status",
    "threshold_crossings",
    "heap_objects",
];

fn check_figures(figures: &[String]) -> Result<(), Failure> {
    if figures.len() > MOST_FIGURES {
        return Err(Failure::argument("figures", figures.len(), "at most 12 names"));
    }
    let wanted = Wanted { figures: figures.to_vec(), ..Wanted::default() };
    let next_step = "use names of the table of figures, such as live_bytes or process_rss_bytes";
    wanted.check().map_err(|error| Failure::new("request_error", error, next_step))
}

pub(super) fn snapshots(handle: &Handle, arguments: Snapshots) -> Answer {
    check_figures(&arguments.figures)?;
    let limit = within("limit", arguments.limit, &LIMITS)?;
    let figures = match arguments.figures {
        figures if figures.is_empty() => MOVING.map(str::to_owned).to_vec(),
        figures => figures,
    };
    let now = handle.status();
    let since = since(&now, arguments.last_seconds)?;
    // The newest comes on top of what is spread evenly.
    let points = Some(limit as usize - 1);
    let wanted = Wanted { since, points, figures };
    let mut columns = handle.columns(&wanted);
    let rows_left_out = bound(&mut columns);
    let json = json!({
        "age_seconds": newest(&columns).map(|at| crate::export::evidence::age(now.timestamp, at)),
        "thinned": columns.thinned,
        "rows_left_out": rows_left_out,
        "interval_seconds": columns.interval_seconds,
        "units": units(&columns),
        "snapshots": columns.figures,
    });
    found(
        json,
        "ask for a shorter time (last_seconds) to see it closer; explain_memory says what it means",
    )
}

fn since(now: &Status, last_seconds: Option<f64>) -> Result<Option<f64>, Failure> {
    match last_seconds {
        Some(seconds) if !(1.0..=1e9).contains(&seconds) => {
            Err(Failure::argument("last_seconds", seconds, "1 or more"))
        }
        seconds => Ok(seconds.map(|seconds| now.timestamp - seconds)),
    }
}

/// A level that went up and down all day makes many rows: the newest are kept.
fn bound(columns: &mut Columns) -> usize {
    let rows = columns.figures.get("timestamp").and_then(Value::as_array).map_or(0, Vec::len);
    let left_out = rows.saturating_sub(MOST_ROWS);
    for column in columns.figures.values_mut().filter_map(Value::as_array_mut) {
        column.drain(..left_out.min(column.len()));
    }
    left_out
}

fn newest(columns: &Columns) -> Option<f64> {
    columns.figures.get("timestamp")?.as_array()?.last()?.as_f64()
}

/// What the columns count, where it comes from, and how far it can be believed.
fn units(columns: &Columns) -> Map<String, Value> {
    let told = crate::metric::METRICS.iter().filter(|m| columns.figures.contains_key(m.name));
    let about = |m: &crate::metric::Metric| json!({ "unit": m.unit, "source": m.source, "exactness": m.exactness });
    told.map(|metric| (metric.name.to_owned(), about(metric))).collect()
}

pub(super) async fn health(handle: &Handle) -> Answer {
    let report: Result<HealthReport, _> = crate::surface::fresh::health(handle).await;
    let report = report
        .map_err(|error| Failure::of(&error, "call again; the system is short of threads"))?;
    let next_step = match report.status {
        HealthStatus::Healthy => "nothing to do",
        _ => "read the messages of failed_checks; explain_memory says why memory is as it is",
    };
    let mut json = found(report, next_step)?;
    let evidence = Evidence::of(&handle.status(), &OF_HEALTH);
    json.insert("evidence".into(), json!(evidence));
    Ok(json)
}
