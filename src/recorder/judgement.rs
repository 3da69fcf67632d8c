//! `Judgement`: what became of a run, in one word and the figures that say so.

use serde::{Deserialize, Serialize};

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LastRun {
    /// It goes on.
    Running,
    /// It ended by itself: its monitor was stopped, or it exited.
    Clean,
    /// A panic ended it.
    Panicked,
    /// The kernel killed it for want of memory: the kernel's own count says so.
    OomKillConfirmed,
    /// It was at its limit or its emergency threshold, and then was gone without a word.
    OomKillProbable,
    /// It was gone without a word, with memory to spare: a signal, a crash.
    KilledNotByMemory,
    /// It cannot be said.
    Unknown,
}

impl LastRun {
    /// All words.
    pub const ALL: [LastRun; 7] = [
        LastRun::Running,
        LastRun::Clean,
        LastRun::Panicked,
        LastRun::OomKillConfirmed,
        LastRun::OomKillProbable,
        LastRun::KilledNotByMemory,
        LastRun::Unknown,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LastRun::Running => "running",
            LastRun::Clean => "clean",
            LastRun::Panicked => "panicked",
            LastRun::OomKillConfirmed => "oom_kill_confirmed",
            LastRun::OomKillProbable => "oom_kill_probable",
            LastRun::KilledNotByMemory => "killed_not_by_memory",
            LastRun::Unknown => "unknown",
        }
    }

    /// Whether it died for want of memory, as far as is known.
    pub const fn is_oom(self) -> bool {
        matches!(self, LastRun::OomKillConfirmed | LastRun::OomKillProbable)
    }
}

impl std::fmt::Display for LastRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a run, and why that is believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Judgement {
    /// In one word.
    pub verdict: LastRun,
    /// In one sentence.
    pub summary: String,
    /// What it is concluded from, the weightiest first.
    pub evidence: Vec<Exhibit>,
    /// When it was judged, in seconds since 1970.
    pub judged: f64,
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exhibit {
    /// In one sentence.
    pub finding: String,
    /// The figure it comes from, and where that was read.
    pub source: String,
}
