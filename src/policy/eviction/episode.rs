//! One eviction: one ask outstanding at a time, its answer measured, until enough is given or nobody is left to ask.
//!
//! It ends, whatever the caches do: no cache is asked more than eight times, and two bad answers end its turn. It takes no
//! more than the caches' own rounding and one unit beyond the need, since nobody is asked for more than is missing; but for a
//! cache that is known to yield no pages in pieces, which in an emergency is cut deep.

use super::candidate::{Candidate, Demand, choose};
use super::record::Records;
use super::terms::{CacheId, View};
use crate::level::Level;
use std::time::Instant;

/// A cache that gave less than this share of what it was asked for gets a strike.
const FAIR_SHARE: f64 = 0.25;
/// What is left of a need below this share of it is let go: the guard below the line covers it.
const REST: u64 = 100;

/// On whose account caches are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The governor's own, at this level: only caches whose owners allow it, and their ceilings are lowered.
    Automatic(Level),
    /// Somebody's command: every cache may be asked, and may fill up again.
    Command,
    /// Somebody's command to this cache alone.
    Only(CacheId),
}

impl Scope {
    pub(crate) fn may_ask(self, view: &View) -> bool {
        match self {
            Scope::Automatic(level) => view.terms.from <= level,
            Scope::Command => true,
            Scope::Only(id) => view.id == id,
        }
    }

    fn is_command(self) -> bool {
        !matches!(self, Scope::Automatic(_))
    }

    /// Whether caches are asked for all they have.
    fn is_unsparing(self) -> bool {
        !matches!(self, Scope::Automatic(Level::Healthy | Level::Caution | Level::Warning))
    }
}

/// What one cache is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) id: CacheId,
    pub(crate) bytes: u64,
    /// What it may hold afterwards.
    pub(crate) ceiling: Option<u64>,
}

/// What came of an ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    /// Measured; claimed where nothing is counted.
    pub(crate) given: u64,
    pub(crate) claimed: u64,
    /// It panicked or did not answer.
    pub(crate) failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    id: CacheId,
    asks: u32,
    strikes: u32,
    given: u64,
}

/// The eviction under way.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    pub(crate) scope: Scope,
    pub(crate) need: u64,
    /// Measured so far.
    pub(crate) given: u64,
    standings: Vec<Standing>,
    asking: Option<Ask>,
}

impl Episode {
    pub(crate) fn new(scope: Scope, need: u64) -> Self {
        Episode { scope, need, given: 0, standings: Vec::new(), asking: None }
    }

    pub(crate) fn missing(&self) -> u64 {
        self.need.saturating_sub(self.given)
    }

    fn is_met(&self) -> bool {
        self.missing() == 0 || self.missing() < self.need / REST
    }

    /// The ceilings to set before anybody is asked: what each cache in question holds now, so that none fills up with what
    /// another gives.
    pub(crate) fn freeze(
        &self,
        views: impl Iterator<Item = View>,
        records: &Records,
    ) -> Vec<(CacheId, u64)> {
        if self.scope.is_command() {
            return Vec::new();
        }
        let in_question = views.filter(|view| view.available && self.scope.may_ask(view));
        in_question.filter_map(|view| Some((view.id, frozen(&view, records)?))).collect()
    }

    /// The next ask, noted as under way; `None` when the need is met or nobody is left.
    pub(crate) fn next(
        &mut self,
        views: impl Iterator<Item = View> + Clone,
        records: &mut Records,
        now: Instant,
    ) -> Option<Ask> {
        let (id, bytes) = self.chosen(views.clone(), records, now)?;
        let view = views.into_iter().find(|view| view.id == id)?;
        let ask = Ask { id, bytes, ceiling: self.ceiling(&view, bytes, records) };
        self.standing(id).asks += 1;
        records.of(id).asked(bytes, view.usage, now);
        self.asking = Some(ask);
        Some(ask)
    }

    /// Whether anybody is left to ask.
    pub(crate) fn has_candidates(
        &self,
        views: impl Iterator<Item = View> + Clone,
        records: &Records,
        now: Instant,
    ) -> bool {
        self.chosen(views, records, now).is_some()
    }

    fn chosen(
        &self,
        views: impl Iterator<Item = View> + Clone,
        records: &Records,
        now: Instant,
    ) -> Option<(CacheId, u64)> {
        if self.is_met() {
            return None;
        }
        let unsparing = self.scope.is_unsparing();
        let deep = self.scope == Scope::Automatic(Level::Critical);
        let demand = Demand { need: self.need, missing: self.missing(), unsparing, deep, now };
        let candidate = |view: View| {
            let standing = self.standings.iter().find(|standing| standing.id == view.id);
            Candidate {
                view,
                record: records.get(view.id),
                asks: standing.map_or(0, |standing| standing.asks),
                strikes: standing.map_or(0, |standing| standing.strikes),
            }
        };
        choose(views.filter(|view| self.scope.may_ask(view)).map(candidate), &demand)
    }

    /// What the cache may hold once it has given `bytes`; `None` on somebody's command, and for one that has no ceilings.
    fn ceiling(&self, view: &View, bytes: u64, records: &Records) -> Option<u64> {
        if self.scope.is_command() {
            return None;
        }
        Some(frozen(view, records)?.saturating_sub(bytes).max(view.terms.floor))
    }

    /// Takes in the answer to the ask under way. A strike for less than a quarter, or for none.
    pub(crate) fn answered(&mut self, answer: Answer, records: &mut Records) {
        let Some(ask) = self.asking.take() else { return };
        self.given = self.given.saturating_add(answer.given);
        let is_bad = answer.failed || deserves_strike(answer.given, ask.bytes);
        let standing = self.standing(ask.id);
        standing.given = standing.given.saturating_add(answer.given);
        standing.strikes += u32::from(is_bad);
        let record = records.of(ask.id);
        record.strikes += u64::from(is_bad);
        record.gave(answer.given, answer.claimed);
    }

    /// The ceiling that came with the ask under way.
    pub(crate) fn ceiling_asked(&self) -> Option<u64> {
        self.asking?.ceiling
    }

    /// The cache that gave four fifths or more of all, whose doing the result is.
    pub(super) fn chief_giver(&self) -> Option<CacheId> {
        let is_chief = |standing: &&Standing| {
            standing.given > 0 && standing.given as f64 >= self.given as f64 * 0.8
        };
        self.standings.iter().find(is_chief).map(|standing| standing.id)
    }

    /// How often anybody was asked.
    #[cfg(test)]
    pub(crate) fn asks(&self) -> u32 {
        self.standings.iter().map(|standing| standing.asks).sum()
    }

    fn standing(&mut self, id: CacheId) -> &mut Standing {
        let index = self.standings.iter().position(|s| s.id == id).unwrap_or_else(|| {
            self.standings.push(Standing { id, asks: 0, strikes: 0, given: 0 });
            self.standings.len() - 1
        });
        &mut self.standings[index]
    }
}

/// Whether an answer of `freed` to an ask of `asked` deserves a strike.
fn deserves_strike(freed: u64, asked: u64) -> bool {
    (freed as f64) < asked as f64 * FAIR_SHARE
}

/// What a cache holds, but no more than it may; `None` for one that does not say or has no ceilings.
fn frozen(view: &View, records: &Records) -> Option<u64> {
    let record = records.get(view.id);
    if record.is_some_and(|record| !record.may_have_ceiling()) {
        return None;
    }
    let ceiling = record.and_then(|record| record.ceiling).unwrap_or(u64::MAX);
    Some(view.usage?.min(ceiling).max(view.terms.floor))
}

#[cfg(test)]
mod tests {
    use super::super::terms::Terms;
    use super::*;

    fn view(id: u64, usage: Option<u64>) -> View {
        let terms = Terms { from: Level::Caution, ..Terms::default() };
        View { id: CacheId(id), terms, usage, idle: None, available: true }
    }

    fn answer(given: u64) -> Answer {
        Answer { given, claimed: given, failed: false }
    }

    #[test]
    fn one_ask_at_a_time_until_the_need_is_met() {
        let (mut records, now) = (Records::default(), Instant::now());
        let views = [view(1, Some(400)), view(2, Some(300))];
        let mut episode = Episode::new(Scope::Automatic(Level::Caution), 300);
        let first = episode.next(views.into_iter(), &mut records, now).expect("an ask");
        assert_eq!(first, Ask { id: CacheId(1), bytes: 200, ceiling: Some(200) });
        episode.answered(answer(200), &mut records);
        let views = [view(1, Some(200)), view(2, Some(300))];
        let second = episode.next(views.into_iter(), &mut records, now).expect("an ask");
        assert_eq!(second, Ask { id: CacheId(2), bytes: 100, ceiling: Some(200) });
        episode.answered(answer(99), &mut records);
        assert_eq!(
            episode.next(views.into_iter(), &mut records, now),
            None,
            "a hundredth is let go"
        );
        assert_eq!(episode.asks(), 2);
    }

    #[test]
    fn two_bad_answers_end_a_caches_turn() {
        let (mut records, now) = (Records::default(), Instant::now());
        let mut episode = Episode::new(Scope::Command, 1000);
        for bad in [answer(249), Answer { failed: true, ..answer(500) }] {
            assert!(episode.next([view(1, None)].into_iter(), &mut records, now).is_some());
            episode.answered(bad, &mut records);
        }
        assert!(!episode.has_candidates([view(1, None)].into_iter(), &records, now));
        assert_eq!(
            records.get(CacheId(1)).map(|record| (record.strikes, record.given_bytes)),
            Some((2, 749))
        );
    }

    #[test]
    fn a_quarter_is_fair() {
        assert!(deserves_strike(24, 100) && !deserves_strike(25, 100));
    }

    #[test]
    fn ceilings_are_frozen_at_what_is_held_and_never_raised() {
        let mut records = Records::default();
        records.of(CacheId(2)).ceiling = Some(50);
        records.of(CacheId(3)).keeps_ceilings = Some(false);
        let away = View { available: false, ..view(5, Some(7)) };
        let views = [view(1, Some(400)), view(2, Some(300)), view(3, Some(9)), view(4, None), away];
        let episode = Episode::new(Scope::Automatic(Level::Caution), 300);
        let frozen = episode.freeze(views.into_iter(), &records);
        assert_eq!(frozen, [(CacheId(1), 400), (CacheId(2), 50)]);
        let command = Episode::new(Scope::Command, 300);
        assert!(command.freeze(views.into_iter(), &records).is_empty());
    }

    #[test]
    fn below_an_emergency_only_willing_caches_are_asked() {
        let (records, now) = (Records::default(), Instant::now());
        let mut reserved = view(1, None);
        reserved.terms.from = Level::Critical;
        let asks =
            |scope| Episode::new(scope, 9).has_candidates([reserved].into_iter(), &records, now);
        assert!(!asks(Scope::Automatic(Level::Warning)));
        assert!(asks(Scope::Automatic(Level::Critical)) && asks(Scope::Command));
    }
}
