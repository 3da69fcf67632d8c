//! What a tick makes of its snapshot: the forecast, the level, and what is to be said.

mod notice;
mod stuck;
mod wall;

pub(crate) use stuck::{Cause, Scope, cause};

use crate::level::Level;
use crate::policy::forecast::{Forecast, Forecaster, Sample};
use crate::policy::threshold::{LevelTracker, Signs, Thresholds, Transition};
use crate::policy::usage::Usage;
use crate::snapshot::Snapshot;
use notice::Notices;
use std::time::{Duration, Instant};
use stuck::Stuck;
use wall::Wall;

/// The emergency begins when the budget may be used up within this many times the reaction.
const REACTIONS: f64 = 2.0;

/// What is remembered from tick to tick.
#[derive(Debug)]
pub(crate) struct Watch {
    levels: LevelTracker,
    forecaster: Forecaster,
    wall: Wall,
    stuck: Stuck,
    notices: Notices,
    recent: Recent,
}

/// The usage over the last tenths of a second: whether a rise still goes on, or was a jump.
#[derive(Clone, Copy, Debug, Default)]
struct Recent([Option<(Duration, u64)>; 4]);

/// So far apart its looks are at least.
const LOOK: Duration = Duration::from_millis(90);

impl Recent {
    /// The slowest growth between two of its looks, in bytes per second; `None` while there are too few.
    fn rate(&mut self, at: Duration, usage: u64) -> Option<f64> {
        if self.0[0].is_none_or(|(last, _)| at.saturating_sub(last) >= LOOK) {
            self.0.rotate_right(1);
            self.0[0] = Some((at, usage));
        }
        let rate = |pair: &[Option<(Duration, u64)>]| {
            let [Some((late, now)), Some((early, then))] = *pair else { return None };
            Some((now as f64 - then as f64) / late.saturating_sub(early).as_secs_f64())
        };
        self.0.windows(2).map(rate).try_fold(f64::MAX, |slowest, rate| Some(slowest.min(rate?)))
    }
}

/// What the monitor goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) thresholds: &'a Thresholds,
    /// From crossing a line to the end of the eviction that it starts.
    pub(crate) reaction: Duration,
}

/// What became of one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) forecast: Forecast,
    pub(crate) transition: Option<Transition>,
    /// The emergency has lasted so long, and it is time to say so.
    pub(crate) lasting: Option<Duration>,
    /// The level is stuck, and it is time to say so.
    pub(crate) is_stuck: bool,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Watch {
            levels: LevelTracker::new(),
            forecaster: Forecaster::new(),
            wall: Wall::default(),
            stuck: Stuck::default(),
            notices: Notices::default(),
            recent: Recent::default(),
        }
    }

    pub(crate) fn level(&self) -> Level {
        self.levels.level()
    }

    /// The time to the next tick: near the line it is shorter than `interval`.
    pub(crate) fn pace(&self, interval: Duration) -> Duration {
        self.levels.pace(interval)
    }

    /// Takes in a moment. With an unknown usage, or no budget, nothing is foreseen and no level falls.
    pub(crate) fn observe(
        &mut self,
        snapshot: &Snapshot,
        usage: &Usage,
        rules: &Rules<'_>,
        now: Instant,
    ) -> Seen {
        let held = snapshot.usage_bytes().zip(snapshot.budget_bytes());
        let forecast = held.map(|(usage, budget)| self.foresee(snapshot, usage, budget));
        let forecast = forecast.unwrap_or_default();
        let at_least = self.at_least(snapshot, usage, &forecast, rules.reaction);
        let signs = Signs { usage_percent: snapshot.usage_percent(), at_least };
        let transition = self.levels.step(rules.thresholds, signs, now);
        let level = self.levels.level();
        let slope = forecast.surest().map(|trend| trend.usage_bytes_per_sec.likely);
        let budget = snapshot.budget_bytes().unwrap_or(0);
        Seen {
            forecast,
            transition,
            lasting: self.notices.observe(level, now),
            is_stuck: self.stuck.observe(level, slope, budget, now),
        }
    }

    fn foresee(&mut self, snapshot: &Snapshot, usage: u64, budget: u64) -> Forecast {
        let (live_bytes, live_objects) = (snapshot.live_bytes(), snapshot.live_objects());
        let sample = Sample { uptime: snapshot.uptime(), usage, live_bytes, live_objects };
        self.forecaster.observe(&sample, budget)
    }

    /// What makes an emergency of any usage: the wall, or a budget that is used up before anybody could react.
    fn at_least(
        &mut self,
        snapshot: &Snapshot,
        usage: &Usage,
        forecast: &Forecast,
        reaction: Duration,
    ) -> Level {
        let (hits, stalled) =
            (snapshot.cgroup_limit_hits_total(), snapshot.pressure_full_percent());
        let wall = self.wall.observe(usage, hits, stalled);
        let held = snapshot.budget_bytes().zip(snapshot.usage_bytes());
        let left = held.map(|(budget, usage)| budget.saturating_sub(usage));
        let recent = held.and_then(|(_, usage)| self.recent.rate(snapshot.uptime(), usage));
        let soon = left.and_then(|left| forecast.exhaustion_secs(left, recent?));
        let too_soon = soon.is_some_and(|soon| soon < REACTIONS * reaction.as_secs_f64());
        if too_soon { Level::Critical } else { wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::snapshot::Moment;
    use crate::source::Readings;

    const BUDGET: u64 = 1 << 30;

    /// A watch that is shown usages, in percent of the budget, tick by tick.
    struct Trace {
        watch: Watch,
        start: Instant,
        uptime: Duration,
        transitions: usize,
        notices: usize,
        stuck: usize,
    }

    impl Trace {
        fn new() -> Self {
            let (watch, start) = (Watch::new(), Instant::now());
            Trace { watch, start, uptime: Duration::ZERO, transitions: 0, notices: 0, stuck: 0 }
        }

        fn sees(&mut self, after: Duration, percent: Option<f64>, usage: &Usage) -> Level {
            self.uptime += after;
            let mut snapshot = Snapshot::new(Moment::now(), self.uptime, &Readings::default());
            let bytes = percent.map(|percent| (BUDGET as f64 * percent / 100.0) as u64);
            snapshot.values.set(Field::Usage, bytes);
            snapshot.values.set(Field::Budget, Some(BUDGET));
            let thresholds = Thresholds::default();
            let rules = Rules { thresholds: &thresholds, reaction: Duration::from_secs(1) };
            let seen = self.watch.observe(&snapshot, usage, &rules, self.start + self.uptime);
            self.transitions += usize::from(seen.transition.is_some());
            self.notices += usize::from(seen.lasting.is_some());
            self.stuck += usize::from(seen.is_stuck);
            self.watch.level()
        }

        fn runs(&mut self, ticks: u32, every: Duration, mut percent: impl FnMut(u32) -> f64) {
            for tick in 0..ticks {
                self.sees(every, Some(percent(tick)), &Usage::default());
            }
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const TENTH: Duration = Duration::from_millis(100);

    #[test]
    fn an_hour_in_an_emergency_is_told_in_a_few_words() {
        let mut trace = Trace::new();
        trace.runs(3600, SECOND, |tick| 99.0 + f64::from(tick % 3) / 10.0);
        let Trace { transitions, notices, stuck, .. } = trace;
        assert_eq!((transitions, notices, stuck), (1, 15, 1));
        assert_eq!(trace.watch.level(), Level::Critical);
        trace.runs(60, SECOND, |_| 10.0);
        assert_eq!((trace.watch.level(), trace.transitions), (Level::Healthy, 4), "by itself");
    }

    #[test]
    fn two_points_of_noise_on_a_line_make_no_second_transition() {
        // The same numbers every time, spread evenly: multiples of the golden section.
        let noise = |tick: u32| (f64::from(tick) * 0.618_033_988_75).fract() * 4.0 - 2.0;
        for (line, level) in [(80.0, Level::Caution), (93.0, Level::Warning)] {
            let mut trace = Trace::new();
            // From one side: the line is crossed once, and noise does not take it back.
            trace.runs(3000, TENTH, |tick| line + noise(tick));
            assert!(trace.transitions <= 2, "{} transitions at {line} %", trace.transitions);
            assert_eq!(trace.watch.level(), level);
        }
    }

    #[test]
    fn the_wall_makes_an_emergency_of_a_small_usage() {
        let mut trace = Trace::new();
        let near = Usage { proximity_percent: Some(97.5), ..Usage::default() };
        assert_eq!(trace.sees(SECOND, Some(40.0), &Usage::default()), Level::Healthy);
        assert_eq!(trace.sees(SECOND, Some(40.0), &near), Level::Critical);
        assert_eq!(trace.sees(SECOND, None, &near), Level::Critical);
        trace.runs(40, SECOND, |_| 40.0);
        assert_eq!(trace.watch.level(), Level::Healthy);
    }

    #[test]
    fn a_rise_that_cannot_be_outrun_makes_one_before_the_line() {
        let mut trace = Trace::new();
        trace.runs(300, TENTH, |_| 50.0);
        let mut first = None;
        for tick in 1..=50 {
            // Ten percent of the budget a second.
            let percent = 50.0 + f64::from(tick);
            if trace.sees(TENTH, Some(percent), &Usage::default()) == Level::Critical {
                first = first.or(Some(percent));
            }
        }
        let first = first.expect("an emergency");
        assert!((80.0..90.0).contains(&first), "{first} %");
    }

    #[test]
    fn a_slow_rise_and_a_jump_arm_nothing() {
        let mut trace = Trace::new();
        // To 85 % in ten minutes, then at once to 92 %.
        trace.runs(600, SECOND, |tick| 25.0 + f64::from(tick) / 10.0);
        trace.runs(100, TENTH, |_| 92.0);
        assert_eq!((trace.watch.level(), trace.transitions), (Level::Caution, 1));
    }

    #[test]
    fn an_unknown_usage_foresees_nothing_and_lowers_nothing() {
        let mut trace = Trace::new();
        trace.runs(10, SECOND, |_| 95.0);
        for _ in 0..600 {
            assert_eq!(trace.sees(SECOND, None, &Usage::default()), Level::Warning);
        }
    }

    /// As it was seen on a real heap: some bytes a second, and two jumps within five seconds.
    #[test]
    fn jumps_over_a_creeping_usage_are_no_emergency() {
        for first in [1.0, 1.5, 2.0, 2.5, 3.0] {
            let mut trace = Trace::new();
            for tenth in 0..100 {
                let at = f64::from(tenth) / 10.0;
                let jumps =
                    if at > first { 84.0 } else { 0.0 } + if at > first + 3.0 { 10.0 } else { 0.0 };
                let percent = Some(jumps + at * 2e-5);
                let level = trace.sees(Duration::from_millis(100), percent, &Usage::default());
                assert!(level < Level::Critical, "{at} s, the first jump at {first} s");
            }
        }
    }
}
