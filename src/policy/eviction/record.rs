//! What is remembered of a cache from one eviction to the next.

use super::terms::CacheId;
use std::time::{Duration, Instant};

/// How much a new figure counts beside what was known.
const NEW: f64 = 0.3;
/// Evicting frees objects; a cache whose evictions lower the usage by less than this share of what they free only makes
/// room for objects of its own size classes.
const BARREN: f64 = 0.05;
/// What a cache gave is added up over this time.
const STORM_TIME: Duration = Duration::from_secs(60);

/// A figure that follows its newest values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Smoothed(Option<f64>);

impl Smoothed {
    pub(crate) fn take(&mut self, new: f64) {
        self.0 = Some(self.0.map_or(new, |old| old + NEW * (new - old)));
    }

    /// `None` before the first value.
    pub(crate) fn get(self) -> Option<f64> {
        self.0
    }
}

/// A cache's own history.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: CacheId,
    /// Bytes it was asked for, so far.
    pub(crate) asked_bytes: u64,
    /// Bytes it said it freed.
    pub(crate) claimed_bytes: u64,
    /// Bytes it freed, measured.
    pub(crate) given_bytes: u64,
    pub(crate) asks: u64,
    pub(crate) strikes: u64,
    /// Measured over claimed.
    pub(crate) honesty: Smoothed,
    /// How far the usage fell for what it freed.
    pub(crate) yielded: Smoothed,
    /// What it may hold; `None` without a ceiling.
    pub(crate) ceiling: Option<u64>,
    /// Whether it keeps ceilings; `None` while it has not been asked to.
    pub(crate) keeps_ceilings: Option<bool>,
    pub(crate) last_asked: Option<Instant>,
    storm: Storm,
}

/// What a cache gave lately, in a window that begins anew.
#[derive(Clone, Copy, Debug, Default)]
struct Storm {
    since: Option<Instant>,
    bytes: u64,
    told: bool,
}

impl Record {
    pub(crate) fn new(id: CacheId) -> Self {
        Record {
            id,
            asked_bytes: 0,
            claimed_bytes: 0,
            given_bytes: 0,
            asks: 0,
            strikes: 0,
            honesty: Smoothed::default(),
            yielded: Smoothed::default(),
            ceiling: None,
            keeps_ceilings: None,
            last_asked: None,
            storm: Storm::default(),
        }
    }

    /// Whether evicting from it does not lower the usage.
    pub(crate) fn is_barren(&self) -> bool {
        self.yielded.get().is_some_and(|share| share < BARREN)
    }

    /// Whether a ceiling may be set: it is not known to have none.
    pub(crate) fn may_have_ceiling(&self) -> bool {
        self.keeps_ceilings != Some(false)
    }

    pub(super) fn asked(&mut self, bytes: u64, now: Instant) {
        self.asks += 1;
        self.asked_bytes = self.asked_bytes.saturating_add(bytes);
        self.last_asked = Some(now);
    }

    pub(super) fn gave(&mut self, given: u64, claimed: u64, now: Instant) {
        self.given_bytes = self.given_bytes.saturating_add(given);
        self.claimed_bytes = self.claimed_bytes.saturating_add(claimed);
        if claimed > 0 {
            self.honesty.take(given as f64 / claimed as f64);
        }
        self.storm.add(given, now);
    }

    /// Whether it gave more than `most` within a minute and fills up again as fast: said once a minute.
    pub(super) fn storms(&mut self, most: u64, now: Instant) -> Option<u64> {
        let storm = &mut self.storm;
        storm.roll(now);
        let tells = storm.bytes > most && !std::mem::replace(&mut storm.told, storm.bytes > most);
        tells.then_some(storm.bytes)
    }

    /// Whether a refill storm of it has been told in this minute.
    pub(super) fn is_storming(&self, now: Instant) -> bool {
        self.storm.told && !self.storm.is_over(now)
    }
}

impl Storm {
    fn is_over(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.saturating_duration_since(since) >= STORM_TIME)
    }

    fn roll(&mut self, now: Instant) {
        if self.is_over(now) {
            *self = Storm { since: Some(now), bytes: 0, told: false };
        }
    }

    fn add(&mut self, bytes: u64, now: Instant) {
        self.roll(now);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The records of all caches that have been asked for something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records(Vec<Record>);

impl Records {
    pub(crate) fn get(&self, id: CacheId) -> Option<&Record> {
        self.0.iter().find(|record| record.id == id)
    }

    /// The record of a cache, made now if need be.
    pub(crate) fn of(&mut self, id: CacheId) -> &mut Record {
        let index = self.0.iter().position(|record| record.id == id).unwrap_or_else(|| {
            self.0.push(Record::new(id));
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.0.iter_mut()
    }

    /// Forgets the caches that are gone.
    pub(crate) fn keep(&mut self, is_there: impl Fn(CacheId) -> bool) {
        self.0.retain(|record| is_there(record.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_told_once_a_minute() {
        let (mut record, start) = (Record::new(CacheId(1)), Instant::now());
        let second = |n| start + Duration::from_secs(n);
        record.gave(60, 60, second(0));
        assert_eq!(record.storms(100, second(1)), None);
        record.gave(60, 60, second(30));
        assert_eq!(record.storms(100, second(31)), Some(120));
        assert!(record.is_storming(second(31)));
        record.gave(60, 60, second(40));
        assert_eq!(record.storms(100, second(41)), None, "said already");
        assert!(!record.is_storming(second(60)), "a new minute");
        record.gave(120, 120, second(61));
        assert_eq!(record.storms(100, second(62)), Some(120));
    }

    #[test]
    fn honesty_and_yield_follow_what_is_measured() {
        let (mut record, now) = (Record::new(CacheId(1)), Instant::now());
        assert!(!record.is_barren(), "nothing is known");
        for _ in 0..20 {
            record.gave(10, 80, now);
            record.yielded.take(0.01);
        }
        assert!(record.honesty.get().is_some_and(|share| (share - 0.125).abs() < 1e-9));
        assert!(record.is_barren());
        (0..20).for_each(|_| record.yielded.take(0.9));
        assert!(!record.is_barren(), "it has become worth asking");
    }
}
