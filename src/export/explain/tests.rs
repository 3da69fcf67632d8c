//! What is concluded from what.

use super::*;
use crate::event::{Event, EventKind};
use crate::eviction::CacheStatus;
use crate::export::report::Crossings;
use crate::export::status::{EventTotals, EvictionSummary, ProcessInfo, Surfaces, ThresholdStatus};
use crate::ledger::Ledger;
use crate::metric::Field;
use crate::policy::eviction::Priority;
use crate::policy::threshold::Thresholds;
use crate::policy::usage::{Meter, Usage};
use crate::snapshot::Moment;
use crate::source::Readings;

mod culprit;
mod leak;

const MIB: u64 = 1 << 20;

/// Of 100 MiB.
const BUDGET: u64 = 100 * MIB;

/// A moment at `second`, with figures in MiB.
fn snapshot(second: u64, figures: &[(Field, u64)]) -> Snapshot {
    let mut snapshot =
        Snapshot::new(Moment::now(), Duration::from_secs(second), &Readings::default());
    snapshot.values.set(Field::Budget, Some(BUDGET));
    snapshot.values.set(Field::FreeBytes, Some(0));
    for (field, mib) in figures {
        snapshot.values.set(*field, Some(mib * MIB));
    }
    snapshot
}

fn cache(name: &str, holds: Option<u64>) -> CacheStatus {
    CacheStatus {
        name: name.into(),
        priority: Priority::Normal,
        tier: 0,
        from: Level::Critical,
        usage_bytes: holds.map(|mib| mib * MIB),
        floor_bytes: 0,
        ceiling_bytes: None,
        keeps_ceilings: None,
        asks: 0,
        asked_bytes: 0,
        claimed_bytes: 0,
        given_bytes: 0,
        strikes: 0,
        honesty: None,
        page_yield: None,
        quarantined: false,
    }
}

fn line(cache: &CacheStatus) -> CacheLine {
    CacheLine { name: cache.name.clone(), reported_bytes: cache.usage_bytes }
}

fn forecast(growth: Growth, mib_per_sec: f64) -> Forecast {
    let rate = |likely: f64| Rate { likely, at_least: likely * 0.8, at_most: likely * 1.2 };
    let bytes = rate(mib_per_sec * MIB as f64);
    let trend = Trend {
        window_secs: 60.0,
        span_secs: 60.0,
        points: 60,
        usage_bytes_per_sec: bytes,
        live_bytes_per_sec: Some(bytes),
        live_objects_per_sec: Some(rate(100.0)),
        noise_bytes: 0.0,
    };
    let known = growth != Growth::Unknown;
    Forecast { minute: known.then_some(trend), growth, ..Forecast::default() }
}

/// A status of what is now, by a process that may be changed unless said otherwise.
fn status(now: Snapshot, caches: Vec<CacheStatus>, forecast: Forecast) -> Status {
    let ledger = Ledger { caches: caches.iter().map(line).collect(), ..Ledger::of(&now) };
    let provenance = "given".into();
    let thresholds = ThresholdStatus::all(&Thresholds::default(), BUDGET);
    Status {
        limit_refusals: 0,
        schema_version: 1,
        timestamp: now.timestamp(),
        process: ProcessInfo {
            pid: 1,
            name: "test".into(),
            plimsoll_version: "0",
            run: "1-2".into(),
            started: 0.0,
            process_started: None,
            uptime_seconds: 0.0,
        },
        monitor_running: true,
        ticked: Some(now.timestamp() - 2.0),
        level: now.level(),
        budget: BudgetStatus::new(BUDGET, Some(500 * MIB), provenance, Meter::Pressure),
        thresholds,
        usage: Usage::default(),
        snapshot: now,
        ledger,
        caches,
        forecast,
        leak: Default::default(),
        warning: None,
        evictions: EvictionSummary::default(),
        brake: Default::default(),
        threshold_crossings: Crossings::default(),
        events: EventTotals::default(),
        #[cfg(feature = "recorder")]
        previous_run: None,
        own_metrics: Vec::new(),
        settings: Vec::new(),
        surfaces: Surfaces { profile: false, ..Surfaces::of(true) },
    }
}

fn explain(before: &Snapshot, caches_before: &[CacheStatus], status: &Status) -> Explanation {
    explain_with(before, caches_before, status, &[])
}

fn explain_with(
    before: &Snapshot,
    caches_before: &[CacheStatus],
    status: &Status,
    events: &[NumberedEvent],
) -> Explanation {
    let caches_before: Vec<_> = caches_before.iter().map(line).collect();
    let before = Some(before);
    Explanation::of(&Facts {
        status,
        oldest: before,
        before,
        caches_before: &caches_before,
        events,
        scope: Scope::Process,
        grown: None,
    })
}

fn tools(explanation: &Explanation) -> Vec<Option<&'static str>> {
    explanation.next_steps.iter().map(|step| step.tool).collect()
}

fn says(explanation: &Explanation, words: &[&str]) {
    let verdict = explanation.verdict.join(" ");
    words.iter().for_each(|word| assert!(verdict.contains(word), "{word}: {verdict}"));
}

use Field::{Active, AllocBytes, Allocated, Caches, Dirty, Resident, Rss, Usage as Used};

#[test]
fn what_no_cache_took_is_looked_for_by_its_size() {
    let before = snapshot(10, &[(AllocBytes, 20), (Caches, 10), (Used, 30)]);
    let now = snapshot(70, &[(AllocBytes, 60), (Caches, 12), (Used, 70)]);
    let mut forecast = forecast(Growth::Objects, 0.6);
    forecast.bytes_per_object = Some(4096.0);
    let mut status = status(now, vec![cache("pages", Some(12))], forecast);
    status.surfaces.profile = false;
    let explanation = explain(&before, &[cache("pages", Some(10))], &status);
    let rest = explanation.unexplained.as_ref().expect("live bytes are counted");
    assert_eq!((rest.bytes, rest.change_bytes), (48 * MIB as i64, Some(38 * MIB as i64)));
    assert_eq!(rest.percent_of_live, Some(80.0));
    says(&explanation, &["grow in number", "some 4.0 KiB each", "accounts for 38.0 MiB"]);
    assert_eq!(tools(&explanation), [None], "there is no profile here");
    assert!(explanation.next_steps[0].what.contains("objects of some 4.0 KiB each"));
    assert_eq!(explanation.growth.age_seconds, Some(2.0));
    status.surfaces.profile = true;
    let explanation = explain(&before, &[cache("pages", Some(10))], &status);
    assert_eq!(tools(&explanation), [Some("get_heap_profile")]);
}

#[test]
fn a_cache_that_took_half_of_it_is_named() {
    let before = snapshot(10, &[(AllocBytes, 20), (Caches, 10), (Used, 30)]);
    let now = snapshot(70, &[(AllocBytes, 60), (Caches, 35), (Used, 70)]);
    let caches = vec![cache("small", Some(5)), cache("pages", Some(30)), cache("mute", None)];
    let mut status = status(now, caches, forecast(Growth::Objects, 0.6));
    let held = [cache("small", Some(5)), cache("pages", Some(5))];
    let explanation = explain(&before, &held, &status);
    says(&explanation, &["cache pages says it took 25.0 MiB"]);
    let names: Vec<_> = explanation.changes.caches.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["pages"], "what did not change is not told");
    assert_eq!(explanation.unexplained.as_ref().map(|rest| rest.silent_caches.len()), Some(1));
    assert_eq!(tools(&explanation), [Some("unload")]);
    assert_eq!(explanation.next_steps[0].setting, None);
    status.surfaces.actions = false;
    let explanation = explain(&before, &held, &status);
    assert_eq!(explanation.next_steps[0].setting, Some("PLIMSOLL_HTTP_ACTIONS"));
}

#[test]
fn growth_outside_the_live_heap_is_a_line_of_the_ledger() {
    let heap = [(AllocBytes, 20), (Allocated, 20), (Active, 20)];
    let with = |second, dirty, rss, used| {
        let rest = [(Dirty, dirty), (Resident, 20 + dirty), (Rss, rss), (Used, used)];
        snapshot(second, &[heap.as_slice(), &rest].concat())
    };
    let before = with(10, 1, 30, 30);
    let grown = |now| {
        let status = status(now, Vec::new(), forecast(Growth::OutsideTheHeap, 0.5));
        explain(&before, &[], &status)
    };
    let unused = grown(with(70, 31, 60, 60));
    says(&unused, &["live bytes do not grow", "dirty took 30.0 MiB"]);
    assert_eq!(tools(&unused), [Some("purge_memory")]);
    let stacks = grown(with(70, 1, 60, 60));
    says(&stacks, &["outside_heap took 30.0 MiB"]);
    assert_eq!(tools(&stacks), [None]);
    assert!(stacks.next_steps[0].what.contains("stacks"));
}

#[test]
fn what_the_usage_does_not_count_explains_nothing_of_it() {
    let with = |second, cached| {
        let group = [(Field::Charged, 60 + cached), (Field::CgroupFile, cached)];
        snapshot(second, &[[(AllocBytes, 20), (Rss, 30)], group].concat())
    };
    let status = status(with(70, 50), Vec::new(), forecast(Growth::OutsideTheHeap, 0.5));
    let before = Some(&with(10, 1)).cloned();
    let names = |scope| {
        let before = before.as_ref();
        let facts = Facts {
            status: &status,
            oldest: before,
            before,
            caches_before: &[],
            events: &[],
            scope,
            grown: None,
        };
        let lines = Explanation::of(&facts).changes.lines;
        lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Scope::Process), Vec::<String>::new());
    assert_eq!(names(Scope::Charged), ["page_cache"]);
}

#[test]
fn a_slow_leak_shows_in_the_whole_history() {
    let oldest = snapshot(10, &[(AllocBytes, 20), (Used, 30)]);
    let before = snapshot(35_700, &[(AllocBytes, 40), (Used, 50)]);
    let now = snapshot(36_010, &[(AllocBytes, 40), (Used, 50)]);
    let status = status(now, Vec::new(), forecast(Growth::Steady, 0.0));
    let explained = |oldest: &Snapshot| {
        Explanation::of(&Facts {
            status: &status,
            oldest: Some(oldest),
            before: Some(&before),
            caches_before: &[],
            events: &[],
            scope: Scope::Process,
            grown: None,
        })
    };
    let explanation = explained(&oldest);
    says(&explanation, &["over the last 10h the live bytes grew by 20.0 MiB"]);
    assert_eq!(tools(&explanation), [Some("get_memory_snapshots")]);
    let held = explained(&before);
    assert!(!held.verdict.join(" ").contains("grew by"), "{held}");
}

#[test]
fn near_the_line_room_is_made_first() {
    let before = snapshot(10, &[(AllocBytes, 90), (Caches, 30), (Used, 95)]);
    let mut now = snapshot(70, &[(AllocBytes, 90), (Caches, 30), (Used, 95)]);
    now.values.level = Level::Warning;
    let mut near = status(now, vec![cache("pages", Some(30))], forecast(Growth::Steady, 0.0));
    let explanation = explain(&before, &[cache("pages", Some(30))], &near);
    says(&explanation, &["Level warning", "does not grow", "60.0 MiB of the live bytes (67 %)"]);
    assert_eq!(tools(&explanation), [Some("trigger_eviction"), Some("configure_memory")]);
    let arguments = explanation.next_steps.iter().filter_map(|step| step.arguments.clone());
    let wanted = [
        serde_json::json!({ "target_mb": 22.0, "dry_run": true }),
        serde_json::json!({ "budget": "400MiB" }),
    ];
    assert_eq!(arguments.collect::<Vec<_>>(), wanted);
    near.caches.clear();
    near.budget.limit_bytes = Some(BUDGET);
    let explanation = explain(&before, &[], &near);
    assert_eq!(tools(&explanation), [None]);
    assert!(explanation.next_steps[0].what.contains("no cache is registered"));
}

#[test]
fn what_went_wrong_last_is_the_third_sentence() {
    let before = snapshot(10, &[(AllocBytes, 90), (Used, 95)]);
    let now = snapshot(70, &[(AllocBytes, 90), (Used, 95)]);
    let status = status(now, Vec::new(), forecast(Growth::Steady, 0.0));
    let event = |sequence, age: f64, kind| {
        let mut event = Event::new(Moment::now(), kind);
        event.timestamp = status.timestamp - age;
        NumberedEvent { sequence, event }
    };
    let storm = || EventKind::refill_storm("pages", 3 * MIB);
    let old = event(0, 4000.0, EventKind::gave_up(1, None, 0, None));
    let level =
        EventKind::LevelChanged { from: Level::Caution, to: Level::Warning, usage_percent: None };
    let events = [old, event(1, 90.0, storm()), event(2, 30.0, level)];
    let explanation = explain_with(&before, &[], &status, &events);
    let types: Vec<_> = explanation.happenings.iter().map(|it| it.event_type).collect();
    assert_eq!(types, ["refill_storm", "level_changed"], "an hour ago explains nothing");
    assert_eq!(
        explanation.verdict[2],
        "1m 30s ago: cache pages took 3.0 MiB again as soon as it had given it."
    );
    let many: Vec<_> = (0..50).map(|n| event(n, 1.0, storm())).collect();
    let explanation = explain_with(&before, &[], &status, &many);
    let told: Vec<_> = explanation.happenings.iter().map(|it| it.sequence).collect();
    assert_eq!(told, (42..50).collect::<Vec<_>>());
}

#[test]
fn each_way_of_not_being_what_one_says_has_its_words() {
    let doubt = |change: fn(&mut CacheStatus)| {
        let mut cache = cache("pages", Some(30));
        (cache.asked_bytes, cache.claimed_bytes, cache.given_bytes) = (40 * MIB, 40 * MIB, 8 * MIB);
        change(&mut cache);
        let now = snapshot(70, &[(AllocBytes, 90), (Used, 20)]);
        let status = status(now.clone(), vec![cache], forecast(Growth::Steady, 0.0));
        let explanation = explain(&now, &[], &status);
        explanation.doubts.first().map(|doubt| (doubt.kind, tools(&explanation)[0]))
    };
    assert_eq!(doubt(|_| {}), None);
    let quarantined = Some((DoubtKind::Quarantined, Some("memory_health_check")));
    assert_eq!(doubt(|cache| cache.quarantined = true), quarantined);
    let claims = Some((DoubtKind::ClaimsMoreThanItFrees, None));
    assert_eq!(doubt(|cache| cache.honesty = Some(0.2)), claims);
    let pages = Some((DoubtKind::FreesObjectsNotPages, None));
    assert_eq!(doubt(|cache| cache.page_yield = Some(0.1)), pages);
    assert_eq!(doubt(|cache| cache.strikes = 3), Some((DoubtKind::GivesLittle, None)));
    let good = |cache: &mut CacheStatus| (cache.honesty, cache.page_yield) = (Some(0.9), Some(0.9));
    assert_eq!(doubt(good), None);
}

#[test]
fn caches_that_say_more_than_is_live_are_doubted_together() {
    let now = snapshot(70, &[(AllocBytes, 20), (Caches, 30), (Used, 20)]);
    let status = status(now.clone(), vec![cache("pages", Some(30))], Forecast::default());
    let explanation = explain(&now, &[], &status);
    let doubt = &explanation.doubts[0];
    assert_eq!((doubt.cache.as_str(), doubt.kind), ("all", DoubtKind::HoldsMoreThanIsLive));
    assert_eq!(explanation.unexplained.as_ref().map(|rest| rest.bytes < 0), Some(true));
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    let now = snapshot(70, &[]);
    let mut status = status(now, Vec::new(), Forecast::default());
    (status.ticked, status.ledger) = (None, Ledger::default());
    let facts = Facts {
        status: &status,
        oldest: None,
        before: None,
        caches_before: &[],
        events: &[],
        scope: Scope::Process,
        grown: None,
    };
    let explanation = Explanation::of(&facts);
    says(&explanation, &["an unknown part of the budget", "growth is not known yet"]);
    assert_eq!((explanation.unexplained, explanation.changes), (None, Changes::default()));
    assert_eq!(explanation.growth.age_seconds, None);
    assert_eq!(explanation.next_steps[0].tool, Some("explain_memory"));
}

#[test]
fn now_is_held_against_the_oldest_of_the_window() {
    let window = Duration::from_secs(300);
    let ring: Vec<_> = [0, 500, 800, 990].map(|second| snapshot(second, &[])).into();
    let at = |now: u64, ring: &[Snapshot]| {
        baseline(ring, &snapshot(now, &[]), window).map(|before| before.uptime().as_secs())
    };
    assert_eq!(at(1000, &ring), Some(800));
    assert_eq!(at(1200, &ring), Some(800), "the only one of the window is as good as now");
    assert_eq!(at(5000, &ring), Some(990));
    assert_eq!(at(5000, &ring[..1]), Some(0));
    assert_eq!(at(10, &ring[..1]), Some(0));
    assert_eq!(at(10, &[]), None);
}
