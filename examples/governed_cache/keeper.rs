//! Who keeps the memory down, and what there is to tell of it.

use crate::args::{Args, Strategy};
use crate::service::Service;
use crate::{Result, by_hand, governed};
use plimsoll::{Budget, Level, Monitor, Values};
use serde::Serialize;
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

    /// What a monitor has to tell besides; nothing for the others.
    pub(crate) fn figures(&self) -> Figures {
        let Keeper::Governor(monitor) = self else { return Figures::default() };
        let latest = monitor.latest();
        let of =
            |figure: fn(&Values) -> Option<u64>| latest.as_ref().and_then(|latest| figure(latest));
        Figures {
            level: Some(monitor.level()),
            usage_bytes: of(Values::usage_bytes),
            live_bytes: of(Values::live_bytes),
            active_bytes: of(Values::jemalloc_active_bytes),
            dirty_bytes: of(Values::jemalloc_dirty_bytes),
            freed_bytes: monitor.eviction_statistics().total_memory_freed_bytes,
        }
    }
}

/// What a monitor's last tick read, so that a trace explains what it did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Figures {
    level: Option<Level>,
    usage_bytes: Option<u64>,
    live_bytes: Option<u64>,
    active_bytes: Option<u64>,
    dirty_bytes: Option<u64>,
    /// By all evictions, measured.
    freed_bytes: Option<u64>,
}
