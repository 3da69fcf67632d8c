//! Ceilings raised again when the load has gone: slowly, dearest first, and never so far that full caches would cross the
//! line again.

use super::need::Lines;
use super::record::Records;
use super::terms::{CacheId, View};
use crate::level::Level;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// All must have been well for this long: a level is left only after ten seconds below it as it is.
const CALM: Duration = Duration::from_secs(10);
/// Between two steps.
const PACE: Duration = Duration::from_secs(2);
/// A step, as a share of the budget.
const STEP: f64 = 0.02;
/// So far below the line, in parts of the budget, regrowth ends.
const MARGIN: u64 = 100;
/// After this time without a new eviction a step that was halved is doubled again.
const FORGIVEN: Duration = Duration::from_secs(600);

/// A ceiling to raise; `None` lifts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raise {
    pub(crate) id: CacheId,
    pub(crate) ceiling: Option<u64>,
}

/// How far regrowth has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regrowth {
    calm_since: Option<Instant>,
    last_step: Option<Instant>,
    /// A step is this share of the whole one.
    scale: f64,
    has_raised: bool,
    /// Nothing could be raised at the last try.
    is_at_rest: bool,
}

/// What regrowth goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calm {
    pub(super) now: Instant,
    pub(super) level: Level,
    pub(super) usage: u64,
    /// Bytes per second.
    pub(super) slope: f64,
    pub(super) lines: Lines,
}

impl Regrowth {
    pub(super) fn new() -> Self {
        Regrowth {
            calm_since: None,
            last_step: None,
            scale: 1.0,
            has_raised: false,
            is_at_rest: false,
        }
    }

    /// An eviction was needed again: the next steps are half as long.
    pub(super) fn reentered(&mut self) {
        if std::mem::replace(&mut self.has_raised, false) {
            self.scale = (self.scale / 2.0).max(1.0 / 16.0);
        }
    }

    /// How soon to look again: every step, until nothing more can be raised.
    pub(super) fn pace(&self, records: &Records) -> Option<Duration> {
        let is_bound = records.iter().any(|record| record.ceiling.is_some());
        (is_bound && !self.is_at_rest).then_some(PACE)
    }

    /// All is not well: the calm begins anew.
    pub(super) fn disturbed(&mut self) {
        (self.calm_since, self.is_at_rest) = (None, false);
    }

    /// The ceiling of the last step is as it was.
    pub(super) fn not_raised(&mut self) {
        (self.last_step, self.has_raised) = (None, false);
    }

    /// The ceiling to raise now, if any.
    pub(super) fn consider(
        &mut self,
        calm: &Calm,
        views: impl Iterator<Item = View> + Clone,
        records: &Records,
    ) -> Option<Raise> {
        if calm.level != Level::Healthy {
            self.disturbed();
            return None;
        }
        let since = *self.calm_since.get_or_insert(calm.now);
        self.forgive(since, calm.now);
        let rested = self.last_step.is_none_or(|last| passed(last, calm.now) >= PACE);
        if passed(since, calm.now) < CALM || !rested {
            return None;
        }
        let raise = raise(calm, self.step(calm.lines.budget), views, records);
        self.is_at_rest = raise.is_none();
        if raise.is_some() {
            (self.last_step, self.has_raised) = (Some(calm.now), true);
        }
        raise
    }

    fn step(&self, budget: u64) -> u64 {
        (budget as f64 * STEP * self.scale) as u64
    }

    fn forgive(&mut self, since: Instant, now: Instant) {
        if self.scale < 1.0 && passed(since, now) >= FORGIVEN {
            self.scale *= 2.0;
            self.calm_since = Some(now);
        }
    }
}

fn passed(since: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(since)
}

/// Raises by a step, if there is room for it, the lowest ceiling that is in the way of the highest tier's most important
/// cache.
fn raise(
    calm: &Calm,
    step: u64,
    views: impl Iterator<Item = View> + Clone,
    records: &Records,
) -> Option<Raise> {
    let bound = views.filter_map(|view| Bound::of(view, records));
    let promised: u64 = bound.clone().map(|bound| bound.promised()).fold(0, u64::saturating_add);
    let soon = calm.slope.max(0.0) * PACE.as_secs_f64();
    let expected = calm.usage.saturating_add(promised).saturating_add(soon as u64);
    let line = calm.lines.enter.saturating_sub(calm.lines.budget / MARGIN);
    let step = step.min(line.saturating_sub(expected));
    let binding = bound.filter(|bound| bound.is_binding(step));
    let chosen = binding.max_by_key(|bound| {
        let terms = &bound.view.terms;
        (terms.tier, terms.priority, Reverse(bound.ceiling))
    })?;
    // A sliver is not worth a call.
    (step >= calm.lines.budget / 1000).then(|| chosen.raised(step, calm.lines.budget))
}

/// A cache with a ceiling.
#[derive(Clone, Copy)]
struct Bound {
    view: View,
    usage: u64,
    ceiling: u64,
}

impl Bound {
    fn of(view: View, records: &Records) -> Option<Self> {
        let ceiling = records.get(view.id)?.ceiling?;
        view.available.then_some(Bound { view, usage: view.usage?, ceiling })
    }

    /// Whether it is in the cache's way: there is less left than a step.
    fn is_binding(&self, step: u64) -> bool {
        self.ceiling.saturating_sub(self.usage) <= step
    }

    /// What a cache that is filling up has been allowed and not yet used. One that is half empty does not fill up.
    fn promised(&self) -> u64 {
        if self.usage >= self.ceiling / 2 { self.ceiling.saturating_sub(self.usage) } else { 0 }
    }

    fn raised(&self, step: u64, budget: u64) -> Raise {
        let ceiling = self.ceiling.saturating_add(step);
        Raise { id: self.view.id, ceiling: (ceiling < budget).then_some(ceiling) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::Terms;
    use super::*;

    const LINES: Lines = Lines { enter: 8000, leave: 7300, budget: 10_000 };

    struct Case {
        start: Instant,
        regrowth: Regrowth,
        records: Records,
    }

    impl Case {
        fn new(ceilings: &[(u64, u64)]) -> Self {
            let mut records = Records::default();
            for (id, ceiling) in ceilings {
                records.of(CacheId(*id)).ceiling = Some(*ceiling);
            }
            Case { start: Instant::now(), regrowth: Regrowth::new(), records }
        }

        fn at(&mut self, second: u64, usage: u64, views: &[View]) -> Option<Raise> {
            let now = self.start + Duration::from_secs(second);
            let calm = Calm { now, level: Level::Healthy, usage, slope: 0.0, lines: LINES };
            self.regrowth.consider(&calm, views.iter().copied(), &self.records)
        }
    }

    fn view(id: u64, tier: u8, usage: u64) -> View {
        let terms = Terms { tier, ..Terms::default() };
        View { id: CacheId(id), terms, usage: Some(usage), idle: None, available: true }
    }

    fn raised(id: u64, ceiling: u64) -> Option<Raise> {
        Some(Raise { id: CacheId(id), ceiling: Some(ceiling) })
    }

    #[test]
    fn after_ten_seconds_of_calm_a_fiftieth_every_two() {
        let (mut case, views) = (Case::new(&[(1, 1000)]), [view(1, 0, 1000)]);
        assert_eq!(case.at(0, 5000, &views), None);
        assert_eq!(case.at(9, 5000, &views), None);
        assert_eq!(case.at(10, 5000, &views), raised(1, 1200));
        assert_eq!(case.at(11, 5000, &views), None);
        assert_eq!(case.at(12, 5000, &views), raised(1, 1200));
    }

    #[test]
    fn the_highest_tier_grows_first_and_only_where_its_ceiling_binds() {
        let mut case = Case::new(&[(1, 1000), (2, 1000)]);
        case.at(0, 5000, &[]);
        assert_eq!(case.at(30, 5000, &[view(1, 0, 1000), view(2, 3, 1000)]), raised(2, 1200));
        assert_eq!(case.at(40, 5000, &[view(1, 0, 1000), view(2, 3, 100)]), raised(1, 1200));
    }

    #[test]
    fn equals_are_raised_in_turn() {
        let mut case = Case::new(&[(1, 1000), (2, 1000)]);
        case.at(0, 5000, &[]);
        let mut ceilings = [1000, 1000];
        for step in 0..10 {
            let views = [view(1, 0, ceilings[0]), view(2, 0, ceilings[1])];
            let raise = case.at(10 + 2 * step, 5000, &views).expect("room");
            let index = usize::try_from(raise.id.0).expect("a small number") - 1;
            ceilings[index] = raise.ceiling.expect("below the budget");
            case.records.of(raise.id).ceiling = raise.ceiling;
        }
        assert_eq!(ceilings, [2000, 2000]);
    }

    #[test]
    fn what_is_promised_is_not_given_twice() {
        let (mut case, views) =
            (Case::new(&[(1, 1000), (2, 2000)]), [view(1, 0, 1000), view(2, 0, 1100)]);
        case.at(0, 5000, &views);
        assert_eq!(case.at(30, 7000, &views), None, "7000 + 900 is at the margin");
        assert_eq!(case.at(40, 6900, &views), raised(1, 1100), "as much as there is room for");
    }

    #[test]
    fn a_new_eviction_halves_the_steps_until_it_is_forgiven() {
        let (mut case, views) = (Case::new(&[(1, 1000)]), [view(1, 0, 1000)]);
        case.at(0, 5000, &views);
        case.at(30, 5000, &views);
        case.regrowth.reentered();
        assert_eq!(case.at(40, 5000, &views), raised(1, 1100));
        assert_eq!(case.at(700, 5000, &views), raised(1, 1200), "ten minutes of calm");
    }

    #[test]
    fn a_ceiling_as_high_as_the_budget_is_lifted() {
        let (mut case, views) = (Case::new(&[(1, 9900)]), [view(1, 0, 9900)]);
        case.at(0, 5000, &views);
        assert_eq!(case.at(30, 5000, &views), Some(Raise { id: CacheId(1), ceiling: None }));
    }
}
