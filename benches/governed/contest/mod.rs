//! The contest: the same load, at the same time, for services that keep their memory down differently.
//!
//! ```text
//! group.rs        a memory control group, made and removed
//! contestant.rs   one process: started in its group, listened to, ended at the latest after its time
//! sample.rs       what it takes, looked at from outside
//! figures.rs      what came of it
//! ```
#![allow(dead_code, reason = "the bench and the test each use their part")]

pub(crate) mod contestant;
pub(crate) mod figures;
pub(crate) mod group;
pub(crate) mod sample;

use contestant::{Contestant, Running};
use figures::Figures;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What kills without asking, and what shall not be passed, for a contest.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// `examples/governed_cache`.
    pub(crate) program: PathBuf,
    /// The control group's limit.
    pub(crate) limit: u64,
    /// Whether control groups are wanted; without them, a budget alone.
    pub(crate) confined: bool,
    /// One round of the load with the rest after it.
    pub(crate) round: Duration,
    pub(crate) rounds: u32,
    /// Times the usual number of requests.
    pub(crate) rate: f64,
    pub(crate) seed: u64,
}

/// The budget as a share of the limit, in percent.
pub(crate) const BUDGET_PERCENT: u64 = 80;
/// Everything together would take so many times the limit.
pub(crate) const WORKING_SET: u64 = 3;
/// Time between two looks at all contestants.
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl Setup {
    pub(crate) fn budget(&self) -> u64 {
        self.limit / 100 * BUDGET_PERCENT
    }

    /// A contestant that takes longer hangs: a machine with other work may be late, but not by so much.
    fn time_limit(&self) -> Duration {
        self.round * self.rounds * 3 + Duration::from_secs(120)
    }
}

/// What came of all.
pub(crate) struct Outcome {
    pub(crate) contestants: Vec<Figures>,
    /// Where they ran, in words.
    pub(crate) place: String,
    /// Each in a control group of its own.
    pub(crate) limited: bool,
}

/// Runs `strategies` side by side.
///
/// # Errors
/// When one cannot be started, or hangs. No process and no control group is left behind then either.
pub(crate) fn run(setup: &Setup, strategies: &[&'static str]) -> Result<Outcome, String> {
    let (groups, place) = groups(setup, strategies);
    let limited = groups.iter().all(Option::is_some);
    let contestants = strategies
        .iter()
        .zip(groups)
        .map(|(strategy, group)| Contestant { strategy, group }.start(setup));
    // All that were started are ended again when one cannot be.
    let mut running = contestants.collect::<Result<Vec<_>, _>>()?;
    watch(&mut running, Instant::now() + setup.time_limit())?;
    let finished = running.into_iter().map(Running::finish);
    let contestants = finished.map(|finished| Figures::of(setup, &finished?));
    Ok(Outcome { contestants: contestants.collect::<Result<_, _>>()?, place, limited })
}

/// A group for each, or for none: half a contest under a limit would compare nothing.
fn groups(setup: &Setup, strategies: &[&str]) -> (Vec<Option<group::Group>>, String) {
    let make = |strategy: &&str| match setup.confined {
        true => group::Group::make(strategy, setup.limit),
        false => Err("none was wanted".to_owned()),
    };
    match strategies.iter().map(make).collect::<Result<Vec<_>, _>>() {
        Ok(groups) => {
            let interface = groups.first().map_or("", |group| group.interface());
            (
                groups.into_iter().map(Some).collect(),
                format!("each in a memory control group of its own ({interface})"),
            )
        }
        Err(reason) => {
            let place = format!("under a budget alone, without control groups: {reason}");
            (strategies.iter().map(|_| None).collect(), place)
        }
    }
}

fn watch(running: &mut [Running], until: Instant) -> Result<(), String> {
    while !running.iter().all(Running::was_seen_to_end) {
        if Instant::now() > until {
            return Err("a contestant hangs: all were ended".into());
        }
        running.iter_mut().for_each(Running::look);
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
