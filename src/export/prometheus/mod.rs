//! The report as Prometheus reads it: families in a fixed order, in base units; what is unknown is absent.
//!
//! ```text
//! format.rs   which text form a scraper wants
//! name.rs     the names that Prometheus knows figures by
//! text.rs     families and samples, escaped
//! caches.rs  forecast.rs  leak.rs   the parts with labels
//! previous_run.rs   what the recorder says of the run before
//! ```

mod caches;
mod forecast;
mod format;
mod leak;
mod name;
#[cfg(feature = "recorder")]
mod previous_run;
#[cfg(test)]
mod tests;
mod text;

pub use format::Exposition;

use super::status::Status;
use crate::ledger::LineKind;
use crate::level::Level;
use crate::metric::{Kind, METRICS, Metric, Value};
use name::{Taken, exactness_words, in_base_unit, unit_word};
use text::{Family, Number, Page};

/// Writes all that `status` knows.
pub(crate) fn write(out: &mut String, status: &Status, exposition: Exposition) {
    let mut page = Page::new(out, exposition.format);
    METRICS.iter().for_each(|metric| figure(&mut page, metric, status));
    process(&mut page, status, exposition);
    level(&mut page, status);
    thresholds(&mut page, status);
    usage(&mut page, status);
    ledger(&mut page, status);
    caches::write(&mut page, &status.caches);
    caches::last_eviction(&mut page, &status.evictions);
    forecast::write(&mut page, &status.forecast);
    leak::write(&mut page, &status.leak, status.snapshot.live_bytes().is_some());
    brake(&mut page, status);
    monitor(&mut page, status);
    #[cfg(feature = "recorder")]
    previous_run::write(&mut page, status);
    own_figures(&mut page, status);
    page.end();
}

/// One of the table.
fn figure(page: &mut Page<'_>, metric: &Metric, status: &Status) {
    let name = metric.prometheus_name();
    let help = format!("{} ({})", metric.help, exactness_words(metric.exactness));
    let family = Family {
        name: name.trim_end_matches("_total"),
        unit: unit_word(metric.unit),
        kind: metric.kind,
        help: &help,
    };
    page.one(family, metric.get(&status.snapshot).map(|value| in_base_unit(metric.unit, value)));
}

fn process(page: &mut Page<'_>, status: &Status, exposition: Exposition) {
    let help = "When the process was started, in seconds since 1970.";
    let started = status.process.process_started.filter(|_| !exposition.without_process_start);
    page.one(Family::gauge("process_start_time_seconds", "seconds", help), started);
}

/// Every level, of which one is 1: a set of states. Before the first tick none is known.
fn level(page: &mut Page<'_>, status: &Status) {
    let family =
        Family::gauge("plimsoll_level", "", "How full the budget is: 1 at the level in force.");
    let is_at = |level: Level| status.ticked.map(|_| (status.level == level).into());
    page.family(family, Level::ALL.map(|level| ([("level", level.as_str())], is_at(level))));
}

fn thresholds(page: &mut Page<'_>, status: &Status) {
    let line = "Where the next level begins.";
    let leave = "Where the level above the threshold is left again.";
    let up = "Times the usage passed the threshold on its way up.";
    let all = &status.thresholds;
    let bytes = all.iter().map(|t| ([("threshold", t.name.as_str())], Some(t.bytes.into())));
    page.family(Family::gauge("plimsoll_threshold_bytes", "bytes", line), bytes);
    let bytes = all.iter().map(|t| ([("threshold", t.name.as_str())], Some(t.leave_bytes.into())));
    page.family(Family::gauge("plimsoll_threshold_leave_bytes", "bytes", leave), bytes);
    let crossed = status.threshold_crossings;
    let crossed = [
        ("warning", crossed.warning),
        ("prompt", crossed.prompt),
        ("emergency", crossed.emergency),
    ];
    let crossed = crossed.map(|(name, times)| ([("threshold", name)], Some(times.into())));
    page.family(Family::counter("plimsoll_threshold_crossings", "", up), crossed);
}

/// What the table does not have of it; unknown before the first tick.
fn usage(page: &mut Page<'_>, status: &Status) {
    let usage = status.ticked.map(|_| status.usage);
    let limit = "The limit that the budget was taken from or lies below.";
    page.one(Family::gauge("plimsoll_limit_bytes", "bytes", limit), status.budget.limit_bytes);
    let near = "Memory that the kernel cannot drop, as a share of the limit.";
    let share = usage.and_then(|usage| usage.proximity_percent).map(|percent| percent / 100.0);
    page.one(Family::gauge("plimsoll_limit_used_ratio", "ratio", near), share);
    let purgeable = "Unused pages of jemalloc's that a purge would give back (estimate).";
    let family = Family::gauge("plimsoll_usage_purgeable_bytes", "bytes", purgeable);
    page.one(family, usage.map(|usage| usage.purgeable_bytes));
    let reusable =
        "Free slots of jemalloc's that the demand of the last 30 s would fill (estimate).";
    let family = Family::gauge("plimsoll_usage_reusable_bytes", "bytes", reusable);
    page.one(family, usage.map(|usage| usage.reusable_bytes));
}

/// The parts, which add up to what the kernel charges; sums would be counted twice.
fn ledger(page: &mut Page<'_>, status: &Status) {
    let help = "From the live bytes to what the kernel charges: parts that add up, negative where a source counts less.";
    let parts = status.ledger.lines.iter().filter(|line| line.kind == LineKind::Part);
    let parts = parts.map(|line| ([("line", line.name)], Some(line.bytes.into())));
    page.family(Family::gauge("plimsoll_ledger_bytes", "bytes", help), parts);
    let help = "What memory sources of the program's own say they hold (reported).";
    let known = |bytes: Option<u64>| bytes.map(Number::from);
    let sources = status.ledger.sources.iter();
    let sources = sources.map(|s| ([("source", s.name.as_str())], known(s.reported_bytes)));
    page.family(Family::gauge("plimsoll_source_bytes", "bytes", help), sources);
}

fn brake(page: &mut Page<'_>, status: &Status) {
    let brake = status.brake;
    let total = |name, unit, help| Family::counter(name, unit, help);
    let admitted = total("plimsoll_brake_admitted", "", "Requests for memory that were admitted.");
    page.one(admitted, Some(brake.admitted_total));
    let bytes = total("plimsoll_brake_admitted_bytes", "bytes", "Bytes that were admitted.");
    page.one(bytes, Some(brake.admitted_bytes_total));
    let refused = total("plimsoll_brake_refused", "", "Requests for memory that were refused.");
    page.one(refused, Some(brake.refused_total));
    let waited = total("plimsoll_brake_waited", "", "Requests for memory that had to wait.");
    page.one(waited, Some(brake.waited_total));
    let waiting = Family::gauge("plimsoll_brake_waiting", "", "Requests for memory that wait now.");
    page.one(waiting, Some(brake.waiting));
    let wall = "Allocations that a limit of the allocator's refused.";
    page.one(total("plimsoll_limit_refusals", "", wall), Some(status.limit_refusals));
}

fn monitor(page: &mut Page<'_>, status: &Status) {
    let events = Family::counter("plimsoll_events", "", "Events so far.");
    page.one(events, Some(status.events.total));
    let dropped = "Events that sinks were too slow for.";
    page.one(Family::counter("plimsoll_events_dropped", "", dropped), Some(status.events.dropped));
    let running = "1 while the monitor runs.";
    page.one(Family::gauge("plimsoll_monitor_running", "", running), Some(status.monitor_running));
    let age = status.ticked.map(|ticked| (status.timestamp - ticked).max(0.0));
    let help = "Time since the monitor last ticked.";
    page.one(Family::gauge("plimsoll_monitor_tick_age_seconds", "seconds", help), age);
    let help = "When the monitor was started, in seconds since 1970: totals began then.";
    let started = Family::gauge("plimsoll_monitor_start_time_seconds", "seconds", help);
    page.one(started, Some(status.process.started));
    let build =
        Family::gauge("plimsoll_build_info", "", "1; which program and which plimsoll it is.");
    let process = &status.process;
    let labels = [("program", process.name.as_str()), ("version", process.plimsoll_version)];
    page.family(build, [(labels, Some(true.into()))]);
}

fn own_figures(page: &mut Page<'_>, status: &Status) {
    let mut taken = Taken::default();
    for figure in &status.own_metrics {
        let name = taken.family(figure);
        let unit = unit_word(figure.unit);
        let family = Family { name: &name, unit, kind: figure.kind, help: &figure.help };
        // A total below nothing makes a strict reader refuse the whole page.
        let value = figure.value.filter(|value| figure.kind == Kind::Gauge || *value >= 0.0);
        page.one(family, value.map(|value| in_base_unit(figure.unit, Value::Float(value))));
    }
}
