//! Who keeps the memory down, and what there is to tell of it.

use crate::args::{Args, Strategy};
use crate::service::Service;
use crate::{Result, by_hand, governed};
use plimsoll::{Budget, Level, Monitor};
use std::sync::Arc;

/// The strategy at work.
pub(crate) enum Keeper {
    Nobody,
    ByHand { budget: u64 },
    Governor(Monitor),
}

impl Keeper {
    pub(crate) fn start(args: &Args, service: &Arc<Service>) -> Result<Self> {
        match args.strategy {
            Strategy::Ungoverned => Ok(Keeper::Nobody),
            Strategy::Governed => Ok(Keeper::Governor(governed::start(args.budget, service)?)),
            Strategy::EvictOnly => {
                let Some(Budget::Bytes(budget)) = args.budget else {
                    return Err("--strategy evict-only: needs a --budget in bytes".into());
                };
                by_hand::start(budget, service.clone())?;
                Ok(Keeper::ByHand { budget })
            }
        }
    }

    /// What the process may use, and where that is from.
    pub(crate) fn budget(&self) -> (Option<u64>, String) {
        match self {
            Keeper::Nobody => (None, "none".into()),
            Keeper::ByHand { budget } => (Some(*budget), "as given".into()),
            Keeper::Governor(monitor) => {
                (Some(monitor.budget_bytes()), monitor.budget_provenance())
            }
        }
    }

    /// How full the budget is; only a monitor knows.
    pub(crate) fn level(&self) -> Option<Level> {
        match self {
            Keeper::Governor(monitor) => Some(monitor.level()),
            _ => None,
        }
    }

    /// What its last tick read, in bytes, and what it measured of its evictions so far.
    pub(crate) fn figures(&self) -> (Option<u64>, Option<u64>) {
        match self {
            Keeper::Governor(monitor) => {
                let usage = monitor.latest().and_then(|latest| latest.usage_bytes());
                (usage, monitor.eviction_statistics().total_memory_freed_bytes)
            }
            _ => (None, None),
        }
    }
}
