//! Seeded traces of seven days: what services look like that do not leak, and what leaks look like.

use std::time::Duration;

/// Of the figure that noise and leaks are shares of.
pub(super) const BASE: f64 = 256.0 * 1024.0 * 1024.0;

const DAY: f64 = 24.0;

/// xorshift64*, from a seed: the same trace every time.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = random.uniform());
        random
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of the standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform().max(1e-300), self.uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// What a trace is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// 2 % of noise, each tick for itself.
    White,
    /// 3 % of noise that is forgotten within some hours.
    Ar1,
    /// A day's course of 20 % up and down, its highest hour anywhere.
    Diurnal,
    /// And each day is another: its course by 30 %, its level by 5 %.
    DailyVariation,
    /// Up by half within 1 to 20 hours, and down at once.
    SawTooth,
    /// Fills to its size with a time constant of 1 to 12 hours.
    WarmUp,
    /// Once, within eight hours, up by 30 % for good.
    Ramp,
    /// Three loads of 30 % each, at any time, for good.
    Steps,
    /// Steps of so many percent each five minutes: 17 times that a day.
    RandomWalk(f64),
    /// So many percent of the base an hour, and 1 % of noise.
    Leak(f64),
    /// And a day's course.
    DiurnalLeak(f64),
}

/// One trace: asked for the share of the base at rising hours.
pub(super) struct Trace {
    kind: Kind,
    random: Random,
    /// Whatever the kind needs: phases, times, constants.
    drawn: [f64; 3],
    days: [[f64; 2]; 16],
    state: f64,
}

impl Trace {
    pub(super) fn new(kind: Kind, seed: u64) -> Self {
        let mut random = Random::seeded(seed + 1);
        let drawn = [random.uniform(), random.uniform(), random.uniform()];
        let days = std::array::from_fn(|_| [random.normal(), random.normal()]);
        Trace { kind, random, drawn, days, state: 0.0 }
    }

    /// The figure in bytes. Ticks are five minutes apart, or as near to that as matters to what has a memory.
    pub(super) fn at(&mut self, hours: f64) -> u64 {
        let level = self.level(hours);
        let noise = match self.kind {
            Kind::White => 0.02,
            Kind::Ar1 | Kind::RandomWalk(_) => 0.0,
            _ => 0.01,
        };
        let share = level + noise * self.random.normal();
        (share.max(0.05) * BASE) as u64
    }

    fn level(&mut self, hours: f64) -> f64 {
        let [a, b, c] = self.drawn;
        match self.kind {
            Kind::White => 1.0,
            Kind::Ar1 => 1.0 + self.remembered(0.98, 0.03),
            Kind::Diurnal => 1.0 + 0.2 * wave(hours, a),
            Kind::DailyVariation => self.varied(hours, a),
            Kind::SawTooth => 1.0 + 0.5 * (hours / (1.0 + 19.0 * a) + b).fract(),
            Kind::WarmUp => 1.0 - 0.6 * (-hours / (1.0 + 11.0 * a)).exp(),
            Kind::Ramp => 1.0 + 0.3 * ((hours - 120.0 * a) / 8.0).clamp(0.0, 1.0),
            Kind::Steps => {
                let passed = [a, b, c].iter().filter(|at| **at * 7.0 * DAY < hours).count();
                1.0 + 0.3 * passed as f64
            }
            Kind::RandomWalk(percent) => {
                self.state += percent / 100.0 * self.random.normal();
                1.0 + self.state
            }
            Kind::Leak(percent) => 1.0 + percent / 100.0 * hours,
            Kind::DiurnalLeak(percent) => 1.0 + percent / 100.0 * hours + 0.2 * wave(hours, a),
        }
    }

    /// Noise of that spread that keeps so much of itself from tick to tick.
    fn remembered(&mut self, kept: f64, spread: f64) -> f64 {
        let new = (1.0 - kept * kept).sqrt() * spread * self.random.normal();
        self.state = kept * self.state + new;
        self.state
    }

    fn varied(&self, hours: f64, phase: f64) -> f64 {
        let [course, level] = self.days[(hours / DAY) as usize % self.days.len()];
        1.0 + 0.05 * level + 0.2 * (1.0 + 0.3 * course) * wave(hours, phase)
    }
}

fn wave(hours: f64, phase: f64) -> f64 {
    (std::f64::consts::TAU * (hours / DAY + phase)).sin()
}

pub(super) fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * 3600.0)
}
