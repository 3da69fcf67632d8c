//! Whose run a recording is of, and the control groups whose kernel counts tell of its end.

use super::moment::figure_names;
use super::recording::RecordedRun;
use crate::source::{KillCounters, KillGroup, KillsNow, Origin};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the file knows of itself. A key that is missing is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Identity {
    #[serde(flatten)]
    pub(super) run: RecordedRun,
    /// The namespace in which the process's id means something.
    pub(super) pid_space: Option<String>,
    /// What the budget's limit bounds: `group`, `process`, `address_space`, `data`.
    pub(super) basis: String,
    /// The figures of the documents *newest* and *well*, in their order, and whether they are whole numbers.
    pub(super) figures: Vec<(String, bool)>,
}

impl Identity {
    /// Adds what is known of the process itself to what the monitor says of its run.
    pub(super) fn new(run: RecordedRun, basis: &str, origin: &Origin) -> Self {
        let run = RecordedRun {
            pid: origin.pid,
            start_ticks: origin.start_ticks,
            boot_id: origin.boot.clone(),
            host_id: origin.host.clone(),
            ..run
        };
        let (pid_space, basis) = (origin.pid_space.clone(), basis.to_owned());
        Identity { run, pid_space, basis, figures: figure_names() }
    }

    pub(super) fn origin(&self) -> Origin {
        Origin {
            boot: self.run.boot_id.clone(),
            host: self.run.host_id.clone(),
            pid_space: self.pid_space.clone(),
            pid: self.run.pid,
            start_ticks: self.run.start_ticks,
        }
    }
}

/// A control group, and its count when the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedGroup {
    pub(super) dir: PathBuf,
    pub(super) inode: u64,
    pub(super) is_own: bool,
    pub(super) is_deep: bool,
    pub(super) kills_at_start: Option<u64>,
}

impl RecordedGroup {
    pub(super) fn all(counters: &KillCounters) -> Vec<Self> {
        let groups = counters.groups().iter().zip(counters.read());
        let recorded = |(group, kills_at_start): (&KillGroup, _)| RecordedGroup {
            // What is not Unicode could not be written, and cannot be found again.
            dir: group.dir.to_string_lossy().into_owned().into(),
            inode: group.inode,
            is_own: group.is_own,
            is_deep: group.is_deep,
            kills_at_start,
        };
        groups.map(recorded).collect()
    }

    /// What its count is now.
    pub(super) fn now(&self) -> KillsNow {
        let (inode, is_own, is_deep) = (self.inode, self.is_own, self.is_deep);
        KillGroup { dir: self.dir.clone(), inode, is_own, is_deep }.now()
    }
}
