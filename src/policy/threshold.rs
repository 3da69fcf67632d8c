//! Which level a usage means: three thresholds on the way up, lower ones on the way down, and time in between.

use crate::error::Error;
use crate::level::Level;
use serde::Serialize;
use std::time::{Duration, Instant};

/// A level is left only when the usage has been below where it is held for this long.
const DWELL: Duration = Duration::from_secs(10);

/// How many points below its threshold a level can be left: less would be noise, more would hold it for ever.
const LEAVE: (f64, f64) = (1.0, 40.0);

/// One of the three lines that a rising usage crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// The soft limit: look at it.
    Warning,
    /// Somebody should decide: surfaced with ready actions.
    Prompt,
    /// The hard limit: evict at once.
    Emergency,
}

impl Threshold {
    /// All thresholds, rising.
    pub const ALL: [Threshold; 3] = [Threshold::Warning, Threshold::Prompt, Threshold::Emergency];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Threshold::Warning => "warning",
            Threshold::Prompt => "prompt",
            Threshold::Emergency => "emergency",
        }
    }

    /// The level above it.
    pub const fn level(self) -> Level {
        match self {
            Threshold::Warning => Level::Caution,
            Threshold::Prompt => Level::Warning,
            Threshold::Emergency => Level::Critical,
        }
    }

    /// What crossing it calls for, in the original's words.
    pub const fn action(self) -> &'static str {
        match self {
            Threshold::Warning => "monitor",
            Threshold::Prompt => "prompt_user",
            Threshold::Emergency => "emergency_eviction",
        }
    }

    /// How soon, in the original's words.
    pub const fn urgency(self) -> &'static str {
        match self {
            Threshold::Warning => "low",
            Threshold::Prompt => "medium",
            Threshold::Emergency => "emergency",
        }
    }

    /// What may be given for it, in percent.
    const fn range(self) -> (f64, f64) {
        match self {
            Threshold::Warning => (50.0, 95.0),
            Threshold::Prompt => (60.0, 99.0),
            Threshold::Emergency => (70.0, 100.0),
        }
    }
}

/// The three thresholds, in percent of the budget: 80, 93 and 98 unless given.
///
/// A level is entered at its threshold and left when the usage has been 7 points below it for ten seconds (see
/// [`Thresholds::leave_below`]); on the way up levels may be skipped, on the way down each takes its ten seconds.
///
/// ```
/// use plimsoll::{Threshold, Thresholds};
/// let thresholds = Thresholds::new(70.0, 80.0, 90.0)?;
/// assert_eq!(thresholds.percent(Threshold::Prompt), 80.0);
/// let error = Thresholds::new(70.0, 65.0, 90.0).unwrap_err();
/// assert_eq!(error.to_string(), "prompt threshold of 65 %: must be above the warning threshold of 70 %");
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    warning: f64,
    prompt: f64,
    emergency: f64,
    /// How far below its threshold a level is left.
    leave_below: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { warning: 80.0, prompt: 93.0, emergency: 98.0, leave_below: 7.0 }
    }
}

impl Thresholds {
    /// Thresholds at these percentages.
    ///
    /// # Errors
    /// [`Error::Threshold`] for one that is out of its range (warning 50 to 95, prompt 60 to 99, emergency 70 to
    /// 100) or not above the one before.
    pub fn new(warning: f64, prompt: f64, emergency: f64) -> Result<Self, Error> {
        let thresholds = Thresholds { warning, prompt, emergency, ..Thresholds::default() };
        let mut below: Option<Threshold> = None;
        for threshold in Threshold::ALL {
            thresholds.check_range(threshold)?;
            if let Some(below) = below {
                thresholds.check_order(below, threshold)?;
            }
            below = Some(threshold);
        }
        Ok(thresholds)
    }

    /// The same, each level left `points` percent of the budget below where it is entered; 7 unless given.
    ///
    /// ```
    /// use plimsoll::Thresholds;
    /// let thresholds = Thresholds::default().leave_below(10.0)?;
    /// assert_eq!(thresholds.leave_points(), 10.0);
    /// let error = Thresholds::default().leave_below(0.0).unwrap_err();
    /// assert_eq!(error.to_string(), "leave_below of 0: must be from 1 to 40 percent points");
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer than 1 point or more than 40.
    pub fn leave_below(mut self, points: f64) -> Result<Self, Error> {
        let (least, most) = LEAVE;
        // Written so that a NaN is refused too.
        if points >= least && points <= most {
            self.leave_below = points;
            return Ok(self);
        }
        let expected = format!("from {least} to {most} percent points");
        Err(Error::setting("leave_below", points, &expected))
    }

    /// How many percent points below its threshold a level is left.
    pub fn leave_points(&self) -> f64 {
        self.leave_below
    }

    /// Where `threshold` lies, in percent of the budget.
    pub fn percent(&self, threshold: Threshold) -> f64 {
        match threshold {
            Threshold::Warning => self.warning,
            Threshold::Prompt => self.prompt,
            Threshold::Emergency => self.emergency,
        }
    }

    /// Where `threshold` lies, in bytes of `budget_bytes`.
    pub fn bytes(&self, threshold: Threshold, budget_bytes: u64) -> u64 {
        (budget_bytes as f64 * self.percent(threshold) / 100.0) as u64
    }

    /// Where the level above `threshold` is left again, in bytes of `budget_bytes`.
    pub(crate) fn leave_bytes(&self, threshold: Threshold, budget_bytes: u64) -> u64 {
        (budget_bytes as f64 * (self.percent(threshold) - self.leave_below) / 100.0) as u64
    }

    fn check_range(&self, threshold: Threshold) -> Result<(), Error> {
        let (least, most) = threshold.range();
        let given = self.percent(threshold);
        // Written so that a NaN is refused too.
        if given >= least && given <= most {
            return Ok(());
        }
        let expected = format!("from {least} % to {most} %");
        Err(Error::Threshold { threshold: threshold.as_str(), given, expected })
    }

    fn check_order(&self, below: Threshold, threshold: Threshold) -> Result<(), Error> {
        let (low, given) = (self.percent(below), self.percent(threshold));
        if given > low {
            return Ok(());
        }
        let expected = format!("above the {} threshold of {low} %", below.as_str());
        Err(Error::Threshold { threshold: threshold.as_str(), given, expected })
    }

    /// The highest level whose threshold `percent` has reached.
    fn entered(&self, percent: f64) -> Level {
        let reached = |threshold: &&Threshold| percent >= self.percent(**threshold);
        Threshold::ALL.iter().rev().find(reached).map_or(Level::Healthy, |t| t.level())
    }

    /// The lowest level that `percent` still holds, once it is there.
    fn held(&self, percent: f64) -> Level {
        self.entered(percent + self.leave_below)
    }
}

/// What speaks for a level: the usage, and what makes an emergency of any usage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Signs {
    /// `None` while it is unknown.
    pub(crate) usage_percent: Option<f64>,
    /// The least level that something else calls for: the wall is near, whatever the meter says.
    pub(crate) at_least: Level,
}

/// The level in force, and since when the usage would not hold it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelTracker {
    level: Level,
    below_since: Option<Instant>,
}

/// A change of level, and the thresholds that were passed on the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: Level,
    pub(crate) to: Level,
}

impl Transition {
    /// Every threshold that the usage passed: all of them on a jump, none on the way down.
    pub(crate) fn crossed(self) -> impl Iterator<Item = Threshold> {
        Threshold::ALL
            .into_iter()
            .filter(move |threshold| self.from < threshold.level() && threshold.level() <= self.to)
    }
}

impl LevelTracker {
    pub(crate) fn new() -> Self {
        LevelTracker { level: Level::Healthy, below_since: None }
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The time to the next tick: near the line it is shorter than `interval`.
    pub(crate) fn pace(&self, interval: Duration) -> Duration {
        interval.min(match self.level {
            Level::Healthy => Duration::MAX,
            Level::Caution => Duration::from_secs(1),
            Level::Warning | Level::Critical => Duration::from_millis(100),
        })
    }

    /// Takes in the signs of a moment; an unknown usage lowers no level.
    pub(crate) fn step(
        &mut self,
        thresholds: &Thresholds,
        signs: Signs,
        now: Instant,
    ) -> Option<Transition> {
        let from = self.level;
        self.level = self.next(thresholds, signs, now);
        (self.level != from).then_some(Transition { from, to: self.level })
    }

    fn next(&mut self, thresholds: &Thresholds, signs: Signs, now: Instant) -> Level {
        let Some(percent) = signs.usage_percent else {
            // Nobody knows that it has stayed below meanwhile.
            self.below_since = None;
            return self.level.max(signs.at_least);
        };
        let entered = thresholds.entered(percent).max(signs.at_least);
        if entered >= self.level || thresholds.held(percent) >= self.level {
            self.below_since = None;
            return entered.max(self.level);
        }
        let since = *self.below_since.get_or_insert(now);
        if now.saturating_duration_since(since) < DWELL {
            return self.level;
        }
        self.below_since = Some(now);
        one_below(self.level)
    }
}

fn one_below(level: Level) -> Level {
    match level {
        Level::Critical => Level::Warning,
        Level::Warning => Level::Caution,
        Level::Caution | Level::Healthy => Level::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{Caution, Critical, Healthy, Warning};

    fn usage(percent: f64) -> Signs {
        Signs { usage_percent: Some(percent), ..Signs::default() }
    }

    /// Steps of (seconds from the start, percent) against the level expected after each.
    fn levels(steps: &[(u64, f64, Level)]) {
        let start = Instant::now();
        let mut tracker = LevelTracker::new();
        for (second, percent, expected) in steps {
            let now = start + Duration::from_secs(*second);
            tracker.step(&Thresholds::default(), usage(*percent), now);
            assert_eq!(tracker.level(), *expected, "at {second} s with {percent} %");
        }
    }

    #[test]
    fn levels_are_entered_at_their_threshold() {
        levels(&[(0, 79.9, Healthy), (1, 80.0, Caution), (2, 93.0, Warning), (3, 98.0, Critical)]);
    }

    #[test]
    fn noise_on_a_line_makes_no_transition() {
        let start = Instant::now();
        let mut tracker = LevelTracker::new();
        let changes = (0..1000u64)
            .filter(|n| {
                let percent = if n % 2 == 0 { 82.0 } else { 78.0 };
                let now = start + Duration::from_secs(*n);
                tracker.step(&Thresholds::default(), usage(percent), now).is_some()
            })
            .count();
        assert_eq!(changes, 1, "into caution, and never out");
    }

    #[test]
    fn falling_takes_one_level_per_dwell() {
        levels(&[
            (0, 99.0, Critical),
            (5, 10.0, Critical),
            (14, 10.0, Critical),
            (15, 10.0, Warning),
            (24, 10.0, Warning),
            (25, 10.0, Caution),
            (35, 10.0, Healthy),
        ]);
    }

    #[test]
    fn a_level_is_left_seven_points_below_where_it_was_entered() {
        levels(&[
            (0, 93.0, Warning),
            (60, 86.0, Warning),
            (61, 85.9, Warning),
            (71, 85.9, Caution),
            (99, 73.0, Caution),
        ]);
        levels(&[(0, 80.0, Caution), (60, 72.9, Caution), (70, 72.9, Healthy)]);
    }

    #[test]
    fn a_short_dip_is_no_fall() {
        levels(&[
            (0, 85.0, Caution),
            (60, 50.0, Caution),
            (69, 50.0, Caution),
            (70, 85.0, Caution),
            (71, 50.0, Caution),
            (80, 50.0, Caution),
            (81, 50.0, Healthy),
        ]);
    }

    #[test]
    fn a_jump_crosses_every_threshold_and_a_fall_none() {
        let crossed = |from, to| Transition { from, to }.crossed().collect::<Vec<_>>();
        assert_eq!(crossed(Healthy, Critical), Threshold::ALL);
        assert_eq!(crossed(Caution, Warning), [Threshold::Prompt]);
        assert_eq!(crossed(Critical, Warning), []);
        assert_eq!(crossed(Warning, Healthy), []);
    }

    #[test]
    fn an_unknown_usage_keeps_the_level() {
        let mut tracker = LevelTracker::new();
        let now = Instant::now();
        tracker.step(&Thresholds::default(), usage(99.0), now);
        let later = now + Duration::from_secs(100);
        assert_eq!(tracker.step(&Thresholds::default(), Signs::default(), later), None);
        assert_eq!(tracker.level(), Critical);
    }

    #[test]
    fn a_time_of_not_knowing_is_no_time_below() {
        let (mut tracker, start) = (LevelTracker::new(), Instant::now());
        let mut level = |second, signs| {
            tracker.step(&Thresholds::default(), signs, start + Duration::from_secs(second));
            tracker.level()
        };
        assert_eq!(level(0, usage(85.0)), Caution);
        assert_eq!(level(1, usage(50.0)), Caution);
        assert_eq!(level(5, Signs::default()), Caution);
        assert_eq!(level(11, usage(50.0)), Caution, "two low readings, and who knows in between");
        assert_eq!(level(21, usage(50.0)), Healthy);
    }

    #[test]
    fn a_wall_that_is_near_makes_an_emergency_of_any_usage_and_then_lets_go() {
        let (mut tracker, start) = (LevelTracker::new(), Instant::now());
        let mut level = |second, usage_percent, at_least| {
            let now = start + Duration::from_secs(second);
            tracker.step(&Thresholds::default(), Signs { usage_percent, at_least }, now);
            tracker.level()
        };
        assert_eq!(level(0, Some(40.0), Critical), Critical);
        assert_eq!(level(60, Some(40.0), Critical), Critical, "as long as it is near");
        assert_eq!(level(61, Some(40.0), Healthy), Critical);
        assert_eq!(level(71, Some(40.0), Healthy), Warning, "then one level a dwell");
        assert_eq!(level(81, Some(40.0), Healthy), Caution);
        assert_eq!(level(91, Some(40.0), Healthy), Healthy);
        assert_eq!(level(92, None, Warning), Warning, "a usage that is unknown hides no wall");
    }

    #[test]
    fn levels_are_left_where_the_user_says() {
        let thresholds = Thresholds::default().leave_below(20.0).expect("points");
        let (mut tracker, start) = (LevelTracker::new(), Instant::now());
        for (second, percent, expected) in
            [(0, 81.0, Caution), (1, 61.0, Caution), (60, 61.0, Caution), (61, 59.0, Caution)]
        {
            tracker.step(&thresholds, usage(percent), start + Duration::from_secs(second));
            assert_eq!(tracker.level(), expected, "at {second} s");
        }
        tracker.step(&thresholds, usage(59.0), start + Duration::from_secs(71));
        assert_eq!(tracker.level(), Healthy);
        assert!(thresholds.leave_below(f64::NAN).is_err());
        assert!(thresholds.leave_below(40.1).is_err());
    }

    #[test]
    fn noise_on_a_line_gives_no_second_transition() {
        let (mut tracker, start) = (LevelTracker::new(), Instant::now());
        let mut transitions = 0;
        for tick in 0..36_000u64 {
            // Two points up and down around the line, as fast as the ticks come.
            let percent = 93.0 + [2.0, -2.0, 1.0, -1.5][tick as usize % 4];
            let now = start + Duration::from_millis(tick * 100);
            let moved = tracker.step(&Thresholds::default(), usage(percent), now);
            transitions += u32::from(moved.is_some());
        }
        assert_eq!((transitions, tracker.level()), (1, Warning));
    }

    #[test]
    fn a_threshold_has_the_originals_words() {
        let words = |t: Threshold| (t.as_str(), t.action(), t.urgency());
        assert_eq!(words(Threshold::Warning), ("warning", "monitor", "low"));
        assert_eq!(words(Threshold::Prompt), ("prompt", "prompt_user", "medium"));
        assert_eq!(words(Threshold::Emergency), ("emergency", "emergency_eviction", "emergency"));
    }

    #[test]
    fn a_threshold_lies_at_its_share_of_the_budget() {
        let bytes = Threshold::ALL.map(|threshold| Thresholds::default().bytes(threshold, 2_000));
        assert_eq!(bytes, [1_600, 1_860, 1_960]);
    }

    #[test]
    fn thresholds_out_of_range_or_order_are_named() {
        let message = |w, p, e| Thresholds::new(w, p, e).unwrap_err().to_string();
        assert_eq!(
            message(49.0, 93.0, 98.0),
            "warning threshold of 49 %: must be from 50 % to 95 %"
        );
        assert_eq!(
            message(80.0, 99.5, 100.0),
            "prompt threshold of 99.5 %: must be from 60 % to 99 %"
        );
        assert_eq!(
            message(80.0, 93.0, 100.1),
            "emergency threshold of 100.1 %: must be from 70 % to 100 %"
        );
        assert!(message(80.0, f64::NAN, 98.0).contains("prompt threshold of NaN"));
        assert!(message(90.0, 90.0, 98.0).contains("above the warning threshold"));
        assert!(message(80.0, 98.0, 98.0).contains("above the prompt threshold"));
    }
}
