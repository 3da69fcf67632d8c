//! What is remembered of a cache from one eviction to the next.

use super::terms::CacheId;
use std::time::{Duration, Instant};

/// How much a new figure counts beside what was known.
const NEW: f64 = 0.3;
/// Evicting frees objects; a cache whose evictions lower the usage by less than this share of what they free only makes
/// room for objects of its own size classes.
const BARREN: f64 = 0.05;
/// After this time it is tried again; after twice as long the next time, up to a day.
const REMEMBERED: Duration = Duration::from_secs(600);
const LONGEST_REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// A cache that does not say what it holds has refilled when it was asked more often than this within a minute: more often
/// than one eviction asks.
const ASKS: u32 = super::candidate::ASKS;
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
    /// Evictions in a row that yielded next to nothing.
    barren: u32,
    last_yield: Option<Instant>,
    /// What it may hold; `None` without a ceiling.
    pub(crate) ceiling: Option<u64>,
    /// Whether it keeps ceilings; `None` while it has not been asked to.
    pub(crate) keeps_ceilings: Option<bool>,
    storm: Storm,
}

/// What a cache gave lately, in a window that begins anew, and what it has taken again.
#[derive(Clone, Copy, Debug, Default)]
struct Storm {
    since: Option<Instant>,
    given: u64,
    /// What it said it held when it was first asked.
    usage: Option<u64>,
    asks: u32,
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
            barren: 0,
            last_yield: None,
            ceiling: None,
            keeps_ceilings: None,
            storm: Storm::default(),
        }
    }

    /// Whether evicting from it does not lower the usage.
    pub(crate) fn is_barren(&self, now: Instant) -> bool {
        let times = 1u32.checked_shl(self.barren.saturating_sub(1)).unwrap_or(u32::MAX);
        let remembered = REMEMBERED.saturating_mul(times).min(LONGEST_REMEMBERED);
        let is_recent = |last| now.saturating_duration_since(last) < remembered;
        self.barren > 0 && self.last_yield.is_some_and(is_recent)
    }

    /// Takes in which share of what it freed became free pages.
    pub(super) fn learn_yield(&mut self, share: f64, now: Instant) {
        self.yielded.take(share);
        self.barren = if share < BARREN { self.barren.saturating_add(1) } else { 0 };
        self.last_yield = Some(now);
    }

    /// Whether a ceiling may be set: it is not known to have none.
    pub(crate) fn may_have_ceiling(&self) -> bool {
        self.keeps_ceilings != Some(false)
    }

    pub(super) fn asked(&mut self, bytes: u64, usage: Option<u64>, now: Instant) {
        self.asks += 1;
        self.asked_bytes = self.asked_bytes.saturating_add(bytes);
        self.storm.asked(usage, now);
    }

    pub(super) fn gave(&mut self, given: u64, claimed: u64) {
        self.given_bytes = self.given_bytes.saturating_add(given);
        self.claimed_bytes = self.claimed_bytes.saturating_add(claimed);
        self.storm.given = self.storm.given.saturating_add(given);
        if claimed > 0 {
            self.honesty.take(given as f64 / claimed as f64);
        }
    }

    /// What it gave within a minute, when it has taken more than `most` of that again: told once a minute.
    pub(super) fn storms(&mut self, most: u64, usage: Option<u64>, now: Instant) -> Option<u64> {
        let storm = &mut self.storm;
        let is_news = !storm.is_over(now) && !storm.told && storm.refilled(usage) > most;
        storm.told |= is_news;
        is_news.then_some(storm.given)
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

    fn asked(&mut self, usage: Option<u64>, now: Instant) {
        if self.is_over(now) {
            *self = Storm { since: Some(now), usage, ..Storm::default() };
        }
        self.asks += 1;
    }

    /// What it has taken again of what it gave. One that does not say what it holds took it again if it could give again.
    fn refilled(&self, usage: Option<u64>) -> u64 {
        match (self.usage, usage) {
            (Some(before), Some(now)) => (self.given.saturating_add(now)).saturating_sub(before),
            _ if self.asks > ASKS => self.given,
            _ => 0,
        }
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

    pub(super) fn get_mut(&mut self, id: CacheId) -> Option<&mut Record> {
        self.0.iter_mut().find(|record| record.id == id)
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
        let give = |record: &mut Record, at, bytes| {
            record.asked(bytes, Some(500), second(at));
            record.gave(bytes, bytes);
        };
        give(&mut record, 0, 160);
        assert_eq!(record.storms(100, Some(340), second(1)), None, "it has stayed as it was left");
        assert_eq!(record.storms(100, Some(400), second(2)), None);
        assert_eq!(record.storms(100, Some(450), second(3)), Some(160), "it took 110 again");
        assert!(record.is_storming(second(3)));
        give(&mut record, 40, 60);
        assert_eq!(record.storms(100, Some(500), second(41)), None, "said already");
        assert!(!record.is_storming(second(60)), "a new minute");
        give(&mut record, 61, 120);
        assert_eq!(record.storms(100, Some(490), second(62)), Some(120));
    }

    #[test]
    fn a_silent_cache_storms_when_it_can_give_again_and_again() {
        let (mut record, now) = (Record::new(CacheId(1)), Instant::now());
        let mut told = Vec::new();
        for _ in 0..9 {
            record.asked(50, None, now);
            record.gave(50, 50);
            told.extend(record.storms(100, None, now));
        }
        assert_eq!(told, [450], "one eviction asks eight times at most");
    }

    #[test]
    fn honesty_and_yield_follow_what_is_measured() {
        let (mut record, now) = (Record::new(CacheId(1)), Instant::now());
        assert!(!record.is_barren(now), "nothing is known");
        for _ in 0..20 {
            record.gave(10, 80);
            record.learn_yield(0.01, now);
        }
        assert!(record.honesty.get().is_some_and(|share| (share - 0.125).abs() < 1e-9));
        let day = LONGEST_REMEMBERED;
        assert!(record.is_barren(now + day / 2) && !record.is_barren(now + day), "tried again");
        record.learn_yield(0.9, now);
        assert!(!record.is_barren(now), "it has become worth asking");
        record.learn_yield(0.0, now);
        assert!(record.is_barren(now) && !record.is_barren(now + REMEMBERED));
    }
}
