//! The load as it is planned: which phase is when, and how many requests are due by then. The same for every strategy.

use crate::args::Args;
use std::time::Duration;

/// A stretch of time with a load of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    /// Its share of a round.
    share: f64,
    labels_per_sec: f64,
    tiles_per_sec: f64,
    /// Which part of the keys is wanted most, as a share of all keys.
    pub(crate) region: f64,
}

const fn phase(name: &'static str, share: f64, labels: f64, tiles: f64, region: f64) -> Phase {
    Phase { name, share, labels_per_sec: labels, tiles_per_sec: tiles, region }
}

/// One round; requests a second for the usual working set. Another region is wanted when everybody looks elsewhere.
const ROUND: [Phase; 7] = [
    phase("fill", 0.15, 10_000.0, 100.0, 0.0),
    phase("steady", 0.14, 6_000.0, 60.0, 0.0),
    phase("burst", 0.06, 80_000.0, 600.0, 0.4),
    phase("steady", 0.08, 6_000.0, 60.0, 0.0),
    phase("idle", 0.08, 0.0, 0.0, 0.0),
    phase("refill", 0.10, 15_000.0, 150.0, 0.0),
    phase("tiles", 0.12, 3_000.0, 800.0, 0.7),
];

/// The working set that the rates are for.
const USUAL: f64 = (768 << 20) as f64;

/// Requests of a moment arrive together.
pub(crate) const MOMENT: Duration = Duration::from_millis(2);

/// The whole load.
pub(crate) struct Plan {
    round: Duration,
    rounds: u32,
    /// Times the rates above.
    rate: f64,
}

/// How many requests are due in a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) labels: u64,
    pub(crate) tiles: u64,
}

impl Plan {
    pub(crate) fn new(args: &Args) -> Self {
        let rate = args.rate * args.working_set.as_u64() as f64 / USUAL;
        Plan { round: args.round, rounds: args.rounds, rate }
    }

    /// When the last request has come.
    pub(crate) fn load_ends(&self) -> Duration {
        let round: f64 = ROUND.iter().map(|phase| phase.share).sum();
        self.round.mul_f64(round) * self.rounds
    }

    /// The phase at a time after the start; `None` once the load has ended.
    pub(crate) fn phase(&self, at: Duration) -> Option<&'static Phase> {
        if at >= self.load_ends() {
            return None;
        }
        let round = self.load_ends() / self.rounds;
        let mut share = (at.as_secs_f64() % round.as_secs_f64()) / self.round.as_secs_f64();
        ROUND.iter().find(|phase| {
            share -= phase.share;
            share < 0.0
        })
    }

    /// What is due in the moment that begins at `at`. A half of a request is due in every second moment.
    pub(crate) fn due(&self, at: Duration) -> Due {
        let Some(phase) = self.phase(at) else { return Due::default() };
        let requests = |per_sec: f64| {
            let by = |at: Duration| (at.as_secs_f64() * per_sec * self.rate) as u64;
            by(at + MOMENT) - by(at)
        };
        Due { labels: requests(phase.labels_per_sec), tiles: requests(phase.tiles_per_sec) }
    }

    /// Every moment of the load.
    pub(crate) fn moments(&self) -> impl Iterator<Item = Duration> + use<> {
        let ends = self.load_ends();
        (0..).map(|number| MOMENT * number).take_while(move |at| *at < ends)
    }

    /// All requests of the load.
    pub(crate) fn requests(&self) -> u64 {
        self.moments().map(|at| self.due(at)).map(|due| due.labels + due.tiles).sum()
    }
}
