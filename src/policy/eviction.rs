//! Which cache is asked for how much next, and when to stop asking. Pure: what was asked and measured goes in.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much a cache matters to its owner: what matters least goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Asked first: its score counts double.
    Low,
    /// In between.
    #[default]
    Normal,
    /// Asked last: its score counts half.
    High,
}

impl Priority {
    /// What idle seconds are divided by.
    pub const fn weight(self) -> f64 {
        match self {
            Priority::Low => 0.5,
            Priority::Normal => 1.0,
            Priority::High => 2.0,
        }
    }
}

/// A cache as the planner sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) priority: Priority,
    /// Time since its last use; `None` when it does not say.
    pub(crate) idle: Option<Duration>,
    /// What it says it holds; `None` when it does not say.
    pub(crate) usage: Option<u64>,
    pub(crate) asks: u32,
    pub(crate) strikes: u32,
    /// Not to be asked: in quarantine, removed, or not at this level.
    pub(crate) excluded: bool,
}

/// A cache that gave less than this share of what it was asked for gets a strike.
const FAIR_SHARE: f64 = 0.25;
/// So many strikes, and it is not asked again in this eviction.
const STRIKES: u32 = 2;
/// No cache is asked more often in one eviction.
const ASKS: u32 = 8;
/// An eviction succeeds from this share of its target on.
const SUCCESS: f64 = 0.8;
/// What a cache that does not say when it was used counts as.
const UNKNOWN_IDLE: Duration = Duration::from_secs(1);

/// Whether freeing `freed` of `target` is a success.
pub(crate) fn succeeded(freed: u64, target: u64) -> bool {
    freed as f64 >= target as f64 * SUCCESS
}

/// Whether an answer of `freed` to an ask of `asked` deserves a strike.
pub(crate) fn deserves_strike(freed: u64, asked: u64) -> bool {
    (freed as f64) < asked as f64 * FAIR_SHARE
}

/// The index of the cache to ask next, and for how much; `None` when nobody is left to ask.
///
/// What is idle and unimportant goes first. It is asked for all that is missing, or for all it says it holds.
pub(crate) fn next_ask(candidates: &[Candidate], missing: u64) -> Option<(usize, u64)> {
    let score = |c: &Candidate| c.idle.unwrap_or(UNKNOWN_IDLE).as_secs_f64() / c.priority.weight();
    let eligible =
        |c: &Candidate| !c.excluded && c.strikes < STRIKES && c.asks < ASKS && c.usage != Some(0);
    let (index, chosen) = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| eligible(candidate))
        // Of equals the least important first, then the one registered first.
        .min_by(|(_, a), (_, b)| score(b).total_cmp(&score(a)).then(a.priority.cmp(&b.priority)))?;
    let bytes = chosen.usage.map_or(missing, |usage| missing.min(usage));
    (bytes > 0).then_some((index, bytes))
}

/// How much to ask for in all: what brings `usage` a twentieth of the budget below the line at `line_bytes`.
pub(crate) fn target(usage: u64, line_bytes: u64, budget: u64, most: u64) -> u64 {
    usage.saturating_sub(line_bytes.saturating_sub(budget / 20)).min(most)
}

/// How long to wait before the next automatic eviction, so that one which frees objects but no pages does not run
/// until nothing is left to evict.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    fruitless: u32,
}

impl Pace {
    const SHORTEST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(30);

    /// Takes in what an eviction freed and how far the usage fell for it.
    pub(crate) fn record(&mut self, freed: u64, usage_fell: u64) {
        let fruitful = freed > 0 && usage_fell >= freed / 4;
        self.fruitless = if fruitful { 0 } else { self.fruitless.saturating_add(1) };
    }

    /// The pause after the last eviction: short after a fruitful one, then doubling from two seconds up.
    pub(crate) fn pause(&self) -> Duration {
        match self.fruitless {
            0 => Self::SHORTEST,
            n => Duration::from_secs(1 << n.min(5)).min(Self::LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(priority: Priority, idle: Option<u64>, usage: Option<u64>) -> Candidate {
        let idle = idle.map(Duration::from_secs);
        Candidate { priority, idle, usage, asks: 0, strikes: 0, excluded: false }
    }

    fn asked(candidates: &[Candidate]) -> Option<usize> {
        next_ask(candidates, 100).map(|(index, _)| index)
    }

    #[test]
    fn low_priority_goes_first_and_high_last() {
        let all = [Priority::High, Priority::Low, Priority::Normal]
            .map(|priority| candidate(priority, Some(60), None));
        assert_eq!(asked(&all), Some(1));
        assert_eq!(asked(&[all[0], all[2]]), Some(1));
        let silent = [Priority::High, Priority::Normal].map(|p| candidate(p, None, None));
        assert_eq!(asked(&silent), Some(1), "caches that say nothing go by priority");
    }

    #[test]
    fn what_is_idle_goes_before_what_is_in_use() {
        let busy_low = candidate(Priority::Low, Some(1), None);
        let idle_high = candidate(Priority::High, Some(100), None);
        assert_eq!(asked(&[busy_low, idle_high]), Some(1));
        let just_used = candidate(Priority::Low, Some(0), None);
        assert_eq!(asked(&[candidate(Priority::High, Some(0), None), just_used]), Some(1));
    }

    #[test]
    fn nobody_is_asked_for_more_than_is_missing_or_held() {
        assert_eq!(next_ask(&[candidate(Priority::Low, None, Some(30))], 100), Some((0, 30)));
        assert_eq!(next_ask(&[candidate(Priority::Low, None, Some(300))], 100), Some((0, 100)));
        assert_eq!(next_ask(&[candidate(Priority::Low, None, Some(0))], 100), None);
        assert_eq!(next_ask(&[candidate(Priority::Low, None, None)], 0), None);
    }

    #[test]
    fn strikes_exclusion_and_too_many_asks_end_the_asking() {
        let good = candidate(Priority::Low, None, None);
        assert_eq!(asked(&[Candidate { strikes: STRIKES, ..good }]), None);
        assert_eq!(asked(&[Candidate { asks: ASKS, ..good }]), None);
        assert_eq!(asked(&[Candidate { excluded: true, ..good }]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_quarter_is_fair_and_four_fifths_a_success() {
        assert!(deserves_strike(24, 100) && !deserves_strike(25, 100));
        assert!(!succeeded(79, 100) && succeeded(80, 100));
    }

    #[test]
    fn the_target_lies_below_the_line() {
        assert_eq!(target(95, 80, 100, 1000), 20);
        assert_eq!(target(75, 80, 100, 1000), 0);
        assert_eq!(target(95, 80, 100, 7), 7);
    }

    #[test]
    fn fruitless_evictions_slow_down_and_a_fruitful_one_forgives() {
        let mut pace = Pace::default();
        let pauses: Vec<_> = (0..6)
            .map(|_| {
                pace.record(100, 0);
                pace.pause().as_secs()
            })
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30]);
        pace.record(100, 90);
        assert_eq!(pace.pause(), Pace::SHORTEST);
    }
}
