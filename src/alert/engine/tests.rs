//! The engine on a virtual clock: what fires when, once, and what ends it.

use super::*;
use crate::alert::{AlertSeverity, RuleSet};
use crate::event::{Event, EventKind};
use crate::level::Level;
use crate::policy::health::HealthStatus;
use std::time::Duration;

/// A monitor to look at.
struct World {
    engine: Engine,
    start: Moment,
    secs: u64,
    figures: BTreeMap<&'static str, f64>,
    level: Level,
    events: Vec<NumberedEvent>,
}

impl World {
    fn new(rules: Vec<AlertRule>) -> Self {
        let base = Labels::from([("service".into(), "search".into())]);
        let start = Moment { wall_micros: 1_790_000_000_000_000, instant: Instant::now() };
        let (figures, events) = (BTreeMap::new(), Vec::new());
        let engine = Engine::new(rules, base);
        World { engine, start, secs: 0, figures, level: Level::Healthy, events }
    }

    fn at(&self) -> Moment {
        let wall_micros = self.start.wall_micros + self.secs * 1_000_000;
        Moment { wall_micros, instant: self.start.instant + Duration::from_secs(self.secs) }
    }

    fn happens(&mut self, kind: EventKind) {
        let event = Event::new(self.at(), kind);
        self.events.push(NumberedEvent { sequence: 0, event });
    }

    /// Looks `secs` later: the names of what began, with `-` those of what was resolved.
    fn look(&mut self, secs: u64) -> Vec<String> {
        let word = |alert: &Alert| {
            let name = &alert.labels["alertname"];
            if alert.is_firing() { name.clone() } else { format!("-{name}") }
        };
        self.alerts(secs).iter().map(word).collect()
    }

    fn alerts(&mut self, secs: u64) -> Vec<Alert> {
        self.secs += secs;
        let (at, events) = (self.at(), std::mem::take(&mut self.events));
        let figure = |name: &str| self.figures.get(name).copied();
        let seen = Seen {
            at,
            level: Some(self.level),
            figure: &figure,
            events: &events,
            describe: &|| "as it is".into(),
        };
        self.engine.observe(&seen)
    }

    fn due_in(&self) -> Option<u64> {
        Some(self.engine.next()?.duration_since(self.at().instant).as_secs())
    }
}

fn over_90() -> AlertRule {
    AlertRule::metric("usage_percent", AlertWhen::Above(90.0)).named("Full").for_secs(30)
}

#[test]
fn an_alert_fires_once_its_cause_has_lasted() {
    let mut world = World::new(vec![over_90()]);
    world.figures.insert("usage_percent", 90.0);
    assert!(world.look(0).is_empty() && world.due_in().is_none(), "not above");
    world.figures.insert("usage_percent", 95.0);
    assert!(world.look(10).is_empty());
    assert_eq!(world.due_in(), Some(30));
    assert!(world.look(29).is_empty());
    assert_eq!(world.look(1), ["Full"]);
    assert!(world.look(1).is_empty(), "said once");
    assert_eq!(world.engine.firing().count(), 1);
    assert_eq!(world.due_in(), None, "nothing changes by itself");
}

#[test]
fn a_cause_that_comes_and_goes_neither_fires_nor_flaps() {
    let mut world = World::new(vec![over_90()]);
    for _ in 0..10 {
        world.figures.insert("usage_percent", 95.0);
        assert!(world.look(20).is_empty());
        world.figures.insert("usage_percent", 80.0);
        assert!(world.look(5).is_empty());
    }
    world.figures.insert("usage_percent", 95.0);
    world.look(0);
    assert_eq!(world.look(30), ["Full"]);
    for _ in 0..10 {
        world.figures.insert("usage_percent", 80.0);
        assert!(world.look(50).is_empty(), "kept for a minute");
        world.figures.insert("usage_percent", 95.0);
        assert!(world.look(5).is_empty(), "it still fires");
    }
    world.figures.insert("usage_percent", 80.0);
    assert!(world.look(1).is_empty());
    assert_eq!(world.due_in(), Some(59));
    assert_eq!(world.look(59), ["-Full"]);
    assert_eq!(world.engine.firing().count(), 0);
    assert!(world.look(600).is_empty(), "resolved once");
}

#[test]
fn the_unknown_changes_nothing() {
    let mut world = World::new(vec![over_90().for_secs(0)]);
    assert!(world.look(1).is_empty());
    world.figures.insert("usage_percent", 95.0);
    assert_eq!(world.look(1), ["Full"]);
    world.figures.clear();
    assert!(world.look(600).is_empty(), "neither resolved");
    world.figures.insert("usage_percent", 50.0);
    assert!(world.look(30).is_empty(), "gone for half a minute as far as is known");
    assert_eq!(world.look(60), ["-Full"]);
}

#[test]
fn an_alert_has_labels_words_and_times() {
    let rule = over_90()
        .for_secs(0)
        .severity(AlertSeverity::Critical)
        .label("team", "search")
        .summary("{value} % of {budget_bytes}; {nothing}");
    let mut world = World::new(vec![rule]);
    world.figures.extend([("usage_percent", 95.04), ("budget_bytes", 67_108_864.0)]);
    let fired = world.alerts(5).remove(0);
    let expected = [
        ("alertname", "Full"),
        ("service", "search"),
        ("severity", "critical"),
        ("team", "search"),
    ];
    let labels: Vec<_> =
        fired.labels.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(labels, expected);
    assert_eq!(fired.annotations["summary"], "95 % of 64.0 MiB; unknown");
    assert_eq!(fired.annotations["description"], "as it is");
    assert_eq!((fired.starts_micros, fired.ends_micros), (1_790_000_005_000_000, None));
    world.figures.insert("usage_percent", 10.0);
    let resolved = world.alerts(60).remove(0);
    assert_eq!(resolved.ends_micros, Some(1_790_000_065_000_000));
    assert_eq!(resolved.fingerprint(), fired.fingerprint());
    assert_eq!(resolved.starts_micros, fired.starts_micros);
}

#[test]
fn an_event_lasts_until_the_level_has_fallen() {
    let mut world = World::new(vec![AlertRule::event("gave_up").until_below(Level::Caution)]);
    world.level = Level::Critical;
    world.happens(EventKind::gave_up(10, None, 0, None));
    assert_eq!(world.look(1), ["gave_up"]);
    assert!(world.look(10_000).is_empty(), "as long as it takes");
    world.level = Level::Caution;
    assert!(world.look(100).is_empty());
    world.level = Level::Healthy;
    assert!(world.look(1).is_empty());
    assert_eq!(world.look(60), ["-gave_up"]);
}

#[test]
fn every_cache_has_an_alert_of_its_own_and_one_at_a_time() {
    let rule = AlertRule::event("refill_storm").by("cache").keep_secs(300).summary("{cache} again");
    let mut world = World::new(vec![rule]);
    for cache in ["pages", "rows", "pages"] {
        world.happens(EventKind::refill_storm(cache, 7));
    }
    let fired = world.alerts(1);
    let caches: Vec<_> = fired.iter().map(|alert| alert.labels["cache"].as_str()).collect();
    assert_eq!(caches, ["pages", "rows"]);
    assert_eq!(fired[0].annotations["summary"], "pages again");
    world.happens(EventKind::refill_storm("pages", 7));
    assert!(world.alerts(200).is_empty(), "known");
    let resolved = world.alerts(100);
    assert_eq!(resolved.len(), 1, "rows has been quiet for five minutes, pages has not");
    assert_eq!(resolved[0].labels["cache"], "rows");
    assert_eq!(world.alerts(200).len(), 1);
}

#[test]
fn failures_must_come_in_a_row_and_a_success_ends_them() {
    let rule = AlertRule::event("health_check").when("status", "critical").times(3);
    let mut world = World::new(vec![rule.named("Bad")]);
    let check = |status| EventKind::HealthCheck {
        status,
        previous: HealthStatus::Healthy,
        failed_checks: Vec::new(),
    };
    for status in [HealthStatus::Critical, HealthStatus::Critical, HealthStatus::Warning] {
        world.happens(check(status));
        assert!(world.look(1).is_empty());
    }
    for _ in 0..2 {
        world.happens(check(HealthStatus::Critical));
        assert!(world.look(1).is_empty());
    }
    world.happens(check(HealthStatus::Critical));
    assert_eq!(world.look(1), ["Bad"]);
    assert!(world.look(10_000).is_empty());
    world.happens(check(HealthStatus::Healthy));
    assert!(world.look(1).is_empty());
    assert_eq!(world.look(59), ["-Bad"]);
}

#[test]
fn a_total_fires_when_it_rises_and_not_for_what_was_before() {
    let rule = AlertRule::metric("cgroup_oom_kills_total", AlertWhen::Rises).keep_secs(900);
    let mut world = World::new(vec![rule.named("Oom")]);
    world.figures.insert("cgroup_oom_kills_total", 3.0);
    assert!(world.look(1).is_empty() && world.look(1).is_empty(), "killed before this start");
    world.figures.insert("cgroup_oom_kills_total", 4.0);
    assert_eq!(world.look(1), ["Oom"]);
    assert!(world.look(800).is_empty());
    world.figures.insert("cgroup_oom_kills_total", 5.0);
    assert!(world.look(1).is_empty(), "one alert for both");
    assert!(world.look(899).is_empty());
    assert_eq!(world.look(1), ["-Oom"]);
}

#[test]
fn what_comes_once_a_run_is_resolved_by_time() {
    let rules = RuleSet::default().in_force().into_iter();
    let rule = rules.filter(|rule| rule.name == "PlimsollPreviousRunOutOfMemory").collect();
    let mut world = World::new(rule);
    world.happens(EventKind::PreviousRun {
        verdict: "oom_kill_confirmed".into(),
        summary: "killed".into(),
        evidence: vec![],
        pid: 7,
        last_tick: None,
        recording: "run.previous".into(),
        is_oom: true,
    });
    assert_eq!(world.look(1), ["PlimsollPreviousRunOutOfMemory"]);
    assert_eq!(world.due_in(), Some(900));
    assert!(world.look(899).is_empty());
    assert_eq!(world.look(1), ["-PlimsollPreviousRunOutOfMemory"], "nothing else would end it");
}

#[test]
fn what_is_kept_for_ever_stays() {
    let rule = AlertRule::event("refill_storm").keep_secs(u64::MAX).named("Storm");
    let mut world = World::new(vec![rule]);
    world.happens(EventKind::refill_storm("pages", 7));
    assert_eq!(world.look(1), ["Storm"]);
    assert_eq!(world.due_in(), None, "no clock goes so far");
    assert!(world.look(1_000_000).is_empty());
}

#[test]
fn at_the_end_all_are_resolved_and_a_restart_begins_anew() {
    let mut world = World::new(vec![over_90(), over_90().named("Early").for_secs(0)]);
    world.figures.insert("usage_percent", 95.0);
    assert_eq!(world.look(1), ["Early"]);
    let resolved = world.engine.resolve_all(world.at());
    assert_eq!(resolved.len(), 1, "what was pending has never been told");
    assert_eq!(resolved[0].ends_micros, Some(world.at().wall_micros));
    assert!(world.engine.resolve_all(world.at()).is_empty());
    assert_eq!(world.look(10), ["Early"], "its cause is still there");
    assert_eq!(world.look(30), ["Full"]);
    let starts: Vec<_> = world.engine.firing().map(|alert| alert.starts_micros).collect();
    assert_eq!(starts, [1_790_000_041_000_000, 1_790_000_011_000_000]);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let mut world = World::new(vec![AlertRule::event("refill_storm").by("cache")]);
    for cache in 0..MOST_ALERTS + 3 {
        world.happens(EventKind::refill_storm(&cache.to_string(), 7));
    }
    assert_eq!(world.look(1).len(), MOST_ALERTS);
    assert_eq!(world.engine.overflowed(), 3);
}

#[test]
fn the_defaults_follow_a_bad_day() {
    let mut world = World::new(RuleSet::default().in_force());
    let level = |world: &mut World, level: Level| {
        world.level = level;
        world.figures.insert("level", level as u8 as f64);
    };
    level(&mut world, Level::Healthy);
    assert!(world.look(1).is_empty());
    // At the line and back, as when an eviction does what it shall: no alert.
    level(&mut world, Level::Critical);
    assert!(world.look(1).is_empty());
    level(&mut world, Level::Healthy);
    assert!(world.look(9).is_empty() && world.look(9).is_empty());
    level(&mut world, Level::Warning);
    assert!(world.look(1).is_empty());
    assert_eq!(world.look(10), ["PlimsollNearTheLine"]);
    level(&mut world, Level::Critical);
    world.happens(EventKind::gave_up(1, None, 0, None));
    assert_eq!(world.look(1), ["PlimsollGaveUp"]);
    assert_eq!(world.look(10), ["PlimsollAtTheLine"]);
    world.figures.insert("time_to_budget_latest_secs", 500.0);
    assert!(world.look(10).is_empty());
    assert_eq!(world.look(30), ["PlimsollBudgetSoonUsedUp"]);
    world.figures.insert("monitor_silence", 1.5);
    assert!(world.look(1).is_empty());
    assert_eq!(world.look(5), ["PlimsollMonitorSilent"]);
    world.figures.insert("monitor_silence", 0.1);
    world.figures.insert("time_to_budget_latest_secs", 5000.0);
    level(&mut world, Level::Healthy);
    assert!(world.look(30).is_empty());
    let mut resolved = world.look(60);
    resolved.sort();
    let names = ["AtTheLine", "BudgetSoonUsedUp", "GaveUp", "MonitorSilent", "NearTheLine"];
    assert_eq!(resolved, names.map(|name| format!("-Plimsoll{name}")));
}
