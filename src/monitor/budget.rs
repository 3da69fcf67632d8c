//! The budget in force: what bounds it is read again while the monitor runs, and a change is told to everybody.

use super::Handle;
use super::shared::Shared;
use crate::event::EventKind;
use crate::policy::budget::unseen;
use crate::policy::budget::{Basis, Resolved};
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

impl Handle {
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
    /// It is the lowest of the control groups' (the process's own and those above it), the machine's memory, and, unless
    /// the budget was given in bytes, `RLIMIT_AS` and `RLIMIT_DATA`.
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
            self.put_in_force().into_iter().for_each(|kind| self.emit(kind));
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
        let (basis, meter) = (self.budget().basis, self.settings().meter);
        let unseen = unseen(basis, meter, &snapshot.values, &cgroup, in_use);
        let changed = self.allotment.lock().look(unseen, now);
        if changed {
            self.put_in_force().into_iter().for_each(|kind| self.emit(kind));
        }
    }

    /// Puts the budget and the lines within it in force, as allotment and settings have them now. What is to be said of it
    /// is for the caller to say.
    pub(super) fn put_in_force(&self) -> Option<EventKind> {
        // Held throughout: of two who do this at a time, whoever resolved first must not have the last word.
        let allotment = self.allotment.lock();
        let new = Arc::new(allotment.resolved());
        let old = std::mem::replace(&mut *self.budget.lock(), new.clone());
        let mut in_force = self.metadata.lock();
        let user = in_force.user.clone();
        *in_force = Arc::new(metadata(&new, &self.settings().thresholds, user));
        drop((in_force, allotment));
        (old != new).then(|| EventKind::budget_changed(&old, &new))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Monitor;
    use super::*;
    use crate::policy::usage::Meter;
    use std::time::Duration;

    const MIB: u64 = 1 << 20;

    /// A group of 1 GiB, of whose charge 400 MiB are neither anonymous nor page cache.
    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        let stat = format!("anon {}\nfile {}\nfile_mapped 0\n", 200 * MIB, 100 * MIB);
        for (path, text) in [
            ("proc/self/cgroup", "0::/app\n"),
            ("proc/self/mountinfo", "31 27 0:28 / /cg rw - cgroup2 cgroup2 rw\n"),
            ("cg/app/memory.max", "1073741824\n"),
            ("cg/app/memory.current", &format!("{}\n", 700 * MIB)),
            ("cg/app/memory.stat", &stat),
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    /// The monitor's own thread sleeps through the test, which plays its part with a clock of its own.
    fn asleep(root: &tempfile::TempDir) -> Monitor {
        let hour = Duration::from_secs(3600);
        let monitor = Monitor::builder().root(root.path()).interval(hour).meter(Meter::Pressure);
        let monitor = monitor.start().expect("a monitor");
        while monitor.latest().is_none() {
            std::thread::yield_now();
        }
        monitor
    }

    fn changes(monitor: &Monitor) -> usize {
        let changed = |event: &crate::Event| event.kind.event_type() == "budget_changed";
        monitor.events().iter().filter(|event| changed(event)).count()
    }

    #[test]
    fn what_the_meter_does_not_see_is_learned_within_minutes_and_said() {
        let root = tree();
        let monitor = asleep(&root);
        let snapshot = monitor.snapshot();
        assert_eq!(monitor.budget_bytes(), 1024 * MIB - 1024 * MIB / 10);
        let start = Instant::now();
        for look in 1..=60 {
            monitor.shared.learn_reserve(&snapshot, start + Duration::from_secs(5 * look));
        }
        assert_eq!(monitor.budget_bytes(), 768 * MIB, "a quarter of the limit is the most");
        let words = "1.0 GiB, the control group's limit (/cg/app/memory.max), less 256.0 MiB in reserve, \
                     learned: 400.0 MiB were held there beside what the meter reads";
        assert_eq!(monitor.budget_provenance(), words);
        assert_eq!(changes(&monitor), 1);
    }

    #[test]
    fn limits_are_read_again_every_five_seconds_and_no_earlier() {
        let root = tree();
        let monitor = asleep(&root);
        // The first tick has read them, at a moment that is not known here.
        let start = Instant::now() + Duration::from_secs(5);
        monitor.shared.follow_bounds(start);
        std::fs::write(root.path().join("cg/app/memory.max"), "536870912\n").expect("a file");
        monitor.shared.follow_bounds(start + Duration::from_millis(4999));
        assert_eq!((monitor.limit_bytes(), changes(&monitor)), (Some(1024 * MIB), 0));
        monitor.shared.follow_bounds(start + Duration::from_millis(5000));
        assert_eq!((monitor.limit_bytes(), changes(&monitor)), (Some(512 * MIB), 1));
        for tick in 2..100 {
            monitor.shared.follow_bounds(start + Duration::from_secs(5 * tick));
        }
        assert_eq!(changes(&monitor), 1, "said once");
    }

    #[test]
    fn of_two_who_put_a_budget_in_force_the_older_has_not_the_last_word() {
        let root = tree();
        let monitor = asleep(&root);
        let shared = &monitor.shared;
        std::thread::scope(|scope| {
            let others = scope.spawn(|| (0..1_000_000).for_each(|_| drop(shared.put_in_force())));
            for mebibytes in (64..96).cycle() {
                let budget = format!("{mebibytes}MiB");
                monitor.configure([("budget", budget)]).expect("a budget");
                assert_eq!(monitor.budget_bytes(), mebibytes * MIB);
                if others.is_finished() {
                    return;
                }
            }
        });
    }
}
