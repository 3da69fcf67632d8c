//! How a cache wants to be treated, and what it last said of itself.

use crate::level::Level;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much a cache matters to its owner: what matters least goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Asked first: its score counts double.
    Low,
    /// In between.
    #[default]
    Normal,
    /// Asked last: its score counts half.
    High,
}

impl Priority {
    /// What idle seconds are divided by.
    pub const fn weight(self) -> f64 {
        match self {
            Priority::Low => 0.5,
            Priority::Normal => 1.0,
            Priority::High => 2.0,
        }
    }
}

/// What a cache is known by, for as long as the monitor runs: a number is given once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CacheId(pub(crate) u64);

/// What the owner of a cache said when registering it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms {
    pub(crate) priority: Priority,
    /// The lowest level at which it may be asked without anybody's command.
    pub(crate) from: Level,
    /// Lower tiers are emptied before higher ones are asked.
    pub(crate) tier: u8,
    /// Bytes below which it is never asked to go.
    pub(crate) floor: u64,
    /// The least bytes it can give at once; at least 1.
    pub(crate) unit: u64,
    /// What a byte of it costs to have again; above 0.
    pub(crate) cost: f64,
}

impl Default for Terms {
    fn default() -> Self {
        let (priority, from) = (Priority::Normal, Level::Critical);
        Terms { priority, from, tier: 0, floor: 0, unit: 1, cost: 1.0 }
    }
}

/// A cache as the planner sees it: its terms, and what it said at the last survey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) id: CacheId,
    pub(crate) terms: Terms,
    /// What it says it holds; `None` when it does not say.
    pub(crate) usage: Option<u64>,
    /// Time since its last use; `None` when it does not say.
    pub(crate) idle: Option<Duration>,
    /// Its code may be run: it is not gone, not in quarantine, and not still at its last call.
    pub(crate) available: bool,
}

impl View {
    /// What it could give, going by what it says; `None` when it does not say what it holds.
    pub(crate) fn givable(&self) -> Option<u64> {
        self.usage.map(|usage| usage.saturating_sub(self.terms.floor))
    }

    /// Whether it can give anything, as far as it says.
    pub(crate) fn has_something(&self) -> bool {
        self.givable().is_none_or(|bytes| bytes >= self.terms.unit.max(1))
    }
}
