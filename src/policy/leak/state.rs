//! `LeakState`: what is known of a leak, to go on with after a restart. Some 2 KiB at most.

use super::rises::{MOST, Rise};
use super::site::{GrownSite, TOLD};
use super::{LeakStatus, LeakVerdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longer names of functions are cut.
const LONGEST_NAME: usize = 200;

/// What the last run was found to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastLeak {
    /// In one word.
    pub verdict: LeakVerdict,
    /// By how much its floor had risen.
    pub growth_bytes: Option<u64>,
    /// Over how many seconds of running.
    pub span_secs: Option<f64>,
    /// The places that grew.
    pub sites: Vec<GrownSite>,
}

impl LastLeak {
    fn of(status: &LeakStatus) -> Self {
        LastLeak {
            verdict: status.verdict,
            growth_bytes: status.growth_bytes,
            span_secs: status.span_secs,
            sites: status.sites.iter().take(TOLD).map(shortened).collect(),
        }
    }
}

/// A tracker without its clock and its heap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LeakState {
    window_secs: f64,
    short: Vec<Rise>,
    long: Vec<Rise>,
    last: Option<LastLeak>,
}

impl LeakState {
    pub(super) fn new(window: Duration, rises: [Vec<Rise>; 2], status: &LeakStatus) -> Self {
        let [short, long] = rises;
        let judged = status.floor_bytes.map(|_| LastLeak::of(status));
        // A run too short to be judged says nothing against the one before it.
        let last = judged.or_else(|| status.last_run.clone());
        LeakState { window_secs: window.as_secs_f64(), short, long, last }
    }

    /// Those of the shorter window (0) or the longer one, if they were counted by the same window.
    pub(super) fn rises(&self, index: usize, window: Duration) -> &[Rise] {
        let rises = if index == 0 { &self.short } else { &self.long };
        let is_same = self.window_secs.to_bits() == window.as_secs_f64().to_bits();
        let from = rises.len().saturating_sub(MOST);
        rises.get(from..).filter(|_| is_same).unwrap_or_default()
    }

    pub(super) fn last_run(&self) -> Option<LastLeak> {
        self.last.clone()
    }
}

fn shortened(site: &GrownSite) -> GrownSite {
    GrownSite { name: site.name.chars().take(LONGEST_NAME).collect(), ..site.clone() }
}
