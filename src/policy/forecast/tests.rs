//! The forecast over made-up traces: seeded noise, outliers, steps, waves, clocks that stand still, figures that are late.

use super::*;

const MIB: f64 = (1 << 20) as f64;
const BUDGET: u64 = 1 << 30;

/// xorshift64*, from a seed: the same trace every time.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of the standard normal distribution (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform().max(1e-300), self.uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// A forecaster that sees a trace tick by tick.
struct Trace {
    forecaster: Forecaster,
    tick: Duration,
    uptime: Duration,
}

impl Trace {
    fn new(tick_millis: u64) -> Self {
        let (forecaster, tick) = (Forecaster::new(), Duration::from_millis(tick_millis));
        Trace { forecaster, tick, uptime: Duration::ZERO }
    }

    fn sees(&mut self, usage: f64, counted: Option<(f64, f64)>) -> Forecast {
        self.uptime += self.tick;
        let (live_bytes, live_objects) = (counted.map(|c| c.0 as u64), counted.map(|c| c.1 as u64));
        let sample = Sample { uptime: self.uptime, usage: usage as u64, live_bytes, live_objects };
        self.forecaster.observe(&sample, BUDGET)
    }

    /// Sees `usage` of the seconds since the start for so many seconds.
    fn runs(&mut self, seconds: f64, mut usage: impl FnMut(f64) -> f64) -> Forecast {
        let mut forecast = Forecast::default();
        let end = self.uptime.as_secs_f64() + seconds;
        while self.uptime.as_secs_f64() < end {
            let figure = usage(self.uptime.as_secs_f64());
            forecast = self.sees(figure, None);
        }
        forecast
    }
}

fn rates(forecast: &Forecast) -> [Option<Rate>; 3] {
    forecast.windows().map(|trend| trend.map(|trend| trend.usage_bytes_per_sec))
}

/// How many of `trials` traces through a full window have their true slope within the interval: `noise` of the seed's
/// random numbers makes one deviation after the other. The windows differ in their scale only.
fn covered(trials: u64, mut noise: impl FnMut(&mut Random, f64) -> f64) -> u64 {
    let mut covered = 0;
    for trial in 0..trials {
        let (mut random, mut deviation) = (Random(trial * 7919 + 1), 0.0);
        let slope = (random.uniform() - 0.5) * 0.2 * MIB;
        let mut window = Window::new(WINDOWS[1]);
        for second in 0..64 {
            deviation = noise(&mut random, deviation);
            let usage = 300.0 * MIB + slope * second as f64 + deviation * MIB;
            let uptime = Duration::from_secs(second);
            let sample =
                Sample { uptime, usage: usage as u64, live_bytes: None, live_objects: None };
            window.observe(&sample, BUDGET as f64 * LEAST_NOISE);
        }
        let rate = window.trend().map(|trend| trend.usage_bytes_per_sec);
        covered += u64::from(rate.is_some_and(|r| r.at_least <= slope && slope <= r.at_most));
    }
    covered
}

/// The share of successes and its 99.9 % interval (Wilson).
fn wilson(successes: u64, trials: u64) -> (f64, f64) {
    let (n, p, z) = (trials as f64, successes as f64 / trials as f64, 3.29f64);
    let (middle, divisor) = (p + z * z / (2.0 * n), 1.0 + z * z / n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half) / divisor, (middle + half) / divisor)
}

#[test]
fn the_interval_holds_in_nine_cases_of_ten() {
    const TRIALS: u64 = 300;
    let covered = covered(TRIALS, |random, _| random.normal());
    let (low, high) = wilson(covered, TRIALS);
    assert!(low <= 0.90 && 0.90 <= high, "{covered} of {TRIALS}: {low:.3} to {high:.3}");
}

#[test]
fn heavy_tails_do_not_hurt_it() {
    const TRIALS: u64 = 60;
    // One sample in ten is thrown far off.
    let spiky = |random: &mut Random, _: f64| {
        let wild = if random.uniform() < 0.1 { 30.0 } else { 1.0 };
        random.normal() * wild
    };
    let covered = covered(TRIALS, spiky);
    assert!(wilson(covered, TRIALS).1 >= 0.90, "{covered} of {TRIALS}");
}

/// No promise, but a figure: deviations that hang together (each half of the one before) are what real usage has.
#[test]
fn where_deviations_hang_together_it_still_holds_more_often_than_not() {
    const TRIALS: u64 = 100;
    let covered = covered(TRIALS, |random, before| 0.5 * before + random.normal());
    assert!(wilson(covered, TRIALS).0 > 0.5, "{covered} of {TRIALS}");
}

#[test]
fn a_step_is_found_placed_and_measured() {
    let (mut found, mut early) = (0, 0);
    for trial in 0..30 {
        let mut random = Random(trial + 1);
        let mut trace = Trace::new(100);
        let at = 20.0 + random.uniform() * 5.0;
        let jump = (if random.uniform() < 0.5 { -1.0 } else { 1.0 })
            * (50.0 + 100.0 * random.uniform())
            * MIB;
        let usage = |t: f64, random: &mut Random| {
            400.0 * MIB + random.normal() * 2.0 * MIB + if t >= at { jump } else { 0.0 }
        };
        early += u32::from(trace.runs(20.0, |t| usage(t, &mut random)).last_step.is_some());
        let Some(step) = trace.runs(10.0, |t| usage(t, &mut random)).last_step else { continue };
        let right_time = (step.uptime_secs - at).abs() < 1.0;
        let right_height = (step.bytes as f64 - jump).abs() < 10.0 * MIB;
        found += u32::from(right_time && right_height);
    }
    assert!(found >= 28 && early <= 1, "{found} found, {early} where there was none");
}

#[test]
fn after_a_step_the_growth_is_that_of_the_new_level() {
    let mut trace = Trace::new(100);
    trace.runs(30.0, |_| 200.0 * MIB);
    let forecast = trace.runs(5.0, |_| 600.0 * MIB);
    let step = forecast.last_step.expect("a step");
    assert!((step.bytes as f64 - 400.0 * MIB).abs() < MIB, "{step:?}");
    assert_eq!(rates(&forecast)[0].map(|rate| rate.likely), Some(0.0));
    assert_eq!(forecast.exhaustion_secs(BUDGET / 10, f64::MAX), None, "a jump is no growth");
}

#[test]
fn outliers_are_neither_growth_nor_steps() {
    let mut random = Random(11);
    let forecast = Trace::new(100).runs(400.0, |_| {
        let spike = if random.uniform() < 0.05 { 500.0 * MIB } else { 0.0 };
        300.0 * MIB + spike + random.normal() * 0.1 * MIB
    });
    assert_eq!(forecast.last_step, None);
    for rate in rates(&forecast).into_iter().flatten() {
        assert!(rate.likely.abs() < 0.05 * MIB, "{rate:?}");
    }
    assert!(forecast.noise_bytes.expect("known") < 0.3 * MIB, "spikes are no noise");
}

#[test]
fn a_rise_that_cannot_be_outrun_is_seen_coming() {
    let mut trace = Trace::new(100);
    trace.runs(30.0, |_| 0.5 * BUDGET as f64);
    // A tenth of the budget in a second: nothing would stop it at 98 %.
    let begin = trace.uptime.as_secs_f64();
    let mut usage = 0.0;
    let forecast = trace.runs(3.5, |t| {
        usage = (0.5 + 0.1 * (t - begin)) * BUDGET as f64;
        usage
    });
    let seconds =
        forecast.exhaustion_secs(BUDGET - usage as u64, f64::MAX).expect("growth is certain");
    assert!((seconds - 1.5).abs() < 0.3, "{seconds}");
    let soonest = forecast.time_to_budget.soonest_secs.expect("known");
    assert!((soonest - 1.5).abs() < 0.3, "{forecast:?}");
}

#[test]
fn what_grows_is_told_by_objects_beside_bytes() {
    let growth = |usage: f64, live: f64, objects: f64| {
        let (mut trace, mut forecast) = (Trace::new(500), Forecast::default());
        for tick in 0..300 {
            let t = f64::from(tick) / 2.0;
            let [usage, live] = [usage, live].map(|slope| 3e8 + slope * t);
            forecast = trace.sees(usage, Some((live, 1e6 + objects * t)));
        }
        (forecast.growth, forecast.bytes_per_object.map(f64::round))
    };
    assert_eq!(growth(2e6, 1.9e6, 10_000.0), (Growth::Objects, Some(190.0)));
    assert_eq!(growth(2e6, 1.9e6, 0.0), (Growth::Buffers, None));
    assert_eq!(growth(2e6, 0.0, 0.0), (Growth::OutsideTheHeap, None));
    assert_eq!(growth(0.0, 0.0, 0.0), (Growth::Steady, None));
    assert_eq!(growth(-1e6, -1e6, -10.0), (Growth::Shrinking, None));
}

#[test]
fn the_budget_is_reached_when_it_is() {
    let slope = 2.0 * MIB;
    let mut usage = 0.0;
    let mut random = Random(5);
    let forecast = Trace::new(500).runs(200.0, |t| {
        usage = 300.0 * MIB + slope * t;
        usage + random.normal() * 0.5 * MIB
    });
    let truth = (BUDGET as f64 - usage) / slope;
    let TimeToBudget { soonest_secs, likely_secs, latest_secs } = forecast.time_to_budget;
    let [soonest, likely, latest] =
        [soonest_secs, likely_secs, latest_secs].map(|s| s.expect("known"));
    assert!(soonest <= likely && likely <= latest, "{:?}", forecast.time_to_budget);
    assert!((likely / truth - 1.0).abs() < 0.01, "{likely} s, in truth {truth} s");
    assert!(forecast.to_string().starts_with("growth, and nothing is counted; 20"), "{forecast}");
}

#[test]
fn a_clock_that_stands_still_foresees_nothing() {
    let mut trace = Trace::new(0);
    for n in 0..1000 {
        assert_eq!(trace.sees(f64::from(n), None), Forecast::default());
    }
    assert_eq!(Forecast::default().to_string(), "not known yet");
}

#[test]
fn figures_that_are_two_seconds_late_have_the_same_growth_and_no_steps() {
    let forecast = Trace::new(100).runs(400.0, |t| 100.0 * MIB + (t / 2.0).floor() * 2.0 * MIB);
    // The first stair is a step as long as nothing else is known.
    assert!(forecast.last_step.is_none_or(|step| step.uptime_secs < 10.0), "{forecast:?}");
    for (rate, tolerance) in rates(&forecast).into_iter().zip([0.25, 0.05, 0.02]) {
        let likely = rate.expect("known").likely / MIB;
        assert!((likely - 1.0).abs() < tolerance, "{likely}");
    }
}

#[test]
fn ticks_every_thirty_seconds_leave_the_longest_window() {
    let forecast = Trace::new(30_000).runs(900.0, |t| 100.0 * MIB + t * MIB);
    let [short, minute, long] = rates(&forecast);
    assert_eq!((short, minute), (None, None));
    assert!((long.expect("known").likely / MIB - 1.0).abs() < 1e-6);
}
