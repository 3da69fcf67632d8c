//! The monitor: one thread that reads, judges, remembers and acts, and the handle to it.
//!
//! ```text
//! builder.rs   settings.rs          what it should be like; builder, environment, default
//! run.rs  wake.rs  alarm.rs         the thread and how it is woken: by others, by allocations
//! tick.rs                           read -> judge -> remember -> act
//! order.rs  evicting.rs  under_way.rs  who wants memory, and who is asked for it, one at a time
//! registry.rs  caches.rs  farewell.rs  the caches; how they are registered, how they have done, how they leave
//! asking.rs                         evictions that a caller asks for, and what they would come to
//! worker.rs                         the thread on which caches' code and purges run
//! purging.rs  purge_job.rs  purge_on_call.rs  purges: begun and learnt from; carried out; called for
//! allocator.rs                      jemalloc's own purging set up, its options checked
//! courier.rs                        the thread on which event sinks run
//! budget.rs                         the budget in force, read again and told to everybody
//! shared.rs                         what the handle and the thread share
//! brake.rs  account.rs  admission.rs  braking.rs  who may grow, and who waits for it
//! outlook.rs                        what is asked of the last tick's forecast
//! reply.rs                          answers for threads and tasks
//! global.rs                         one monitor for the whole process
//! ```

mod account;
mod admission;
mod alarm;
mod allocator;
mod asking;
mod brake;
mod braking;
mod budget;
mod builder;
mod caches;
mod courier;
mod evicting;
mod farewell;
mod global;
mod order;
mod outlook;
mod purge_job;
mod purge_on_call;
mod purging;
mod registry;
mod reply;
mod run;
mod settings;
mod shared;
mod tick;
mod under_way;
mod wake;
mod worker;

pub use account::BrakeStatistics;
pub use admission::Admission;
pub use brake::Brake;
pub use builder::Builder;
pub use caches::CacheHandle;
pub use global::{
    health_check, health_check_async, metrics, monitor, start_monitoring, start_monitoring_with,
    stop_monitoring, stop_monitoring_async,
};
pub use settings::{Origin, Setting};

use crate::error::Error;
use crate::event::Event;
use crate::eviction::EvictionStatistics;
use crate::export::report::{HealthReport, Metrics, MetricsReport, Profiler, RingStatistics};
use crate::ledger::Ledger;
use crate::level::Level;
use crate::policy::health::{Check, audit_check, own_checks};
use crate::policy::threshold::Thresholds;
use crate::policy::warning::Warning;
use crate::snapshot::{Moment, Snapshot};
use parking_lot::Mutex;
use reply::Reply;
use shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// A running monitor. Dropping it stops it.
///
/// It takes snapshots at an interval, holds them against the budget, asks registered caches for memory when the budget is
/// used up, and answers questions about all of it. Every method can be called from any thread; none waits for a
/// tick, and none makes an allocation elsewhere wait.
///
/// ```
/// use plimsoll::Monitor;
/// use std::sync::{Arc, Mutex};
///
/// #[global_allocator]
/// static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// fn main() -> Result<(), plimsoll::Error> {
///     let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
///     let pages = Arc::new(Mutex::new(vec![vec![0u8; 4096]; 1000]));
///     monitor.register("pages", move |bytes: u64| {
///         let mut pages = pages.lock().unwrap();
///         let keep = pages.len().saturating_sub(bytes.div_ceil(4096) as usize);
///         let freed = pages.len() - keep;
///         pages.truncate(keep);
///         freed as u64 * 4096
///     })?;
///     let result = monitor.evict(1 << 20)?;
///     assert_eq!(result.memory_freed_bytes, Some(1 << 20));
///     Ok(())
/// }
/// ```
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    has_stopped: Mutex<Option<Reply<()>>>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor")
            .field("budget_bytes", &self.budget_bytes())
            .field("level", &self.level())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

impl Monitor {
    /// A monitor with defaults for everything.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(shared: Arc<Shared>, thread: JoinHandle<()>, has_stopped: Reply<()>) -> Self {
        let (thread, has_stopped) = (Mutex::new(Some(thread)), Mutex::new(Some(has_stopped)));
        Monitor { shared, thread, has_stopped }
    }

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
        self.shared.settings.thresholds
    }

    /// The settings in force and where each came from.
    pub fn settings(&self) -> Vec<Setting> {
        self.shared.settings.report.clone()
    }

    /// Whether the monitor's thread runs: false once stopped, and in a forked child.
    pub fn is_running(&self) -> bool {
        self.shared.is_running()
    }

    /// Everything between the live bytes and the kernel's charge, now, with what the caches say they hold.
    pub fn ledger(&self) -> Ledger {
        let caches = self.shared.caches.lines();
        Ledger { caches, ..Ledger::of(&self.snapshot()) }
    }

    /// The warning in force, with what could be done; `None` below the warning threshold.
    pub fn warning(&self) -> Option<Warning> {
        let lines = self.shared.caches.lines();
        let caches: Vec<_> =
            lines.into_iter().map(|line| (line.name, line.reported_bytes)).collect();
        Warning::of(&self.latest()?, &self.shared.settings.thresholds, &caches)
    }

    /// The last events, oldest first; at most 256.
    pub fn events(&self) -> Vec<Event> {
        self.shared.history.lock().events.iter().cloned().collect()
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
        let now = self.snapshot();
        let history = self.shared.history.lock();
        let settings = &self.shared.settings;
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
            monitor_running: self.is_running(),
        }
    }

    /// All evictions so far.
    pub fn eviction_statistics(&self) -> EvictionStatistics {
        self.shared.history.lock().evictions.report()
    }

    /// Runs every check, the user's own on the calling thread.
    ///
    /// One of them holds the count against jemalloc's bins, as [`Audit::take`](crate::Audit::take) does.
    pub fn health_check(&self) -> HealthReport {
        health(&self.shared, user_checks(&self.shared))
    }

    /// As [`Monitor::health_check`], for callers that must not block: the user's checks run on a thread of their own, one
    /// at a time. While an earlier call's have not returned, that is a critical finding in their place.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub async fn health_check_async(&self) -> Result<HealthReport, Error> {
        // Acquire and release: whoever gets the turn goes after the one before.
        if self.shared.checking.swap(true, Ordering::Acquire) {
            let late = Check::critical("the checks of an earlier call have not returned");
            return Ok(health(&self.shared, vec![("user_checks".into(), late)]));
        }
        let (replier, reply) = reply::channel();
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name("plimsoll-health".into()).spawn(move || {
            let checks = user_checks(&shared);
            shared.checking.store(false, Ordering::Release);
            replier.send(checks);
        });
        if let Err(source) = thread {
            self.shared.checking.store(false, Ordering::Release);
            return Err(Error::Monitoring { what: "starting a thread for the checks", source });
        }
        let checks = reply.await.map_err(|_| Error::NotRunning)?;
        Ok(health(&self.shared, checks))
    }

    /// Stops the monitor and waits for its thread: milliseconds, whatever the interval. History can still be read.
    ///
    /// A cache whose code is running is not waited for.
    pub fn stop(&self) {
        self.signal_stop();
        if self.shared.wake.is_own_thread() {
            // Called by something that runs on the very thread it would wait for.
            return;
        }
        // Held while joining, so that a second caller comes back no earlier than the first.
        let mut thread = self.thread.lock();
        let Some(thread) = thread.take() else { return };
        if self.shared.pid != std::process::id() {
            // In a forked child the thread does not exist; joining it would never end.
            std::mem::forget(thread);
        } else if thread.join().is_err() {
            // Its loop catches panics; what is left of one is not ours to pass on from a destructor.
            self.shared.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// As [`Monitor::stop`], for callers that must not block.
    pub async fn stop_async(&self) {
        self.signal_stop();
        let has_stopped = self.has_stopped.lock().take();
        if let Some(has_stopped) = has_stopped {
            // Closed without an answer means that it has ended too.
            let _ = has_stopped.await;
        }
        self.stop();
    }

    fn signal_stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.wake.notify();
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn health(shared: &Shared, user_checks: Vec<(String, Check)>) -> HealthReport {
    let moment = Moment::now();
    let newest = shared.history.lock().newest.clone();
    // Before the first tick there is none: whoever asks so early shall not be told that nothing is known.
    let newest = newest.unwrap_or_else(|| shared.read(moment));
    let (vitals, words) = (shared.vitals(moment.instant), shared.words(moment.instant));
    let mut checks = own_checks(Some(&newest), shared.settings.growth, &vitals, &words);
    checks.push(audit_check(shared.audit().as_ref()));
    checks.push(allocator::check(shared, &newest, moment.instant));
    checks.extend(user_checks);
    HealthReport::new(moment, shared.level(), checks)
}

/// Runs the user's checks on the calling thread.
fn user_checks(shared: &Shared) -> Vec<(String, Check)> {
    let run = |(name, check): &shared::UserCheck| {
        let panicked = |message| Check::critical(format!("the check panicked: {message}"));
        (name.clone(), worker::caught(check).unwrap_or_else(panicked))
    };
    shared.checks.iter().map(run).collect()
}
