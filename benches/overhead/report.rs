//! All that was measured, as data.

use super::Entry;
use super::harness::contest::Entrant;
use super::harness::figures::Figures;
use super::harness::machine::Machine;
use super::harness::peers::{Build, Missing};
use super::jobs::Job;
use serde_json::{Value, json};
use std::time::Duration;

/// One allocator at one job.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) build: Build,
    pub(crate) job: &'static Job,
    pub(crate) allocator: &'static str,
    pub(crate) about: &'static str,
    pub(crate) nanos: Figures,
    /// To bare jemalloc; `None` when that was not measured.
    pub(crate) ratio: Option<Figures>,
}

impl Measured {
    /// The target, where it is plimsoll that has one: with LTO.
    pub(crate) fn target(&self) -> Option<f64> {
        let plimsoll = self.allocator.starts_with("plimsoll");
        (plimsoll && self.build == Build::FatLto).then_some(self.job.target)
    }

    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.ratio?.median <= self.target()?)
    }

    fn json(&self) -> Value {
        json!({
            "build": self.build.name(),
            "workload": self.job.workload,
            "threads": self.job.threads,
            "title": self.job.title,
            "allocator": self.allocator,
            "about": self.about,
            "operation": self.job.operation,
            "nanos_per_operation": self.nanos,
            "ratio": self.ratio,
            "target": self.target(),
            "met": self.met(),
        })
    }
}

/// What `entry`'s contest found of every allocator that could be measured.
pub(crate) fn measured<'a>(entry: &'a Entry<'_>) -> impl Iterator<Item = Measured> + 'a {
    let (build, job, contest) = entry;
    let measured = |entrant: &Entrant| {
        Some(Measured {
            build: *build,
            job,
            allocator: entrant.program.peer.name,
            about: entrant.program.peer.about,
            nanos: entrant.nanos()?,
            ratio: contest.ratio(entrant),
        })
    };
    contest.entrants.iter().filter_map(measured)
}

/// The whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) building: Duration,
    pub(crate) measuring: Duration,
    pub(crate) missing: Vec<Missing>,
    pub(crate) measured: Vec<Measured>,
}

impl Report {
    pub(crate) fn json(&self) -> Value {
        json!({
            "bench": "overhead",
            "machine": self.machine,
            "quick": self.quick,
            "rounds": self.rounds,
            "building_secs": self.building.as_secs(),
            "measuring_secs": self.measuring.as_secs(),
            "missing": self.missing,
            "results": self.measured.iter().map(Measured::json).collect::<Vec<_>>(),
        })
    }
}
