//! Where the usage is going: its growth over three windows, what it is that grows, and when the budget is used up.

mod slope;
mod step;
mod window;

pub use slope::Rate;
pub use step::Step;
pub(crate) use window::Sample;
pub use window::Trend;

use crate::metric::{FloatField, Values};
use serde::Serialize;
use std::time::Duration;
use window::Window;

/// What the windows look back: the first reacts, the last is sure.
const WINDOWS: [Duration; 3] =
    [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];

/// Of the budget: a usage that keeps as near as this to its line makes no noise and no step.
const LEAST_NOISE: f64 = 0.0005;

/// Growth over a shorter time arms no emergency: the thresholds are nearer than its confidence.
const LEAST_SPAN: f64 = 2.0;

/// An interval that reaches beyond so many times the likely growth is too wide to act upon.
const WIDEST: f64 = 4.0;

/// What grows, by the longest window that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Growth {
    /// Not known yet.
    #[default]
    Unknown,
    /// The usage stays where it is, as far as can be told.
    Steady,
    /// The usage shrinks.
    Shrinking,
    /// Live objects and bytes rise together: as a leak does, or a cache that fills.
    Objects,
    /// Live bytes rise and objects do not: what there is becomes larger.
    Buffers,
    /// The usage rises and live bytes do not: stacks, mappings, C libraries, fragmentation, other processes.
    OutsideTheHeap,
    /// The usage rises, and nothing is counted that would tell what.
    Uncounted,
}

impl Growth {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Growth::Unknown => "not known yet",
            Growth::Steady => "steady",
            Growth::Shrinking => "shrinking",
            Growth::Objects => "objects grow in number",
            Growth::Buffers => "objects grow in size",
            Growth::OutsideTheHeap => "growth outside the live heap",
            Growth::Uncounted => "growth, and nothing is counted",
        }
    }

    fn of(trend: &Trend) -> Self {
        let usage = trend.usage_bytes_per_sec;
        if !usage.rises() {
            return if usage.falls() { Growth::Shrinking } else { Growth::Steady };
        }
        match (trend.live_bytes_per_sec, trend.live_objects_per_sec) {
            (Some(bytes), Some(objects)) if bytes.rises() && objects.rises() => Growth::Objects,
            (Some(bytes), _) if bytes.rises() => Growth::Buffers,
            (Some(_), _) => Growth::OutsideTheHeap,
            (None, _) => Growth::Uncounted,
        }
    }
}

/// When the usage reaches the budget if it goes on as it grows, in seconds from the last tick. `None` is: not at that rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimeToBudget {
    /// At the fastest growth that any window allows: what the emergency is armed by.
    pub soonest_secs: Option<f64>,
    /// At the likely growth of the longest window.
    pub likely_secs: Option<f64>,
    /// At the slowest growth that the longest window allows: what an alert can rely on.
    pub latest_secs: Option<f64>,
}

/// Where the usage is going, as of the last tick.
///
/// Growth is the median of the slopes between all pairs of points (Theil-Sen) over the last 10 s, 60 s and 5 min, of 60
/// points at most each, by the monotonic clock; its interval is that of Sen (1968) at 90 %. An estimate: where the usage
/// swings in waves the interval holds less often. A window that sees a step begins anew.
///
/// ```
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// let forecast = monitor.forecast();
/// let too_soon = forecast.time_to_budget.latest_secs.is_some_and(|seconds| seconds < 600.0);
/// let words = if too_soon { forecast.to_string() } else { "all is well".into() };
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Forecast {
    /// Over the last 10 s; `None` while five points do not span a second: with ticks further apart than 2 s, for ever.
    pub ten_seconds: Option<Trend>,
    /// Over the last minute; `None` with ticks further apart than 12 s.
    pub minute: Option<Trend>,
    /// Over the last five minutes; `None` with ticks further apart than a minute.
    pub five_minutes: Option<Trend>,
    /// When the usage reaches the budget.
    pub time_to_budget: TimeToBudget,
    /// What grows.
    pub growth: Growth,
    /// Live bytes per live object of what grows, where both rise: the size to look for.
    pub bytes_per_object: Option<f64>,
    /// Standard deviation of the usage around its trend, in bytes, by the shortest window that is known.
    pub noise_bytes: Option<f64>,
    /// The last time the usage jumped.
    pub last_step: Option<Step>,
}

impl Forecast {
    fn windows(&self) -> [Option<&Trend>; 3] {
        [self.ten_seconds.as_ref(), self.minute.as_ref(), self.five_minutes.as_ref()]
    }

    /// The shortest window that is known.
    pub(crate) fn newest(&self) -> Option<&Trend> {
        self.windows().into_iter().flatten().next()
    }

    /// The longest window that is known: the surest.
    pub(crate) fn surest(&self) -> Option<&Trend> {
        self.windows().into_iter().flatten().next_back()
    }

    /// Writes down what snapshots keep of it.
    pub(crate) fn note(&self, values: &mut Values) {
        let objects = self.surest().and_then(|trend| trend.live_objects_per_sec);
        values.set_float(FloatField::GrowthObjects, objects.map(|rate| rate.likely));
        values.set_float(FloatField::TimeToBudget, self.time_to_budget.soonest_secs);
    }

    /// In how many seconds the budget may be used up, while growth is certain; `None` while it is not.
    ///
    /// By the fastest growth that the interval allows, but no more than four times the likely one and that of the last tenths of
    /// a second, which is `recent`: a jump in the middle of a window looks like growth.
    pub(crate) fn exhaustion_secs(&self, left: u64, recent: f64) -> Option<f64> {
        let newest = self.newest().filter(|trend| trend.span_secs >= LEAST_SPAN)?;
        let rate = newest.usage_bytes_per_sec;
        let fastest = rate.at_most.min(WIDEST * rate.likely).min(WIDEST * recent);
        if rate.rises() { seconds(left, fastest) } else { None }
    }
}

impl std::fmt::Display for Forecast {
    /// `steady; 0.0 KiB/s (-1.2 to 0.9) over 300 s; not full in sight`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.growth.as_str())?;
        let Some(trend) = self.surest() else { return Ok(()) };
        let Rate { likely, at_least, at_most } = trend.usage_bytes_per_sec;
        let [likely, least, most] = [likely, at_least, at_most].map(|rate| rate / 1024.0);
        write!(f, "; {likely:.1} KiB/s ({least:.1} to {most:.1}) over {:.0} s", trend.span_secs)?;
        if let Some(bytes) = self.bytes_per_object {
            write!(f, "; {bytes:.0} bytes an object")?;
        }
        let TimeToBudget { soonest_secs, latest_secs, .. } = self.time_to_budget;
        match (soonest_secs, latest_secs) {
            (Some(soonest), Some(latest)) => {
                write!(f, "; full in {soonest:.0} to {latest:.0} s")
            }
            (Some(soonest), None) => write!(f, "; not full within {soonest:.0} s"),
            _ => write!(f, "; not full in sight"),
        }
    }
}

/// Watches the usage; memory that is taken once (6 KiB), and no allocation while it runs.
#[derive(Debug)]
pub(crate) struct Forecaster {
    windows: [Window; 3],
    last_step: Option<Step>,
}

impl Forecaster {
    pub(crate) fn new() -> Self {
        Forecaster { windows: WINDOWS.map(Window::new), last_step: None }
    }

    /// Takes in a moment of a usage that is held against `budget`, and says where it is going.
    pub(crate) fn observe(&mut self, sample: &Sample, budget: u64) -> Forecast {
        let least_noise = budget as f64 * LEAST_NOISE;
        let steps = self.windows.each_mut().map(|window| window.observe(sample, least_noise));
        // The shorter the window, the earlier it sees a step: the longer ones tell of it again.
        let is_news = |step: &Step| self.last_step.is_none_or(|last| !same(&last, step));
        self.last_step = steps.into_iter().flatten().find(is_news).or(self.last_step);
        self.forecast(budget.saturating_sub(sample.usage))
    }

    fn forecast(&self, left: u64) -> Forecast {
        let [ten_seconds, minute, five_minutes] =
            self.windows.each_ref().map(|w| w.trend().copied());
        let last_step = self.last_step;
        let forecast =
            Forecast { ten_seconds, minute, five_minutes, last_step, ..Forecast::default() };
        let surest = forecast.surest();
        let growth = surest.map(Growth::of).unwrap_or_default();
        Forecast {
            time_to_budget: time_to_budget(&forecast, left),
            growth,
            bytes_per_object: surest.filter(|_| growth == Growth::Objects).and_then(per_object),
            noise_bytes: forecast.newest().map(|trend| trend.noise_bytes),
            ..forecast
        }
    }
}

/// A longer window places the same step within its own distance of points, later than the first.
fn same(known: &Step, found: &Step) -> bool {
    let later = found.uptime_secs - known.uptime_secs;
    later < 10.0 && known.bytes.signum() == found.bytes.signum()
}

fn per_object(trend: &Trend) -> Option<f64> {
    Some(trend.live_bytes_per_sec?.likely / trend.live_objects_per_sec?.likely)
}

fn time_to_budget(forecast: &Forecast, left: u64) -> TimeToBudget {
    let rates = forecast.windows().into_iter().flatten().map(|trend| trend.usage_bytes_per_sec);
    let fastest = rates.map(|rate| rate.at_most).max_by(f64::total_cmp);
    let surest = forecast.surest().map(|trend| trend.usage_bytes_per_sec);
    TimeToBudget {
        soonest_secs: fastest.and_then(|rate| seconds(left, rate)),
        likely_secs: surest.and_then(|rate| seconds(left, rate.likely)),
        latest_secs: surest.and_then(|rate| seconds(left, rate.at_least)),
    }
}

/// Until `left` bytes are used up; never at a rate that does not grow.
fn seconds(left: u64, bytes_per_sec: f64) -> Option<f64> {
    (bytes_per_sec > 0.0).then(|| left as f64 / bytes_per_sec)
}

#[cfg(test)]
mod tests;
