//! Which cache is asked next, and for how much.

use super::record::Record;
use super::terms::{CacheId, View};
use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// So many strikes, and a cache is not asked again in this eviction.
pub(super) const STRIKES: u32 = 2;
/// No cache is asked more often in one eviction.
pub(super) const ASKS: u32 = 8;
/// A cache that could give less than this share of what is wanted is asked only when all can.
const WORTHWHILE: f64 = 0.02;
/// What a cache that does not say when it was used counts as.
const UNKNOWN_IDLE: Duration = Duration::from_secs(1);

/// What an eviction still wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// What it wanted at its beginning.
    pub(super) need: u64,
    pub(super) missing: u64,
    /// Nothing is spared: an emergency, or somebody's command.
    pub(super) unsparing: bool,
    /// An emergency: what yields no pages in pieces is taken whole.
    pub(super) deep: bool,
    pub(super) now: Instant,
}

/// A cache, what is remembered of it, and how it has done in this eviction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) view: View,
    pub(super) record: Option<&'a Record>,
    pub(super) asks: u32,
    pub(super) strikes: u32,
}

impl Candidate<'_> {
    fn may_be_asked(&self, demand: &Demand) -> bool {
        let still_in = self.view.available && self.strikes < STRIKES && self.asks < ASKS;
        still_in && self.view.has_something() && (demand.unsparing || !self.is_spared(demand))
    }

    /// Asking it now would bring nothing that lasts: its pages stay, or it fills up again as fast.
    fn is_spared(&self, demand: &Demand) -> bool {
        self.record
            .is_some_and(|record| record.is_barren(demand.now) || record.is_storming(demand.now))
    }

    fn is_worthwhile(&self, demand: &Demand) -> bool {
        let least = (demand.need as f64 * WORTHWHILE) as u64;
        self.view.givable().is_none_or(|bytes| bytes >= least)
    }

    /// What is idle, unimportant and cheap goes first.
    fn score(&self) -> f64 {
        let terms = self.view.terms;
        self.view.idle.unwrap_or(UNKNOWN_IDLE).as_secs_f64()
            / (terms.priority.weight() * terms.cost)
    }

    /// The lowest tier, then the highest score, the least important, the one worth most, the one that
    /// was asked for least so far: so that equals take turns.
    fn before(&self, other: &Self) -> Ordering {
        let asked = |c: &Self| c.record.map_or(0, |record| record.asked_bytes);
        let (a, b) = (&self.view.terms, &other.view.terms);
        (a.tier.cmp(&b.tier))
            .then_with(|| other.score().total_cmp(&self.score()))
            .then_with(|| a.priority.cmp(&b.priority))
            .then_with(|| other.worth().total_cmp(&self.worth()))
            .then_with(|| asked(self).cmp(&asked(other)))
    }

    /// What it could give that also becomes pages for others, for what it costs to have again.
    fn worth(&self) -> f64 {
        let yielded = self.record.and_then(|record| record.yielded.get()).unwrap_or(1.0);
        self.view.givable().map_or(0.0, |bytes| bytes as f64) * yielded / self.view.terms.cost
    }

    /// All that is missing, in whole units; of what the cache holds half at most, unless nothing is spared.
    fn bytes(&self, demand: &Demand) -> u64 {
        let unit = self.view.terms.unit.max(1);
        let wanted = demand.missing.checked_next_multiple_of(unit).unwrap_or(demand.missing);
        let Some(givable) = self.view.givable() else { return wanted };
        if demand.deep && self.record.is_some_and(|record| record.is_barren(demand.now)) {
            // One deep cut: only whole slabs become whole pages.
            return givable;
        }
        let most = if demand.unsparing { givable } else { (givable / 2).max(unit) };
        wanted.min(most)
    }
}

/// The cache to ask next, and for how much; `None` when nobody is left to ask.
pub(super) fn choose<'a>(
    candidates: impl Iterator<Item = Candidate<'a>> + Clone,
    demand: &Demand,
) -> Option<(CacheId, u64)> {
    let eligible = candidates.filter(|candidate| candidate.may_be_asked(demand));
    let worthwhile = eligible.clone().filter(|candidate| candidate.is_worthwhile(demand));
    let chosen =
        worthwhile.min_by(Candidate::before).or_else(|| eligible.min_by(Candidate::before))?;
    let bytes = chosen.bytes(demand);
    (bytes > 0).then_some((chosen.view.id, bytes))
}

#[cfg(test)]
mod tests {
    use super::super::terms::{Priority, Terms};
    use super::*;

    fn cache(id: u64, idle: Option<u64>, usage: Option<u64>) -> Candidate<'static> {
        let idle = idle.map(Duration::from_secs);
        let view = View { id: CacheId(id), terms: Terms::default(), usage, idle, available: true };
        Candidate { view, record: None, asks: 0, strikes: 0 }
    }

    fn with(candidate: Candidate<'static>, change: impl FnOnce(&mut Terms)) -> Candidate<'static> {
        let mut changed = candidate;
        change(&mut changed.view.terms);
        changed
    }

    fn demand(missing: u64) -> Demand {
        Demand { need: missing, missing, unsparing: true, deep: true, now: Instant::now() }
    }

    fn asked(candidates: &[Candidate<'_>]) -> Option<u64> {
        choose(candidates.iter().copied(), &demand(100)).map(|(id, _)| id.0)
    }

    fn bytes(candidate: Candidate<'_>, demand: Demand) -> Option<u64> {
        choose([candidate].into_iter(), &demand).map(|(_, bytes)| bytes)
    }

    #[test]
    fn low_priority_goes_first_and_high_last() {
        let [high, low, normal] =
            [Priority::High, Priority::Low, Priority::Normal].map(|priority| {
                with(cache(priority as u64, Some(60), None), |t| t.priority = priority)
            });
        assert_eq!(asked(&[high, low, normal]), Some(Priority::Low as u64));
        assert_eq!(asked(&[high, normal]), Some(Priority::Normal as u64));
        let silent = |c: Candidate<'static>| Candidate { view: View { idle: None, ..c.view }, ..c };
        assert_eq!(asked(&[silent(high), silent(normal)]), Some(Priority::Normal as u64));
    }

    #[test]
    fn what_is_idle_goes_before_what_is_in_use_and_dear_ones_later() {
        let busy_low = with(cache(1, Some(1), None), |t| t.priority = Priority::Low);
        let idle_high = with(cache(2, Some(100), None), |t| t.priority = Priority::High);
        assert_eq!(asked(&[busy_low, idle_high]), Some(2));
        let dear = with(cache(3, Some(150), None), |t| t.cost = 4.0);
        assert_eq!(asked(&[dear, idle_high]), Some(2), "150 / 4 against 100 / 2");
        let cheap = with(dear, |t| t.cost = 2.0);
        assert_eq!(asked(&[cheap, idle_high]), Some(3), "150 / 2 against 100 / 2");
    }

    #[test]
    fn a_higher_tier_waits_for_a_lower_one() {
        let dear = with(cache(1, Some(1000), Some(500)), |t| t.tier = 1);
        let cheap = cache(2, Some(0), Some(1));
        assert_eq!(
            asked(&[dear, cheap]),
            Some(1),
            "a byte is not worthwhile, in a lower tier or not"
        );
        assert_eq!(asked(&[dear, cache(2, Some(0), Some(50))]), Some(2));
        assert_eq!(asked(&[dear, cache(2, Some(0), Some(0))]), Some(1));
    }

    #[test]
    fn small_caches_are_asked_when_there_are_no_others() {
        assert_eq!(bytes(cache(1, None, Some(1)), demand(100)), Some(1));
    }

    #[test]
    fn nobody_is_asked_for_more_than_is_missing_or_held_above_the_floor() {
        assert_eq!(bytes(cache(1, None, Some(30)), demand(100)), Some(30));
        assert_eq!(bytes(cache(1, None, Some(300)), demand(100)), Some(100));
        assert_eq!(bytes(cache(1, None, Some(0)), demand(100)), None);
        assert_eq!(bytes(cache(1, None, None), demand(100)), Some(100), "one that does not say");
        let floored = with(cache(1, None, Some(130)), |t| t.floor = 80);
        assert_eq!(bytes(floored, demand(100)), Some(50));
        let lumpy = with(cache(1, None, Some(300)), |t| t.unit = 64);
        assert_eq!(bytes(lumpy, demand(100)), Some(128), "in whole units");
        assert_eq!(bytes(with(cache(1, None, Some(63)), |t| t.unit = 64), demand(100)), None);
    }

    #[test]
    fn half_of_a_cache_at_a_time_unless_nothing_is_spared() {
        let gentle = Demand { unsparing: false, ..demand(100) };
        assert_eq!(bytes(cache(1, None, Some(120)), gentle), Some(60));
        assert_eq!(bytes(cache(1, None, Some(1)), gentle), Some(1), "a unit at least");
    }

    #[test]
    fn strikes_exclusion_and_too_many_asks_end_the_asking() {
        let good = cache(1, None, None);
        assert_eq!(asked(&[Candidate { strikes: STRIKES, ..good }]), None);
        assert_eq!(asked(&[Candidate { asks: ASKS, ..good }]), None);
        let away = Candidate { view: View { available: false, ..good.view }, ..good };
        assert_eq!(asked(&[away]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_barren_cache_is_spared_and_in_an_emergency_cut_deep() {
        let mut record = Record::new(CacheId(1));
        record.learn_yield(0.0, Instant::now());
        let barren = Candidate { record: Some(&record), ..cache(1, None, Some(500)) };
        assert_eq!(bytes(barren, Demand { unsparing: false, ..demand(100) }), None);
        assert_eq!(bytes(barren, demand(100)), Some(500));
        let command = Demand { deep: false, ..demand(100) };
        assert_eq!(
            bytes(barren, command),
            Some(100),
            "somebody's command is for so much and no more"
        );
    }

    #[test]
    fn what_gives_pages_goes_before_what_only_gives_objects() {
        let mut scattered = Record::new(CacheId(1));
        scattered.learn_yield(0.1, Instant::now());
        let scattered = Candidate { record: Some(&scattered), ..cache(1, None, Some(900)) };
        assert_eq!(asked(&[scattered, cache(2, None, Some(100))]), Some(2));
        assert_eq!(asked(&[scattered, cache(2, None, Some(80))]), Some(1), "90 against 80");
    }

    #[test]
    fn equals_take_turns() {
        let (mut first, second) = (Record::new(CacheId(1)), Record::new(CacheId(2)));
        first.asked_bytes = 1;
        let candidates = [&first, &second]
            .map(|record| Candidate { record: Some(record), ..cache(record.id.0, None, None) });
        assert_eq!(asked(&candidates), Some(2));
    }
}
