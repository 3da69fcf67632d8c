//! The budget in force: what bounds it is read again while the monitor runs, and a change is told to everybody.

use super::Monitor;
use super::shared::Shared;
use crate::event::EventKind;
use crate::policy::budget::{Basis, Resolved};
use crate::policy::reserve::unseen;
use crate::policy::threshold::{Threshold, Thresholds};
use crate::snapshot::{Metadata, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What snapshots carry of a budget.
pub(super) fn metadata(
    budget: &Resolved,
    thresholds: &Thresholds,
    user: BTreeMap<String, String>,
) -> Metadata {
    let line = |threshold| Some(thresholds.bytes(threshold, budget.bytes));
    Metadata {
        soft_limit_bytes: line(Threshold::Warning),
        hard_limit_bytes: line(Threshold::Emergency),
        budget_provenance: Some(budget.provenance.clone()),
        user,
    }
}

impl Monitor {
    /// What may be used. What bounds it is read again at the ticks, at most every 5 s, so it may change.
    pub fn budget_bytes(&self) -> u64 {
        self.shared.budget().bytes
    }

    /// Where the budget comes from, in words: the limit, whose it is, the file that says so, and the reserve. Every
    /// snapshot has them too.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().start()?;
    /// // 1.0 GiB, the control group's limit (/sys/fs/cgroup/memory.max), less 102.4 MiB in reserve
    /// let words = monitor.budget_provenance();
    /// let snapshot = monitor.snapshot();
    /// assert_eq!(snapshot.metadata().and_then(|m| m.budget_provenance()), Some(words.as_str()));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn budget_provenance(&self) -> String {
        self.shared.budget().provenance.clone()
    }

    /// Whose memory the budget bounds.
    pub fn budget_basis(&self) -> Basis {
        self.shared.budget().basis
    }

    /// The limit that the budget was taken from or lies below, in bytes; `None` when none is known.
    ///
    /// It is the lowest of the control groups' (the process's own and those above it), `RLIMIT_AS`, `RLIMIT_DATA` and
    /// the machine's memory.
    pub fn limit_bytes(&self) -> Option<u64> {
        self.shared.budget().limit
    }
}

impl Shared {
    /// The budget as it is now. Allocates nothing.
    pub(super) fn budget(&self) -> Arc<Resolved> {
        self.budget.lock().clone()
    }

    /// Takes in the bounds as they are now, so that the tick that follows is judged by them.
    ///
    /// A limit that was lowered below the usage is no error: the level rises by itself, and what is above the new
    /// budget is evicted.
    pub(super) fn follow_bounds(&self, now: Instant) {
        let mut sources = self.sources.lock();
        let changed = self.allotment.lock().rebound(sources.bounds(now));
        drop(sources);
        if changed {
            self.put_in_force();
        }
    }

    /// Looks, now and then, at what the reserve is for.
    pub(super) fn learn_reserve(&self, snapshot: &Snapshot, now: Instant) {
        if !self.allotment.lock().is_look_due(now) {
            return;
        }
        let (cgroup, in_use) = {
            let sources = self.sources.lock();
            (sources.cgroup_now(), sources.machine_in_use())
        };
        let (basis, meter) = (self.budget().basis, self.settings.meter);
        let unseen = unseen(basis, meter, &snapshot.values, &cgroup, in_use);
        let changed = self.allotment.lock().look(unseen, now);
        if changed {
            self.put_in_force();
        }
    }

    fn put_in_force(&self) {
        let new = Arc::new(self.allotment.lock().resolved());
        let old = std::mem::replace(&mut *self.budget.lock(), new.clone());
        if old == new {
            return;
        }
        let mut in_force = self.metadata.lock();
        let user = in_force.user.clone();
        *in_force = Arc::new(metadata(&new, &self.settings.thresholds, user));
        drop(in_force);
        self.emit(EventKind::budget_changed(&old, &new));
    }
}
