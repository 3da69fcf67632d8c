//! The last seconds of the usage, the live bytes and the live objects, thinned to 60 points; their slopes, and the steps
//! at which they begin anew.

use super::slope::{Line, POINTS, Rate, Series, rate};
use super::step::{Cusum, Step, onset};
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// A line through fewer points is too uncertain to tell a step by,
const CERTAIN: usize = 10;

/// and so is one over less than this share of the window: figures that come two seconds late are stairs.
const LONG_ENOUGH: f64 = 0.4;

/// Growth over one window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trend {
    /// The time that the window looks back, in seconds.
    pub window_secs: f64,
    /// The time that its points span: less after a step.
    pub span_secs: f64,
    /// How many points there are; 60 at most.
    pub points: usize,
    /// Of the usage, in bytes per second.
    pub usage_bytes_per_sec: Rate,
    /// Of the live bytes; `None` where nothing is counted.
    pub live_bytes_per_sec: Option<Rate>,
    /// Of the live objects; `None` where nothing is counted.
    pub live_objects_per_sec: Option<Rate>,
    /// Standard deviation of the usage around its line, in bytes, by the median deviation.
    pub noise_bytes: f64,
}

/// What is watched, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// By the monotonic clock.
    pub(crate) uptime: Duration,
    pub(crate) usage: u64,
    pub(crate) live_bytes: Option<u64>,
    pub(crate) live_objects: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    at: f64,
    usage: f64,
    /// NaN where it is unknown.
    live_bytes: f64,
    live_objects: f64,
}

impl Point {
    fn of(sample: &Sample) -> Self {
        let known = |figure: Option<u64>| figure.map_or(f64::NAN, |figure| figure as f64);
        Point {
            at: sample.uptime.as_secs_f64(),
            usage: sample.usage as f64,
            live_bytes: known(sample.live_bytes),
            live_objects: known(sample.live_objects),
        }
    }
}

/// One window, in memory that is taken once: 2 KiB.
#[derive(Debug)]
pub(super) struct Window {
    seconds: f64,
    points: VecDeque<Point>,
    cusum: Cusum,
    line: Option<Line>,
    trend: Option<Trend>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let points = VecDeque::with_capacity(POINTS);
        let (seconds, cusum) = (length.as_secs_f64(), Cusum::default());
        Window { seconds, points, cusum, line: None, trend: None }
    }

    /// The growth as of the last point; `None` while five points do not span a second.
    pub(super) fn trend(&self) -> Option<&Trend> {
        self.trend.as_ref()
    }

    /// Takes in a sample when it is time for one. Deviations from the line below `least_noise` are none.
    pub(super) fn observe(&mut self, sample: &Sample, least_noise: f64) -> Option<Step> {
        let point = Point::of(sample);
        // A little less, since ticks come a little early or late.
        let apart = self.seconds / POINTS as f64 * 0.9;
        if self.points.back().is_some_and(|last| point.at <= last.at || point.at - last.at < apart)
        {
            return None;
        }
        self.forget(point.at);
        let off_the_line = self.deviates(&point, least_noise);
        self.points.push_back(point);
        let step = off_the_line.and_then(|samples| self.begin_anew(samples));
        self.measure();
        step
    }

    fn forget(&mut self, now: f64) {
        let start = now - self.seconds;
        while self.points.len() == POINTS || self.points.front().is_some_and(|p| p.at < start) {
            self.points.pop_front();
        }
    }

    /// How many samples, `point` included, lie off the line for certain.
    fn deviates(&mut self, point: &Point, least_noise: f64) -> Option<usize> {
        let span = self.points.back()?.at - self.points.front()?.at;
        let is_certain = self.points.len() >= CERTAIN && span >= self.seconds * LONG_ENOUGH;
        let line = self.line.filter(|_| is_certain)?;
        let noise = line.sigma.max(least_noise).max(1.0);
        self.cusum.add((point.usage - line.at(point.at)) / noise)
    }

    /// Keeps the last `samples` only: what went before says nothing of what is to come.
    fn begin_anew(&mut self, samples: usize) -> Option<Step> {
        let before = self.points.len().saturating_sub(samples);
        self.points.drain(..before);
        self.cusum = Cusum::default();
        let line = self.line.take()?;
        let mut residuals = [0.0; POINTS];
        for (residual, point) in residuals.iter_mut().zip(&self.points) {
            *residual = point.usage - line.at(point.at);
        }
        let (first, bytes) = onset(residuals.get(..self.points.len())?)?;
        self.points.drain(..first);
        Some(Step { uptime_secs: self.points.front()?.at, bytes: bytes as i64 })
    }

    fn measure(&mut self) {
        self.line = Line::through(&self.figures(|point| point.usage));
        self.trend = self.line.and_then(|line| self.trend_along(&line));
    }

    fn trend_along(&self, line: &Line) -> Option<Trend> {
        Some(Trend {
            window_secs: self.seconds,
            span_secs: self.points.back()?.at - self.points.front()?.at,
            points: self.points.len(),
            usage_bytes_per_sec: line.rate,
            live_bytes_per_sec: rate(&self.figures(|point| point.live_bytes)),
            live_objects_per_sec: rate(&self.figures(|point| point.live_objects)),
            noise_bytes: line.sigma,
        })
    }

    fn figures(&self, figure: fn(&Point) -> f64) -> Series {
        Series::of(self.points.iter().map(|point| (point.at, figure(point))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(millis: u64, usage: u64) -> Sample {
        let uptime = Duration::from_millis(millis);
        Sample { uptime, usage, live_bytes: Some(usage / 2), live_objects: Some(usage / 100) }
    }

    /// A window of ten seconds that has seen `usage` (by milliseconds) ten times a second; and the steps it found.
    fn watched(millis: u64, usage: impl Fn(u64) -> u64) -> (Window, Vec<Step>) {
        let mut window = Window::new(Duration::from_secs(10));
        let ticks = (0..millis).step_by(100).map(|at| sample(at, usage(at)));
        let steps = ticks.filter_map(|sample| window.observe(&sample, 100.0)).collect();
        (window, steps)
    }

    #[test]
    fn all_three_figures_have_their_slope() {
        let (window, steps) = watched(20_000, |at| 10_000 + at * 2);
        let trend = window.trend().expect("a trend");
        assert!((trend.usage_bytes_per_sec.likely - 2000.0).abs() < 1.0, "{trend:?}");
        assert!((trend.live_bytes_per_sec.expect("known").likely - 1000.0).abs() < 1.0);
        assert!((trend.live_objects_per_sec.expect("known").likely - 20.0).abs() < 1.0);
        assert!(trend.points <= POINTS && trend.span_secs > 9.0 && trend.span_secs <= 10.0);
        assert_eq!(steps, []);
    }

    #[test]
    fn a_step_begins_it_anew_and_is_told() {
        let (window, steps) = watched(9_000, |at| if at < 6_000 { 50_000 } else { 90_000 });
        let [step] = steps.as_slice() else { panic!("one step: {steps:?}") };
        assert!((step.uptime_secs - 6.0).abs() < 0.3, "{step:?}");
        assert_eq!(step.bytes, 40_000);
        let trend = window.trend().expect("a trend");
        assert!(trend.span_secs < 3.1 && trend.usage_bytes_per_sec.likely == 0.0, "{trend:?}");
    }

    #[test]
    fn a_bend_begins_it_anew_and_is_no_step() {
        let (window, steps) = watched(16_000, |at| 50_000 + at.saturating_sub(10_000) * 5);
        assert_eq!(steps, []);
        let likely = window.trend().expect("a trend").usage_bytes_per_sec.likely;
        assert!((likely - 5000.0).abs() < 10.0, "{likely}");
    }

    #[test]
    fn a_clock_that_stands_still_adds_nothing() {
        let mut window = Window::new(Duration::from_secs(10));
        (0..100).for_each(|n| assert_eq!(window.observe(&sample(500, n), 0.0), None));
        assert_eq!(window.points.len(), 1);
        assert!(window.trend().is_none());
    }

    #[test]
    fn it_takes_its_memory_once_and_forgets_what_is_old() {
        let mut window = Window::new(Duration::from_secs(10));
        let room = window.points.capacity();
        for tick in 0..5_000u64 {
            window.observe(&sample(tick * 37, tick % 7), 0.0);
        }
        assert!(window.points.len() <= POINTS && window.points.capacity() == room);
        window.observe(&sample(10_000_000, 5), 0.0);
        assert_eq!(window.points.len(), 1, "after a long silence");
        assert!(window.trend().is_none());
    }

    #[test]
    fn what_is_not_counted_is_unknown() {
        let mut window = Window::new(Duration::from_secs(10));
        for tick in 0..50 {
            let counted = sample(tick * 200, 1000);
            window.observe(&Sample { live_bytes: None, live_objects: None, ..counted }, 0.0);
        }
        let trend = window.trend().expect("a trend");
        assert_eq!((trend.live_bytes_per_sec, trend.live_objects_per_sec), (None, None));
    }
}
