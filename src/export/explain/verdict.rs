//! Three plain sentences: where it stands, what grows, and what that comes up against.

use super::culprit::Culprit;
use super::words::{change, size, time};
use super::{Explanation, GrowthReport};
use crate::event::Severity;
use crate::export::status::Status;
use crate::level::Level;
use crate::policy::forecast::{Growth, Rate, TimeToBudget};
use crate::policy::leak::GrownSite;

/// A jump longer ago explains nothing of now.
const RECENT_STEP: f64 = 600.0;

/// So many are named.
const FUNCTIONS: usize = 3;

pub(super) fn verdict(explanation: &Explanation, status: &Status) -> Vec<String> {
    let third = leak(explanation).or_else(|| trouble(explanation)).or_else(|| held(explanation));
    [Some(standing(status)), Some(growing(explanation)), third].into_iter().flatten().collect()
}

fn standing(status: &Status) -> String {
    let budget = size(status.budget.bytes as f64);
    let (meter, provenance) = (status.budget.meter, &status.budget.provenance);
    let usage = status.snapshot.usage_bytes().zip(status.snapshot.usage_percent());
    let used = usage.map_or("an unknown part".into(), |(usage, percent)| {
        format!("{} ({percent:.1} %)", size(usage as f64))
    });
    let level = status.level;
    format!(
        "Level {level}: {used} of the budget of {budget} is used (meter {meter}; {provenance})."
    )
}

fn growing(explanation: &Explanation) -> String {
    let growth = &explanation.growth;
    let (by, held) = (by_whom(&Culprit::of(explanation)), held_by(explanation));
    match growth.kind {
        // What fell has no culprit.
        Growth::Unknown if explanation.changes.usage_bytes.is_some_and(|bytes| bytes <= 0) => {
            format!("{}.", unknown(explanation))
        }
        Growth::Unknown => format!("{}{by}{held}.", unknown(explanation)),
        Growth::Steady => {
            let slowly = slowly(explanation);
            format!("It does not grow: {}{}{slowly}{held}.", rate(growth), jump(growth))
        }
        Growth::Shrinking => format!("It shrinks: {}.", rate(growth)),
        kind => {
            let (rate, until) = (rate(growth), until(growth));
            format!("It grows: {rate}; {}{by}{held}; {until}.", what(kind, growth))
        }
    }
}

/// What grew for days is more than what went wrong an hour ago.
fn leak(explanation: &Explanation) -> Option<String> {
    let leak = Some(&explanation.leak).filter(|leak| leak.verdict.is_alarm())?;
    let (bytes, span) = (leak.growth_bytes? as f64, leak.span_secs?);
    let named = functions(explanation.functions());
    let named = if named.is_empty() { named } else { format!(": {named}") };
    Some(format!(
        "A leak is {}: what no cache holds grew by {} in {}{named}.",
        leak.verdict,
        size(bytes),
        time(span)
    ))
}

/// `f (12.0 MiB, standard error 0.4 MiB), g (..)`; nothing where none is known.
fn functions(sites: &[GrownSite]) -> String {
    let words = sites.iter().take(FUNCTIONS).map(|site| {
        let [bytes, error] = [site.bytes, site.standard_error].map(size);
        format!("{} ({bytes}, standard error {error})", site.name)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// By the heap profile, where it is not said of the leak anyway.
fn held_by(explanation: &Explanation) -> String {
    let grown = explanation.grown.as_ref().filter(|_| !explanation.leak.verdict.is_alarm());
    let Some(grown) = grown.filter(|grown| !grown.sites.is_empty()) else { return String::new() };
    format!(
        "; in {} the heap profile saw grow: {}",
        time(grown.since_secs),
        functions(&grown.sites)
    )
}

/// What five minutes are too short to show.
fn slowly(explanation: &Explanation) -> String {
    let slow = explanation.changes.slowly(explanation.budget.bytes / 100);
    slow.map_or(String::new(), |(bytes, seconds)| {
        format!(
            "; but over the last {} the live bytes grew by {}",
            time(seconds),
            size(bytes as f64)
        )
    })
}

fn unknown(explanation: &Explanation) -> String {
    let changes = &explanation.changes;
    let Some((bytes, seconds)) = changes.usage_bytes.zip(changes.window_secs) else {
        return "Its growth is not known yet".into();
    };
    format!(
        "Its growth is not known yet (it takes five ticks); in the last {} the usage changed by {}",
        time(seconds),
        change(bytes)
    )
}

/// `1.2 MiB/s (0.9 MiB to 1.5 MiB over 60 s, an estimate)`
fn rate(growth: &GrowthReport) -> String {
    let Some((rate, span)) = growth.usage_bytes_per_sec.zip(growth.span_secs) else {
        return "at a rate that is not known".into();
    };
    let Rate { likely, at_least, at_most } = rate;
    let [likely, least, most] = [likely, at_least, at_most].map(size);
    format!("{likely}/s ({least} to {most} over {}, an estimate)", time(span))
}

fn what(kind: Growth, growth: &GrowthReport) -> String {
    match (kind, growth.live_objects_per_sec, growth.bytes_per_object) {
        (Growth::Objects, Some(objects), Some(each)) => format!(
            "live objects grow in number, {:.0} a second of some {} each, as a leak or a filling cache does",
            objects.likely,
            size(each)
        ),
        (Growth::Objects, ..) => {
            "live objects grow in number, as a leak or a filling cache does".into()
        }
        (Growth::Buffers, ..) => {
            "live objects grow in size and not in number: buffers, vectors, tables".into()
        }
        (Growth::OutsideTheHeap, ..) => "live bytes do not grow with it".into(),
        _ => "nothing is counted that would tell what".into(),
    }
}

fn by_whom(culprit: &Culprit<'_>) -> String {
    match culprit {
        Culprit::Cache(cache) => {
            format!("; cache {} says it took {}", cache.name, size(cache.change_bytes as f64))
        }
        Culprit::Caches(bytes, most) => format!(
            "; registered caches say they took {}, most {}, {}",
            size(*bytes as f64),
            most.name,
            size(most.change_bytes as f64)
        ),
        Culprit::NoCache(bytes) => {
            format!("; no registered cache accounts for {}", size(*bytes as f64))
        }
        Culprit::Line(line) => {
            format!("; of the ledger, {} took {}", line.name, size(line.change_bytes as f64))
        }
        Culprit::Nothing => String::new(),
    }
}

fn until(growth: &GrowthReport) -> String {
    let TimeToBudget { soonest_secs, likely_secs, latest_secs } = growth.time_to_budget;
    match (soonest_secs, likely_secs, latest_secs) {
        (Some(soonest), Some(likely), latest) => {
            let latest = latest
                .map_or("never at the slowest".into(), |it| format!("at the latest {}", time(it)));
            format!(
                "the budget is full in {} (at the soonest {}, {latest})",
                time(likely),
                time(soonest)
            )
        }
        (Some(soonest), None, _) => format!("the budget is not full within {}", time(soonest)),
        _ => "the budget is not full in sight".into(),
    }
}

fn jump(growth: &GrowthReport) -> String {
    let recent = growth.last_step.zip(growth.last_step_age_secs);
    let recent = recent.filter(|(_, age)| *age < RECENT_STEP);
    recent.map_or(String::new(), |(step, age)| {
        format!("; it jumped by {} {} ago", change(step.bytes), time(age))
    })
}

/// The last thing that went wrong, or a cache that is not what it says.
fn trouble(explanation: &Explanation) -> Option<String> {
    let matters = |level: Severity| level >= Severity::Warning;
    let is_news = |kind: &str| !["level_changed", "budget_changed"].contains(&kind);
    let mut newest = explanation.happenings.iter().rev();
    let worst = newest.find(|it| matters(it.level) && is_news(it.event_type));
    let words = worst.map(|it| format!("{} ago: {}.", time(it.age_seconds), it.words));
    words.or_else(|| explanation.doubts.first().map(|doubt| format!("Note: {}.", doubt.words)))
}

/// Near the line it is what is held that matters.
fn held(explanation: &Explanation) -> Option<String> {
    let rest = explanation.unexplained.as_ref().filter(|_| explanation.level > Level::Healthy)?;
    let percent = rest.percent_of_live?;
    let bytes = size(rest.bytes as f64);
    Some(format!("{bytes} of the live bytes ({percent:.0} %) are in no registered cache."))
}
