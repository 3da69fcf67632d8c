//! The handle: what a monitor knows, for whoever asks.

use super::builder;
use super::shared::Shared;
use crate::error::Error;
use crate::event::{Event, EventLog, NumberedEvent};
use crate::eviction::EvictionStatistics;
use crate::export::report::{Metrics, MetricsReport, Profiler, RingStatistics};
use crate::ledger::Ledger;
use crate::level::Level;
use crate::policy::threshold::Thresholds;
use crate::policy::warning::Warning;
use crate::setting::Setting;
use crate::snapshot::{Moment, Snapshot};
use std::sync::Arc;

/// A way to ask a monitor, and to have it act, that does not keep it running: for tasks, layers and surfaces.
///
/// Cheap to clone. A [`Monitor`](crate::Monitor) is one that runs: whatever a handle can do, it can do too. Once the monitor
/// has been stopped its handles still tell what it knew. Every method can be called from any thread; none waits for a
/// tick, and none makes an allocation elsewhere wait.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// let handle = monitor.handle();
/// std::thread::spawn(move || println!("{}", handle.ledger())).join().unwrap();
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("budget_bytes", &self.budget_bytes())
            .field("level", &self.level())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// Reads everything now. Not kept in the history; level and growth are those of the last tick.
    ///
    /// Costs what jemalloc needs to gather its statistics (tens of microseconds) and some ten microseconds more.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.read(Moment::now())
    }

    /// The last snapshot the monitor took; `None` before the first.
    pub fn latest(&self) -> Option<Snapshot> {
        self.shared.history.lock().newest.clone()
    }

    /// Every snapshot in the ring, from the oldest to the newest: one an interval, and one at every change of level.
    pub fn history(&self) -> Vec<Snapshot> {
        // Room is made before the lock is taken: the monitor's thread shall not wait for an allocation.
        let room = self.shared.history.lock().ring.len() + 1;
        let mut snapshots = Vec::with_capacity(room);
        snapshots.extend(self.shared.history.lock().ring.iter().cloned());
        snapshots
    }

    /// How full the budget was at the last tick.
    pub fn level(&self) -> Level {
        self.shared.level()
    }

    /// The thresholds in force.
    pub fn thresholds(&self) -> Thresholds {
        self.shared.settings().thresholds
    }

    /// The settings in force and where each came from.
    pub fn settings(&self) -> Vec<Setting> {
        self.shared.settings().report.clone()
    }

    /// Whether the monitor's thread runs: false once stopped, and in a forked child.
    pub fn is_running(&self) -> bool {
        self.shared.is_running()
    }

    /// Everything between the live bytes and the kernel's charge, now, with what the caches say they hold.
    pub fn ledger(&self) -> Ledger {
        self.ledger_of(&self.snapshot())
    }

    pub(super) fn ledger_of(&self, snapshot: &Snapshot) -> Ledger {
        let (caches, sources) = (self.shared.caches.lines(), self.shared.figures.sources());
        Ledger { caches, sources, ..Ledger::of(snapshot) }
    }

    /// The warning in force, with what could be done; `None` below the warning threshold.
    pub fn warning(&self) -> Option<Warning> {
        let lines = self.shared.caches.lines();
        let caches: Vec<_> =
            lines.into_iter().map(|line| (line.name, line.reported_bytes)).collect();
        Warning::of(&self.latest()?, &self.shared.settings().thresholds, &caches)
    }

    /// The last events, oldest first; at most 256.
    pub fn events(&self) -> Vec<Event> {
        self.shared.history.lock().events.iter().cloned().collect()
    }

    /// The events from number `since` on, as far as they are remembered: whoever asks again with `next` misses none, or sees by
    /// `first` that it did.
    ///
    /// ```
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let log = monitor.events_since(0);
    /// assert_eq!(log.events[0].event.kind.event_type(), "monitor_started");
    /// assert!(monitor.events_since(log.next).first <= log.next);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn events_since(&self, since: u64) -> EventLog {
        let history = self.shared.history.lock();
        let next = history.events_total;
        let first = next - history.events.len() as u64;
        let numbered = (first..).zip(&history.events).filter(|(sequence, _)| *sequence >= since);
        let events = numbered
            .map(|(sequence, event)| NumberedEvent { sequence, event: event.clone() })
            .collect();
        EventLog { first, next, events }
    }

    /// Events that the sinks were too slow for.
    pub fn dropped_events(&self) -> u64 {
        self.shared.courier.dropped()
    }

    /// Sets a key and value that every snapshot from now on carries.
    ///
    /// # Errors
    /// For more than 16 pairs, a key of more than 64 bytes or a value of more than 256, and for plimsoll's own keys.
    pub fn set_metadata(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), Error> {
        let mut metadata = self.shared.metadata.lock();
        let mut changed = metadata.as_ref().clone();
        changed.user.insert(key.into(), value.into());
        builder::check_metadata(&changed.user)?;
        *metadata = Arc::new(changed);
        Ok(())
    }

    /// The figures of now and the statistics of the ring, as JSON-ready data.
    pub fn metrics(&self) -> MetricsReport {
        let (now, own_metrics) = (self.snapshot(), self.own_metrics());
        let history = self.shared.history.lock();
        let settings = self.shared.settings();
        let interval = settings.interval.as_secs_f64();
        MetricsReport {
            metrics: Metrics::new(&now, &history.evictions, history.crossings),
            profiler: Profiler {
                total_snapshots_taken: history.taken_total,
                current_snapshot_count: history.ring.len(),
                profiling_active: self.is_running(),
                ring: RingStatistics::of(history.ring.iter(), interval, history.ring.capacity()),
            },
            forecast: history.forecast,
            usage: history.usage,
            own_metrics,
            monitor_running: self.is_running(),
        }
    }

    /// All evictions so far.
    pub fn eviction_statistics(&self) -> EvictionStatistics {
        self.shared.history.lock().evictions.report()
    }
}
