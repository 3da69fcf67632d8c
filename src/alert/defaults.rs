//! The rules that everybody gets: what an operator wants to hear of any process that has a budget.

use super::rule::{AlertRule, AlertSeverity, AlertWhen};
use crate::level::Level;

/// In the order of how soon they come.
pub(super) fn default_rules() -> Vec<AlertRule> {
    levels()
        .into_iter()
        .chain(outlook())
        .chain(leaks())
        .chain(evictions())
        .chain(vitals())
        .collect()
}

/// Reaching the line is how evictions begin; staying there is how they fail.
fn levels() -> [AlertRule; 2] {
    [
        AlertRule::metric("level", AlertWhen::AtLeast(2.0))
            .named("PlimsollNearTheLine")
            .for_secs(10)
            .summary("{usage_percent} % of the budget of {budget_bytes} are used"),
        AlertRule::metric("level", AlertWhen::AtLeast(3.0))
            .named("PlimsollAtTheLine")
            .for_secs(10)
            .severity(AlertSeverity::Critical)
            .summary("{usage_percent} % of the budget of {budget_bytes} are used, and stay so"),
    ]
}

/// By the latest that the forecast's interval allows: it is certain to come by then, if nothing changes.
fn outlook() -> [AlertRule; 1] {
    [AlertRule::metric("time_to_budget_latest_secs", AlertWhen::Below(600.0))
        .named("PlimsollBudgetSoonUsedUp")
        .for_secs(30)
        .summary("the budget of {budget_bytes} will be used up in {value} s at the latest")]
}

fn evictions() -> [AlertRule; 4] {
    [
        AlertRule::event("gave_up")
            .named("PlimsollGaveUp")
            .severity(AlertSeverity::Critical)
            .until_below(Level::Caution)
            .summary("no cache is left to ask: {needed_bytes} are missing; grown most: {grew}"),
        AlertRule::event("stuck")
            .named("PlimsollStuck")
            .until_below(Level::Warning)
            .summary("ten minutes near the line; most of it is {cause} ({cause_bytes})"),
        AlertRule::event("eviction_completed")
            .named("PlimsollEvictionFails")
            .when("success", false)
            .times(3)
            .until_below(Level::Caution)
            .summary("three evictions in a row freed too little: {message}"),
        AlertRule::event("refill_storm")
            .named("PlimsollRefillStorm")
            .by("cache")
            .keep_secs(300)
            .summary("{cache} takes again at once what it was made to give ({evicted_bytes})"),
    ]
}

/// Said after days, or however long a window was asked for: it needs no more time to be believed.
fn leaks() -> [AlertRule; 1] {
    [AlertRule::metric("leak_suspected", AlertWhen::AtLeast(1.0))
        .named("PlimsollLeakSuspected")
        .for_secs(10)
        .summary(
            "a leak: what no cache holds has grown by {leak_growth_bytes} at its lowest points",
        )]
}

fn vitals() -> [AlertRule; 4] {
    [
        AlertRule::event("health_check")
            .named("PlimsollUnhealthy")
            .when("status", "critical")
            .severity(AlertSeverity::Critical)
            .summary("the health check is critical: {failed_checks}"),
        AlertRule::metric("cgroup_oom_kills_total", AlertWhen::Rises)
            .named("PlimsollOomKill")
            .severity(AlertSeverity::Critical)
            .keep_secs(900)
            .summary("the kernel killed a process of the control group for want of memory"),
        // The process's own end, where it records its runs: told by the next one.
        AlertRule::event("previous_run")
            .named("PlimsollPreviousRunOutOfMemory")
            .when("is_oom", true)
            .severity(AlertSeverity::Critical)
            .keep_secs(900)
            .summary(
                "the run before died for want of memory ({verdict}): {summary}; see {recording}",
            ),
        AlertRule::metric("monitor_silence", AlertWhen::Above(1.0))
            .named("PlimsollMonitorSilent")
            // A process that was stopped and goes on is not silent.
            .for_secs(5)
            .severity(AlertSeverity::Critical)
            .summary("the monitor does not tick: its figures are old"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_name_every_rule() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
        let docs = std::fs::read_to_string(path).expect("the docs");
        for rule in default_rules() {
            let row = format!("| `{}` | {} |", rule.name, rule.severity.as_str());
            assert!(docs.contains(&row), "docs/alerts.md should have: {row}");
        }
    }
}
