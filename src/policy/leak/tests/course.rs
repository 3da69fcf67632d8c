//! The course of a verdict: how it comes, what ends it, and what does not.

use super::super::{Floor, GrownSite, LeakNews, LeakVerdict, Looked, Tracker};
use super::traces::{BASE, hours};
use LeakVerdict::{Confirmed, Growing, None as Nothing, Suspected};

/// Ticks an hour.
const TICKS: u32 = 4;

struct Service {
    tracker: Tracker,
    ticks: u32,
    heard: Vec<(LeakVerdict, LeakVerdict)>,
}

impl Service {
    fn new() -> Self {
        Service { tracker: Tracker::new(hours(6.0)), ticks: 0, heard: Vec::new() }
    }

    /// Shows shares of the base for so many hours, by the hours since the beginning.
    fn shows(&mut self, hours: u32, share: impl Fn(f64) -> Option<f64>) {
        for _ in 0..hours * TICKS {
            let figure = share(f64::from(self.ticks) / f64::from(TICKS)).map(|share| share * BASE);
            self.sees(
                figure
                    .map(|bytes| Floor { bytes: bytes as u64, objects: Some(bytes as u64 / 100) }),
            );
        }
    }

    fn sees(&mut self, figure: Option<Floor>) -> Looked {
        self.ticks += 1;
        let looked = self.tracker.observe(hours(f64::from(self.ticks) / f64::from(TICKS)), figure);
        self.heard.extend(looked.news.map(|LeakNews { from, to }| (from, to)));
        looked
    }

    fn leaking() -> Self {
        let mut service = Service::new();
        service.shows(60, |hour| Some(1.0 + 0.01 * hour));
        assert_eq!(service.heard, [(Nothing, Growing), (Growing, Suspected)]);
        service
    }
}

fn site(bytes: f64) -> GrownSite {
    GrownSite { name: "keeps".into(), bytes, standard_error: bytes / 10.0 }
}

#[test]
fn it_grows_is_suspected_and_says_by_how_much() {
    let status = Service::leaking().tracker.status();
    assert_eq!((status.rises, status.rises_needed, status.epoch_secs), (8, 8, 21_600.0));
    let share = status.growth_bytes.expect("growth") as f64 / BASE;
    assert!((share - 0.48).abs() < 0.001, "{share}");
    assert_eq!(status.span_secs, Some(48.0 * 3600.0));
    let rate = status.bytes_per_hour.expect("a rate") / BASE;
    assert!((rate - 0.01).abs() < 1e-4, "{rate}");
    let objects = status.growth_objects.expect("objects") as f64 * 100.0 / BASE;
    assert!((objects - 0.48).abs() < 0.001, "{objects}");
}

#[test]
fn a_floor_that_stays_ends_it_after_a_day() {
    let mut service = Service::leaking();
    service.shows(20, |_| Some(1.6));
    assert_eq!(service.tracker.verdict(), Suspected, "a pause is no end");
    service.shows(18, |_| Some(1.6));
    assert_eq!(service.heard[2..], [(Suspected, Nothing)]);
    assert_eq!(service.tracker.status().growth_bytes, None);
}

#[test]
fn another_window_ends_it_and_says_so() {
    let mut tracker = Service::leaking().tracker;
    assert_eq!(tracker.judge_by(hours(6.0), hours(60.0)), None, "it is the same");
    let news = tracker.judge_by(hours(5.0), hours(60.0));
    assert_eq!(news, Some(LeakNews { from: Suspected, to: Nothing }));
    assert_eq!(tracker.judge_by(hours(6.0), hours(60.0)), None, "nothing was said any more");
}

#[test]
fn a_floor_that_falls_ends_it_at_once() {
    let mut service = Service::leaking();
    service.shows(13, |_| Some(1.1));
    assert_eq!(service.heard[2..], [(Suspected, Nothing)]);
}

#[test]
fn one_floor_that_does_not_rise_does_not_end_it() {
    let mut service = Service::leaking();
    for _ in 0..10 {
        let hour = f64::from(service.ticks / TICKS);
        service.shows(7, |_| Some(1.0 + 0.01 * hour));
        service.shows(11, |hour| Some(1.0 + 0.01 * hour));
    }
    assert_eq!(service.heard.len(), 2);
    let share = service.tracker.status().growth_bytes.expect("growth") as f64 / BASE;
    assert!(share > 2.0, "since it began, not since the last pause: {share}");
}

#[test]
fn a_load_is_no_leak() {
    let mut service = Service::new();
    service.shows(40, |hour| Some(1.0 + 0.0001 * hour));
    service.shows(60, |hour| Some(3.0 + 0.0001 * hour));
    assert_eq!(service.heard, []);
}

#[test]
fn a_small_heap_may_grow_by_a_mebibyte() {
    let heard = |rate: f64| {
        let mut service = Service::new();
        service.shows(60, |hour| Some((200_000.0 + rate * hour) / BASE));
        service.heard
    };
    assert_eq!(heard(21_000.0), [], "1 008 000 bytes in two days");
    assert_eq!(heard(22_000.0), [(Nothing, Growing), (Growing, Suspected)]);
}

#[test]
fn what_is_unknown_for_a_while_is_left_out() {
    let mut service = Service::new();
    service.shows(20, |hour| Some(1.0 + 0.01 * hour));
    service.shows(24, |_| None);
    service.shows(20, |hour| Some(1.0 + 0.01 * hour));
    assert_eq!(service.tracker.status().rises, 6, "one rise over the gap, and none lost");
    service.shows(20, |hour| Some(1.0 + 0.01 * hour));
    assert_eq!(service.tracker.verdict(), Suspected);
    let mut unknown = Service::new();
    unknown.shows(100, |_| None);
    assert_eq!((unknown.heard, unknown.tracker.status().floor_bytes), (vec![], None));
}

#[test]
fn an_epoch_ends_once_however_late_the_tick() {
    let mut service = Service::new();
    let floor = Some(Floor { bytes: 1 << 30, objects: None });
    service.sees(floor);
    service.ticks = 7 * TICKS;
    assert!(service.sees(floor).epoch.is_none(), "the first that was seen began after the warm-up");
    service.ticks = 40 * TICKS;
    assert!(service.sees(floor).epoch.is_some());
    assert!(service.sees(floor).epoch.is_none());
    service.ticks = 43 * TICKS;
    assert!(service.sees(floor).epoch.is_some(), "epochs end when they would have");
}

#[test]
fn two_profiles_confirm_a_suspicion_and_nothing_less() {
    let mut service = Service::leaking();
    assert_eq!(service.tracker.blame(vec![site(1e6)], false), None, "the last two are a hint");
    assert_eq!(service.tracker.blame(vec![], true), None);
    assert_eq!(service.tracker.status().sites.len(), 1, "it stays while they agree on nothing");
    let news = service.tracker.blame(vec![site(2e6)], true);
    assert_eq!(news, Some(LeakNews { from: Suspected, to: Confirmed }));
    assert_eq!(service.tracker.blame(vec![site(3e6)], false), None);
    assert_eq!(
        service.tracker.status().sites,
        [site(2e6)],
        "a hint does not replace what is known"
    );
    assert_eq!(service.tracker.blame(vec![], true), None);
    assert_eq!(service.tracker.status().sites, [site(2e6)], "nor does an agreement on nothing");
    service.shows(24, |hour| Some(1.0 + 0.01 * hour));
    assert_eq!(service.tracker.verdict(), Confirmed, "it goes on");
    service.shows(36, |_| Some(1.8));
    assert_eq!(service.heard[2..], [(Confirmed, Nothing)]);
    assert!(service.tracker.status().sites.is_empty());
}

#[test]
fn nothing_that_is_not_suspected_is_confirmed() {
    let mut service = Service::new();
    assert_eq!(service.tracker.blame(vec![site(1e6)], true), None);
    assert!(service.tracker.status().sites.is_empty());
    service.shows(32, |hour| Some(1.0 + 0.01 * hour));
    assert_eq!(service.tracker.blame(vec![site(1e6)], true), None);
    assert_eq!(service.tracker.verdict(), Growing);
}
