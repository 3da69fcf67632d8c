//! What is yet to be told: the newest state of each alert, and when to try again. Pure: the clock is handed in.

use crate::alert::{Alert, MOST_AT_ONCE};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The most alerts that wait: all that can change at once.
pub(super) const ROOM: usize = MOST_AT_ONCE;

/// What begins at the same time is told at once: so long is waited for the others.
const GROUPING: Duration = Duration::from_secs(1);

/// Between two tries: at first, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By fingerprint, with their order.
    waiting: BTreeMap<u64, (u64, Alert)>,
    order: u64,
    /// When to try; `None` while nothing is to be told.
    due: Option<Instant>,
    failures: u32,
    /// When something was last taken, or refused.
    taken: Option<Instant>,
    /// It was refused: what fires is told again soon, should the receiver have become another.
    refused: bool,
    dropped: u64,
}

impl Outbox {
    /// Takes in what changed: the newest state of an alert takes the place of an older one. When there is no room the oldest
    /// goes, counted.
    pub(super) fn put(&mut self, alerts: Vec<Alert>, now: Instant) {
        for alert in alerts {
            self.order += 1;
            self.waiting.insert(alert.fingerprint(), (self.order, alert));
            if self.waiting.len() > ROOM {
                self.drop_oldest();
            }
            self.due.get_or_insert(now + GROUPING);
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.waiting.iter().min_by_key(|(_, (order, _))| *order);
        if let Some(fingerprint) = oldest.map(|(fingerprint, _)| *fingerprint) {
            self.waiting.remove(&fingerprint);
            self.dropped += 1;
        }
    }

    /// When to send next: what waits, or again what still fires.
    pub(super) fn next(&self, is_firing: bool, repeat: Duration) -> Option<Instant> {
        let pause = if self.refused { repeat.min(LONGEST) } else { repeat };
        let again = self.taken.filter(|_| is_firing).map(|taken| taken + pause);
        self.due.or(again)
    }

    /// What a message says: all that waits, and what else fires; firing first, in the order of the fingerprints.
    pub(super) fn message<'a>(&'a self, firing: impl Iterator<Item = &'a Alert>) -> Vec<&'a Alert> {
        let mut all: BTreeMap<_, _> = firing.map(|alert| (alert.fingerprint(), alert)).collect();
        all.extend(self.waiting.iter().map(|(fingerprint, (_, alert))| (*fingerprint, alert)));
        let (mut firing, resolved): (Vec<_>, Vec<_>) =
            all.into_values().partition(|alert| alert.is_firing());
        firing.extend(resolved);
        firing
    }

    /// Another for every message that differs.
    pub(super) fn number(&self) -> u64 {
        self.order
    }

    /// The receiver has it.
    pub(super) fn taken(&mut self, now: Instant) {
        self.waiting.clear();
        (self.due, self.failures, self.taken, self.refused) = (None, 0, Some(now), false);
        // Should the same be told again, it is another message.
        self.order += 1;
    }

    /// The receiver does not take it as it is.
    pub(super) fn refused(&mut self, now: Instant) {
        self.dropped += self.waiting.len() as u64;
        self.taken(now);
        self.refused = true;
    }

    /// Later perhaps: waits twice as long each time, less up to a half by chance, and as long as the receiver asks.
    pub(super) fn failed(&mut self, now: Instant, asked: Option<Duration>, chance: f64) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        let own = doubled.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
        self.due = Some(now + own.max(asked.unwrap_or_default().min(LONGEST)));
        self.failures += 1;
    }

    /// Whether nobody has been told of something that fires.
    pub(super) fn has_news(&self) -> bool {
        self.waiting.values().any(|(_, alert)| alert.is_firing())
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPEAT: Duration = Duration::from_secs(600);

    fn alert(name: &str, ends_micros: Option<u64>) -> Alert {
        let labels = BTreeMap::from([("alertname".into(), name.into())]);
        Alert { labels, annotations: BTreeMap::new(), starts_micros: 1, ends_micros }
    }

    fn names(all: &[&Alert]) -> Vec<String> {
        let name = |alert: &&Alert| {
            let sign = if alert.is_firing() { "" } else { "-" };
            format!("{sign}{}", alert.labels["alertname"])
        };
        let mut names: Vec<_> = all.iter().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_begins_together_is_told_together() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        assert_eq!(outbox.next(false, REPEAT), None);
        outbox.put(vec![alert("a", None)], now);
        outbox.put(vec![alert("b", None)], now + Duration::from_millis(900));
        assert_eq!(outbox.next(true, REPEAT), Some(now + GROUPING));
        assert_eq!(names(&outbox.message(std::iter::empty())), ["a", "b"]);
        outbox.taken(now + GROUPING);
        assert_eq!(
            outbox.next(true, REPEAT),
            Some(now + GROUPING + REPEAT),
            "again while it fires"
        );
        assert_eq!(outbox.next(false, REPEAT), None);
    }

    #[test]
    fn the_newest_state_wins_and_what_still_fires_is_told_with_it() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.put(vec![alert("a", None)], now);
        let first = outbox.number();
        outbox.put(vec![alert("a", Some(5))], now);
        assert_ne!(outbox.number(), first);
        let firing = [alert("b", None)];
        assert_eq!(names(&outbox.message(firing.iter())), ["-a", "b"]);
        assert!(outbox.message(firing.iter())[0].is_firing());
        assert_eq!(outbox.waiting(), 1);
    }

    #[test]
    fn tries_come_later_and_later_within_bounds() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.put(vec![alert("a", None)], now);
        let mut wait = |asked, chance| {
            outbox.failed(now, asked, chance);
            outbox.next(true, REPEAT).expect("a next try") - now
        };
        assert_eq!(wait(None, 0.0), Duration::from_secs(1));
        assert_eq!(wait(None, 1.0), Duration::from_secs(1), "half of two");
        assert_eq!(wait(None, 0.0), Duration::from_secs(4));
        assert_eq!(wait(Some(Duration::from_secs(60)), 0.0), Duration::from_secs(60));
        for _ in 0..40 {
            assert!(wait(None, 0.0) <= LONGEST);
        }
        assert_eq!(wait(Some(Duration::from_secs(9999)), 0.5), LONGEST);
        let before = outbox.next(true, REPEAT);
        outbox.put(vec![alert("b", None)], now);
        assert_eq!(outbox.next(true, REPEAT), before, "news do not hurry it");
        outbox.taken(now);
        outbox.put(vec![alert("c", None)], now);
        outbox.failed(now, None, 0.0);
        assert_eq!(outbox.next(true, REPEAT), Some(now + FIRST), "it begins short again");
    }

    #[test]
    fn there_is_room_for_so_many() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.put((0..ROOM + 2).map(|n| alert(&n.to_string(), None)).collect(), now);
        assert_eq!((outbox.waiting(), outbox.dropped()), (ROOM, 2));
        let left = names(&outbox.message(std::iter::empty()));
        assert!(!left.contains(&"0".into()) && !left.contains(&"1".into()), "the oldest went");
        outbox.refused(now);
        assert_eq!((outbox.waiting(), outbox.dropped()), (0, 2 + ROOM as u64));
    }

    #[test]
    fn what_fires_is_told_again_soon_after_a_refusal() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let hours = Duration::from_secs(4 * 3600);
        outbox.put(vec![alert("a", None)], now);
        assert!(outbox.has_news());
        outbox.refused(now);
        assert!(!outbox.has_news());
        assert_eq!(outbox.next(true, hours), Some(now + LONGEST), "it may be another by then");
        assert_eq!(outbox.next(true, FIRST), Some(now + FIRST));
        assert_eq!(outbox.next(false, hours), None);
        outbox.taken(now);
        assert_eq!(outbox.next(true, hours), Some(now + hours));
    }
}
