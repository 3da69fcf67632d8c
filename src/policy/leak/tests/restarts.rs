//! A restart: a new heap, and the rises of the runs before it.

use super::super::{Floor, LeakState, LeakVerdict, Tracker};
use super::traces::{BASE, Random, hours};

/// Runs `days` processes of a day each; `share` gives the figure of a run's hours. Gives the day and the hour of the first
/// suspicion.
fn daily(seed: u64, days: usize, share: impl Fn(f64) -> f64) -> Option<(usize, f64)> {
    let (mut state, mut random) = (LeakState::default(), Random::seeded(seed));
    for day in 0..days {
        let mut tracker = Tracker::resumed(hours(6.0), &state);
        for tick in 1..24 * 12 {
            let at = f64::from(tick) / 12.0;
            let bytes = (BASE * (share(at) + 0.01 * random.normal())) as u64;
            tracker.observe(hours(at), Some(Floor { bytes, objects: Some(bytes / 64) }));
            if tracker.verdict() >= LeakVerdict::Suspected {
                return Some((day, at));
            }
        }
        let text = serde_json::to_string(&tracker.state()).expect("a text");
        assert!(text.len() < 4096, "{}", text.len());
        state = serde_json::from_str(&text).expect("the state");
    }
    None
}

#[test]
fn a_leak_is_suspected_though_its_process_is_restarted_daily() {
    for seed in 0..100 {
        let found = daily(seed, 7, |hours| 1.0 + 0.01 * hours);
        let (day, _) = found.expect("a suspicion");
        assert_eq!(day, 3, "two rises a day, eight in four days");
    }
}

#[test]
fn what_only_warms_up_each_day_is_not_suspected() {
    for seed in 0..300 {
        let constant = 1.0 + (seed % 12) as f64;
        let found = daily(seed, 10, |hours| 1.0 - 0.6 * (-hours / constant).exp());
        assert_eq!(found, None, "time constant of {constant} h");
    }
}

#[test]
fn the_last_runs_verdict_is_shown_as_such() {
    let mut tracker = Tracker::new(hours(6.0));
    for hour in 1..60 {
        let bytes = (BASE * (1.0 + 0.01 * f64::from(hour))) as u64;
        tracker.observe(hours(hour.into()), Some(Floor { bytes, objects: None }));
    }
    assert_eq!(tracker.verdict(), LeakVerdict::Suspected);
    let mut next = Tracker::resumed(hours(6.0), &tracker.state());
    let status = next.status();
    assert_eq!((status.verdict, status.growth_bytes), (LeakVerdict::None, None));
    let last = status.last_run.expect("the last run");
    assert_eq!(last.verdict, LeakVerdict::Suspected);
    assert_eq!(last.growth_bytes, tracker.status().growth_bytes);
    // Its first rise goes on where that one ended.
    let grows =
        |hour: u32| Floor { bytes: (BASE * (1.0 + 0.01 * f64::from(hour))) as u64, objects: None };
    (1..13).for_each(|hour| _ = next.observe(hours(hour.into()), Some(grows(hour))));
    assert_eq!(next.verdict(), LeakVerdict::None);
    next.observe(hours(13.1), Some(grows(13)));
    assert_eq!(next.verdict(), LeakVerdict::Suspected);
}

#[test]
fn a_run_that_is_too_short_to_be_judged_changes_nothing() {
    let mut tracker = Tracker::new(hours(6.0));
    assert_eq!(tracker.state().last_run(), None, "nothing is known of it");
    for hour in 1..60 {
        let bytes = (BASE * (1.0 + 0.01 * f64::from(hour))) as u64;
        tracker.observe(hours(hour.into()), Some(Floor { bytes, objects: None }));
    }
    let mut short = Tracker::resumed(hours(6.0), &tracker.state());
    (1..5).for_each(|hour| _ = short.observe(hours(hour.into()), None));
    assert_eq!(short.state(), tracker.state());
}

#[test]
fn rises_of_another_window_do_not_count() {
    let mut tracker = Tracker::new(hours(6.0));
    for hour in 1..60 {
        let bytes = (BASE * (1.0 + 0.01 * f64::from(hour))) as u64;
        tracker.observe(hours(hour.into()), Some(Floor { bytes, objects: None }));
    }
    let next = Tracker::resumed(hours(5.0), &tracker.state());
    assert_eq!(next.status().rises, 0);
    assert!(next.status().last_run.is_some());
}

#[test]
fn a_state_of_nonsense_harms_nothing() {
    let rise = |from, bytes| {
        format!(
            r#"{{"from":{from},"change":{{"bytes":{bytes},"objects":{bytes},"epochs":4294967295}},"is_first":false}}"#
        )
    };
    let rises = vec![rise(u64::MAX, i64::MAX); 50].join(",");
    let text =
        format!(r#"{{"window_secs":21600.0,"short":[{rises}],"long":[{}]}}"#, rise(0, i64::MIN));
    let state: LeakState = serde_json::from_str(&text).expect("a state");
    let mut tracker = Tracker::resumed(hours(6.0), &state);
    for hour in 1..200u32 {
        let bytes = if hour % 2 == 0 { u64::MAX } else { u64::from(hour) };
        tracker.observe(hours(hour.into()), Some(Floor { bytes, objects: Some(bytes) }));
        tracker.status();
    }
    let empty: LeakState = serde_json::from_str("{}").expect("nothing known");
    assert_eq!(empty, LeakState::default());
}
