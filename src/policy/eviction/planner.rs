//! From tick to tick: is anything wanted, may anybody be asked, has the last eviction settled, what came of it.
//!
//! ```text
//!            need, candidate                asks end               settled
//!  resting ------------------> under way -------------> settling ----------> resting, for as long as it was fruitless
//!     |                                                     |
//!     |  need, nobody left                                  | in an emergency the usage has risen:
//!     |                                                     | at once, from resting too
//!     +--------------------> given up (30 s, 60 s, ...)     +--------> resting
//! ```

use super::episode::{Episode, Scope};
use super::need::{Lines, Motion, guard, need, succeeded};
use super::record::{Record, Records, Smoothed};
use super::regrowth::{Calm, Raise, Regrowth};
use super::terms::{CacheId, View};
use crate::level::Level;
use crate::policy::threshold::{Threshold, Thresholds};
use std::time::{Duration, Instant};

/// The first pause after giving up; doubled each time.
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);
/// In an emergency nothing is waited for when the usage has risen by the budget divided by this.
const RACE: u64 = 50;
/// Before anything has been measured, and at least: a tick, and the reading of everything.
const REACTION: Duration = Duration::from_millis(200);
/// A hook that takes longer shall not make an emergency, nor a deep cut, of growth that leaves so much time.
const LONGEST_REACTION: Duration = Duration::from_secs(5);

/// What is known at a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: Instant,
    pub(crate) level: Level,
    /// By the meter in force.
    pub(crate) usage: u64,
    /// Pages in use: what an eviction should lower.
    pub(crate) held: Option<u64>,
    /// What must go whatever the meter says: in an emergency that the kernel's wall has called.
    pub(crate) beyond_wall: u64,
    pub(crate) live: Option<u64>,
    pub(crate) budget: u64,
    /// The most one automatic eviction asks for.
    pub(crate) most: u64,
    /// Bytes per second; 0 while unknown.
    pub(crate) slope: f64,
    /// Standard deviation of the usage around its trend.
    pub(crate) sigma: f64,
    /// When things have settled after an eviction: two ticks, and the time by which the kernel's figures lag.
    pub(crate) settle: Duration,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    Nothing,
    /// Evict this much at this level.
    Evict(u64, Level),
    /// Nobody is left to ask: said once until the level falls.
    GiveUp(GivenUp),
    Raise(Raise),
}

/// What was wanted when nobody was left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GivenUp {
    pub(crate) need: u64,
    /// Whether it is news.
    pub(crate) is_first: bool,
    pub(crate) next_try: Duration,
}

/// Where the planner stands.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Until then; or until the usage has risen above what it was, in an emergency.
    Resting {
        until: Option<Instant>,
        usage: u64,
    },
    UnderWay(Before),
    Settling {
        before: Before,
        asked: Asked,
        until: Instant,
    },
    /// Until then; or until caches hold more than they did, or the usage has risen.
    GivenUp {
        until: Instant,
        givable: u64,
        usage: u64,
    },
}

/// What was read when an eviction began.
#[derive(Clone, Copy, Debug)]
struct Before {
    at: Instant,
    usage: u64,
    held: Option<u64>,
    live: Option<u64>,
}

/// What an eviction came to.
#[derive(Clone, Copy, Debug)]
struct Asked {
    given: u64,
    usage: u64,
    chief: Option<CacheId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) records: Records,
    state: State,
    pace: Pace,
    /// Times given up since all was well.
    given_up: u32,
    regrowth: Regrowth,
    reaction: Smoothed,
}

impl Planner {
    pub(crate) fn new() -> Self {
        Planner {
            records: Records::default(),
            state: State::Resting { until: None, usage: 0 },
            pace: Pace::default(),
            given_up: 0,
            regrowth: Regrowth::new(),
            reaction: Smoothed::default(),
        }
    }

    /// Looks at a new tick.
    pub(crate) fn consider(
        &mut self,
        situation: &Situation,
        thresholds: &Thresholds,
        views: impl Iterator<Item = View> + Clone,
    ) -> Decision {
        let lines = lines(thresholds, situation.budget);
        self.settle(situation);
        if situation.level == Level::Healthy {
            self.all_is_well();
        }
        let need = self.need(situation, &lines);
        if need == 0 || situation.level == Level::Healthy {
            return self.raise(situation, lines, views);
        }
        self.want(need, situation, views)
    }

    fn want(
        &mut self,
        need: u64,
        situation: &Situation,
        views: impl Iterator<Item = View> + Clone,
    ) -> Decision {
        self.regrowth.disturbed();
        if !self.is_free(situation, || givable(views.clone())) {
            return Decision::Nothing;
        }
        let asks = |level, records: &Records| {
            Episode::new(Scope::Automatic(level), need).has_candidates(
                views.clone(),
                records,
                situation.now,
            )
        };
        if asks(situation.level, &self.records) {
            self.state = State::UnderWay(Before::of(situation));
            self.regrowth.reentered();
            Decision::Evict(need, situation.level)
        } else if situation.level >= Level::Warning && !asks(Level::Critical, &self.records) {
            Decision::GiveUp(self.give_up(need, situation, givable(views)))
        } else {
            Decision::Nothing
        }
    }

    /// Whether an eviction may begin. After giving up, also when caches have come to hold more than they did.
    fn is_free(&self, situation: &Situation, givable: impl Fn() -> u64) -> bool {
        let now = situation.now;
        match self.state {
            State::Resting { until, usage } => {
                until.is_none_or(|until| now >= until) || self.races(situation, usage)
            }
            State::UnderWay(_) | State::Settling { .. } => false,
            State::GivenUp { until, givable: before, usage } => {
                now >= until
                    || self.races(situation, usage)
                    || givable() > before.saturating_add(before / 10).saturating_add(1 << 20)
            }
        }
    }

    fn give_up(&mut self, need: u64, situation: &Situation, givable: u64) -> GivenUp {
        let factor = 1u32.checked_shl(self.given_up).unwrap_or(u32::MAX);
        let next_try = FIRST_BACK_OFF.saturating_mul(factor).min(LONGEST_BACK_OFF);
        let is_first = self.given_up == 0;
        self.given_up = self.given_up.saturating_add(1);
        let (until, usage) = (situation.now + next_try, situation.usage);
        self.state = State::GivenUp { until, givable, usage };
        GivenUp { need, is_first, next_try }
    }

    fn all_is_well(&mut self) {
        self.given_up = 0;
        if let State::GivenUp { .. } = self.state {
            self.state = State::Resting { until: None, usage: 0 };
        }
    }

    /// What an automatic eviction should bring.
    fn need(&self, situation: &Situation, lines: &Lines) -> u64 {
        let by_meter = need(situation.usage, lines, &self.motion(situation));
        let by_wall = if situation.level == Level::Critical { situation.beyond_wall } else { 0 };
        by_meter.max(by_wall).min(situation.most)
    }

    /// As [`Planner::consider`] works it out, for an eviction whose turn has come only now.
    pub(crate) fn needed(&self, situation: &Situation, thresholds: &Thresholds) -> u64 {
        self.need(situation, &lines(thresholds, situation.budget))
    }

    fn motion(&self, situation: &Situation) -> Motion {
        Motion { slope: situation.slope, sigma: situation.sigma, reaction: self.reaction() }
    }

    /// From the crossing of a line to the end of the eviction it starts, as measured.
    pub(crate) fn reaction(&self) -> Duration {
        let measured = self.reaction.get().and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        measured.map_or(REACTION, |measured| measured.clamp(REACTION, LONGEST_REACTION))
    }

    fn raise(
        &mut self,
        situation: &Situation,
        lines: Lines,
        views: impl Iterator<Item = View> + Clone,
    ) -> Decision {
        let Situation { now, level, usage, slope, .. } = *situation;
        let calm = Calm { now, level, usage, slope, lines };
        let raise = self.regrowth.consider(&calm, views, &self.records);
        raise.map_or(Decision::Nothing, Decision::Raise)
    }

    /// An automatic eviction has asked all it wanted to, or came to nothing. Gives back what nobody was left to give.
    pub(crate) fn finished(
        &mut self,
        episode: &Episode,
        situation: Option<&Situation>,
        givable: u64,
    ) -> Option<GivenUp> {
        let State::UnderWay(before) = self.state else { return None };
        let Some(now) = situation.filter(|_| episode.need > 0) else {
            // It was wanted no more when its turn came: that says nothing about the next.
            self.state = State::Resting { until: None, usage: 0 };
            return None;
        };
        let is_hopeless = episode.scope == Scope::Automatic(Level::Critical)
            && !succeeded(episode.given, episode.need);
        let given_up = is_hopeless.then(|| self.give_up(episode.missing(), now, givable));
        if episode.given > 0 {
            self.reaction.take(now.now.saturating_duration_since(before.at).as_secs_f64());
            let asked =
                Asked { given: episode.given, usage: now.usage, chief: episode.chief_giver() };
            self.state = State::Settling { before, asked, until: now.now + now.settle };
        } else if given_up.is_none() {
            self.pace.in_vain();
            self.state = self.resting(now);
        }
        given_up
    }

    fn resting(&self, situation: &Situation) -> State {
        let until = situation.now + self.pace.pause();
        State::Resting { until: Some(until), usage: situation.usage }
    }

    /// Whether the usage rises on in an emergency: then nothing is waited for.
    fn races(&self, situation: &Situation, from: u64) -> bool {
        situation.level == Level::Critical
            && situation.usage > from.saturating_add(situation.budget / RACE)
    }

    /// Looks at what the last eviction came to, when it has settled.
    fn settle(&mut self, situation: &Situation) {
        let State::Settling { before, asked, until } = self.state else { return };
        if situation.now < until && !self.races(situation, asked.usage) {
            return;
        }
        let freed = before.live.zip(situation.live).map(|(then, now)| then.saturating_sub(now));
        // What others have taken meanwhile is not its fault.
        let freed = freed.map_or(asked.given, |freed| freed.min(asked.given));
        self.learn(&before, &asked, situation);
        self.pace.record(freed, before.usage.saturating_sub(situation.usage));
        self.state = self.resting(situation);
    }

    /// How far what the kernel holds fell for what was freed; unknown when others allocated as much meanwhile.
    fn learn(&mut self, before: &Before, asked: &Asked, now: &Situation) {
        let fall =
            |before: Option<u64>, now: Option<u64>| Some(before?.saturating_sub(now?) as f64);
        let (Some(id), Some(live), Some(held)) =
            (asked.chief, fall(before.live, now.live), fall(before.held, now.held))
        else {
            return;
        };
        if live >= asked.given as f64 / 2.0 {
            self.records.of(id).learn_yield((held / live).min(1.0), now.now);
        }
    }

    /// The caches that gave much within a minute and took more than two guards of it again, each told once a minute.
    pub(crate) fn storms(
        &mut self,
        situation: &Situation,
        views: impl Iterator<Item = View>,
    ) -> impl Iterator<Item = (CacheId, u64)> {
        let most = guard(situation.budget, &self.motion(situation)).saturating_mul(2);
        let now = situation.now;
        views.filter_map(move |View { id, usage, .. }| {
            Some((id, self.records.get_mut(id)?.storms(most, usage, now)?))
        })
    }

    /// A ceiling could not be raised after all.
    pub(crate) fn not_raised(&mut self) {
        self.regrowth.not_raised();
    }

    /// A ceiling is about to be set: as good as set, should the cache never answer.
    pub(crate) fn ceiling_asked(&mut self, id: CacheId, ceiling: u64) {
        self.records.of(id).ceiling = Some(ceiling);
    }

    /// How soon to look again though the level asks for nothing: while ceilings are being raised.
    pub(crate) fn pace(&self) -> Option<Duration> {
        self.regrowth.pace(&self.records)
    }

    /// Whether a cache is known to claim twice what it gives.
    pub(crate) fn distrusts(&self, id: CacheId) -> bool {
        let honesty = self.records.get(id).and_then(|record| record.honesty.get());
        honesty.is_some_and(|share| share < 0.5)
    }

    /// A ceiling was set, or the cache said that it has none.
    pub(crate) fn ceiling_set(&mut self, id: CacheId, ceiling: Option<u64>, keeps: bool) {
        let record: &mut Record = self.records.of(id);
        record.keeps_ceilings = Some(keeps);
        record.ceiling = ceiling.filter(|_| keeps);
    }
}

impl Before {
    fn of(situation: &Situation) -> Self {
        let Situation { now, usage, held, live, .. } = *situation;
        Before { at: now, usage, held, live }
    }
}

fn lines(thresholds: &Thresholds, budget: u64) -> Lines {
    let enter = thresholds.bytes(Threshold::Warning, budget);
    Lines { enter, leave: thresholds.leave_bytes(Threshold::Warning, budget), budget }
}

/// What all caches together could give, as far as they say.
pub(crate) fn givable(views: impl Iterator<Item = View>) -> u64 {
    views
        .filter(|view| view.available)
        .filter_map(|view| view.givable())
        .fold(0, u64::saturating_add)
}

/// How long to wait before the next automatic eviction, so that one which frees objects but no pages does not run
/// until nothing is left to evict.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    fruitless: u32,
}

impl Pace {
    const LONGEST: Duration = Duration::from_secs(30);

    /// Takes in what an eviction freed and how far the usage fell for it.
    fn record(&mut self, freed: u64, usage_fell: u64) {
        if usage_fell >= freed / 4 {
            self.fruitless = 0;
        } else {
            self.in_vain();
        }
    }

    fn in_vain(&mut self) {
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// The pause after the last eviction: none after a fruitful one, then doubling from two seconds up.
    fn pause(&self) -> Duration {
        match self.fruitless {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << n.min(5)).min(Self::LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::episode::Answer;
    use super::super::terms::Terms;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn view(usage: Option<u64>) -> View {
        let terms = Terms { from: Level::Caution, ..Terms::default() };
        View { id: CacheId(1), terms, usage, idle: None, available: true }
    }

    /// A planner, and what it is shown.
    struct Desk {
        planner: Planner,
        now: Situation,
    }

    impl Desk {
        fn new(level: Level, usage: u64) -> Self {
            let now = Situation {
                now: Instant::now(),
                level,
                usage,
                held: Some(usage),
                beyond_wall: 0,
                live: Some(usage),
                budget: 1000 * MIB,
                most: u64::MAX,
                slope: 0.0,
                sigma: 0.0,
                settle: Duration::from_millis(200),
            };
            Desk { planner: Planner::new(), now }
        }

        fn consider(&mut self, view: View) -> Decision {
            self.planner.consider(&self.now, &Thresholds::default(), [view].into_iter())
        }

        /// Seconds until it decides on an eviction, in steps of a tenth in which the usage changes by `grows`.
        fn waits(&mut self, view: View, grows: u64) -> (u64, Episode) {
            for tenth in 0..1_000_000 {
                if let Decision::Evict(need, level) = self.consider(view) {
                    return (tenth / 10, Episode::new(Scope::Automatic(level), need));
                }
                self.now.now += Duration::from_millis(100);
                self.now.usage += grows;
            }
            panic!("not in a day: {:?}", self.planner);
        }

        /// Asks what there is to ask; everybody gives `share` of it.
        fn ask(&mut self, mut episode: Episode, view: View, share: f64) {
            let records = &mut self.planner.records;
            while let Some(ask) = episode.next([view].into_iter(), records, self.now.now) {
                let given = (ask.bytes as f64 * share) as u64;
                episode.answered(Answer { given, claimed: given, failed: false }, records);
            }
            self.planner.finished(&episode, Some(&self.now), givable([view].into_iter()));
        }
    }

    #[test]
    fn pages_that_stay_once_bar_nobody_for_ever() {
        let mut desk = Desk::new(Level::Caution, 850 * MIB);
        for _ in 0..6 {
            let (waited, episode) = desk.waits(view(Some(700 * MIB)), 0);
            assert!(waited <= 24 * 3600, "{waited} s");
            desk.now.live = Some(850 * MIB);
            desk.ask(episode, view(Some(700 * MIB)), 1.0);
            // All of it freed, and not a page the less.
            desk.now.live = Some(720 * MIB);
        }
        let record = desk.planner.records.get(CacheId(1)).expect("a record");
        assert_eq!(record.yielded.get(), Some(0.0));
    }

    #[test]
    fn whoever_gave_up_looks_again_when_the_usage_rises() {
        let mut desk = Desk::new(Level::Critical, 990 * MIB);
        for round in 0..8 {
            let (waited, episode) = desk.waits(view(None), 200 << 10);
            assert!(waited <= 30, "{waited} s in round {round}, and it grows");
            desk.ask(episode, view(None), 0.0);
        }
    }

    #[test]
    fn an_emergency_by_the_wall_is_met_whatever_the_meter_says() {
        let mut desk = Desk::new(Level::Critical, 700 * MIB);
        assert_eq!(
            desk.consider(view(Some(600 * MIB))),
            Decision::Nothing,
            "by the meter all is well"
        );
        desk.now.beyond_wall = 50 * MIB;
        let evict = Decision::Evict(50 * MIB, Level::Critical);
        assert_eq!(desk.consider(view(Some(600 * MIB))), evict);
    }

    #[test]
    fn a_slow_hook_deepens_no_cut() {
        let mut desk = Desk::new(Level::Caution, 850 * MIB);
        let (_, episode) = desk.waits(view(Some(700 * MIB)), 0);
        desk.now.now += Duration::from_secs(600);
        desk.ask(episode, view(Some(700 * MIB)), 1.0);
        assert_eq!(desk.planner.reaction(), LONGEST_REACTION);
    }
}
