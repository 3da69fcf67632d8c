//! Rates over 300 traces of seven days each, by their Wilson intervals of 95 %.

use super::super::{Floor, LeakVerdict, Tracker};
use super::traces::{Kind, Trace, hours};

const TRACES: u64 = 300;
const DAYS: f64 = 7.0;

/// Ticks an hour: fewer than a monitor makes, so that floors are noisier than its own.
const TICKS: u64 = 12;

/// Hours until a suspicion, of each trace that was suspected, soonest first.
fn suspected(kind: Kind, window: f64) -> Vec<f64> {
    let mut found: Vec<_> =
        (0..TRACES).filter_map(|seed| suspected_at(kind, seed, window)).collect();
    found.sort_by(f64::total_cmp);
    found
}

fn suspected_at(kind: Kind, seed: u64, window: f64) -> Option<f64> {
    let (mut trace, mut tracker) = (Trace::new(kind, seed), Tracker::new(hours(window)));
    let ticks = (DAYS * 24.0) as u64 * TICKS;
    (1..=ticks).map(|tick| tick as f64 / TICKS as f64).find(|at| {
        let figure = Floor { bytes: trace.at(*at), objects: None };
        tracker.observe(hours(*at), Some(figure));
        tracker.verdict() >= LeakVerdict::Suspected
    })
}

/// Wilson's interval of 95 % for a rate of which `hits` of the traces are a sample.
fn interval(hits: usize) -> (f64, f64) {
    let (n, z) = (TRACES as f64, 1.959_964);
    let rate = hits as f64 / n;
    let middle = rate + z * z / (2.0 * n);
    let half = z * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    ((middle - half) / scale, (middle + half) / scale)
}

/// The interval of the rate of suspicions, in percent.
fn rate(kind: Kind, window: f64) -> (f64, f64) {
    let found = suspected(kind, window);
    let (low, high) = interval(found.len());
    let median = found.get(found.len() / 2);
    print!(
        "\n{kind:?}, window {window} h: {} of {TRACES}, 95 %: {:.1} to {:.1} %, hours: median {median:?}, most {:?}",
        found.len(),
        100.0 * low,
        100.0 * high,
        found.last()
    );
    (100.0 * low, 100.0 * high)
}

#[test]
fn what_does_not_leak_is_not_suspected() {
    let innocent = [
        Kind::White,
        Kind::Ar1,
        Kind::Diurnal,
        Kind::DailyVariation,
        Kind::SawTooth,
        Kind::WarmUp,
        Kind::Ramp,
        Kind::Steps,
    ];
    for kind in innocent {
        let (_, high) = rate(kind, 6.0);
        assert!(high < 1.5, "{kind:?}: up to {high} % of false alarms");
    }
}

/// No test of one figure can tell a walk from a leak while it walks up.
#[test]
fn a_random_walk_is_seldom_suspected() {
    let (low, high) = rate(Kind::RandomWalk(0.2), 6.0);
    assert!(low > 1.0 && high < 10.0, "{low} to {high} %");
    let (low, high) = rate(Kind::RandomWalk(1.0), 6.0);
    assert!(low > 1.0 && high < 20.0, "{low} to {high} %");
}

#[test]
fn leaks_are_suspected_within_days() {
    for (percent, within) in [(1.0, 55.1), (0.3, 133.1)] {
        let found = suspected(Kind::Leak(percent), 6.0);
        assert!(rate(Kind::Leak(percent), 6.0).0 > 98.5);
        assert!(found.iter().all(|at| *at < within), "{percent}: {:?}", found.last());
        // Of which the longer window alone sees anything.
        assert!(rate(Kind::DiurnalLeak(percent), 6.0).0 > 98.5);
    }
}

/// What a shorter window costs: rows of a table in docs/leaks.md. Another processor's sines may make a trace another.
#[test]
fn shorter_windows_suspect_whatever_has_a_day() {
    let docs = include_str!("../../../../docs/leaks.md");
    for (name, kind, three_hours, one_hour) in [
        ("noise of 2 %", Kind::White, 0, 1),
        ("noise that is forgotten within hours", Kind::Ar1, 4, 53),
        ("a day's course", Kind::Diurnal, 0, 300),
        ("a day's course, each day another", Kind::DailyVariation, 7, 300),
        ("a saw-tooth of 1 to 20 h", Kind::SawTooth, 0, 169),
        ("fills to its size", Kind::WarmUp, 0, 119),
        ("up by 30 % within 8 h", Kind::Ramp, 1, 296),
    ] {
        for (window, expected) in [(3.0, three_hours), (1.0, one_hour)] {
            let found = suspected(kind, window).len();
            print!("\n{kind:?} {window}: {found}");
            assert!(found.abs_diff(expected) <= 3, "{kind:?} at {window} h: {found}");
        }
        let row = format!("| {name} | 0 | {three_hours} | {one_hour} |");
        assert!(docs.contains(&row), "docs/leaks.md should have: {row}");
    }
    for (window, after) in [(3.0, 29.0), (1.0, 16.0)] {
        let found = suspected(Kind::Leak(1.0), window);
        let median = found.get(found.len() / 2).copied();
        assert!(found.len() == 300 && median < Some(after), "{median:?}");
    }
}
