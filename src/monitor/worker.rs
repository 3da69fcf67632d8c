//! A thread that runs other people's code (caches) or slow calls (purges), one job at a time, so that what hangs or
//! panics there never holds up the monitor.

use super::purge_job::Purged;
use super::registry::Entry;
use super::wake::Wake;
use crate::cache::Ask;
use crate::counters::{self, Counts};
use crate::error::Error;
use crate::source::CountSource;
use parking_lot::{Condvar, Mutex};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

thread_local! {
    static EVICTS: Cell<bool> = const { Cell::new(false) };
}

/// Whether an eviction needs the calling thread (the monitor's, or one that runs the caches' code): it must not wait for one.
pub(super) fn evicts() -> bool {
    EVICTS.with(Cell::get)
}

/// Says that evictions need the calling thread.
pub(super) fn now_evicts() {
    EVICTS.with(|flag| flag.set(true));
    counters::use_reserve();
}

/// What a worker can be told to do.
pub(super) enum Job {
    /// Ask every cache that may be called at this moment what it holds.
    Survey(Arc<[Arc<Entry>]>, Instant),
    /// Ask one cache to shrink.
    Shrink(Arc<Entry>, Ask),
    /// Set ceilings, or lift them.
    Ceilings(Vec<Ceiling>),
    /// Give jemalloc's unused pages back to the system.
    Purge(PurgeTask),
}

/// A purge as it is run: what came of it, or `None` where jemalloc does not serve the heap.
pub(super) type PurgeTask = Box<dyn FnOnce() -> Option<Purged> + Send>;

/// What a cache may hold from now on; `None` for as much as it was made for.
pub(super) type Ceiling = (Arc<Entry>, Option<u64>);

/// What came of it.
pub(super) enum Outcome {
    /// The caches that panicked when asked, with what they said.
    Surveyed(Vec<(Arc<Entry>, String)>),
    Shrunk(Answer),
    /// Whether each keeps its ceiling, or what it said when it panicked.
    CeilingsSet(Vec<(Ceiling, Result<bool, String>)>),
    /// Or what it said when it panicked.
    Purged(Result<Option<Box<Purged>>, String>),
}

/// What a cache answered, and what it really did.
pub(super) struct Answer {
    /// Its claim, or what it said when it panicked.
    pub(super) claimed: Result<u64, String>,
    /// Measured; `None` where nothing is counted.
    pub(super) freed: Option<u64>,
    /// Live bytes of the process when it was asked.
    pub(super) live_before: Option<i64>,
    /// Whether it keeps the ceiling that came with the ask; `None` when none did.
    pub(super) keeps_ceiling: Option<bool>,
}

struct Desk {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    outcome: Option<Outcome>,
    /// Whose code is running.
    at_work_on: Option<Arc<Entry>>,
    /// Calls begun so far: each has the whole time-out for itself.
    calls: u64,
    closed: bool,
}

struct Running {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
    busy_since: Option<Instant>,
    calls_seen: u64,
}

/// A worker as the monitor's thread has it: started with the first job, given up when it hangs.
pub(super) struct Worker {
    name: &'static str,
    wake: Arc<Wake>,
    counts: Option<CountSource>,
    running: Option<Running>,
}

impl Worker {
    /// `wake` is notified when a job is done.
    pub(super) fn new(name: &'static str, wake: Arc<Wake>, counts: Option<CountSource>) -> Self {
        Worker { name, wake, counts, running: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy_since().is_none()
    }

    pub(super) fn busy_since(&self) -> Option<Instant> {
        self.running.as_ref()?.busy_since
    }

    /// Hands over a job; the worker must be idle.
    pub(super) fn submit(&mut self, job: Job, now: Instant) -> Result<(), Error> {
        let running = match self.running.take() {
            Some(running) => running,
            None => self.spawn()?,
        };
        running.desk.state.lock().job = Some(job);
        running.desk.called.notify_one();
        self.running = Some(Running { busy_since: Some(now), ..running });
        Ok(())
    }

    /// What came of the last job, once.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let running = self.running.as_mut()?;
        let outcome = running.desk.state.lock().outcome.take()?;
        running.busy_since = None;
        Some(outcome)
    }

    /// Whether one call has been under way for `timeout`, as seen now and then by the monitor.
    pub(super) fn has_hung(&mut self, now: Instant, timeout: Duration) -> bool {
        let Some(running) = &mut self.running else { return false };
        let calls = running.desk.state.lock().calls;
        if calls != running.calls_seen {
            running.calls_seen = calls;
            running.busy_since = running.busy_since.map(|_| now);
        }
        running.busy_since.is_some_and(|since| now.saturating_duration_since(since) >= timeout)
    }

    /// Gives up a worker that hangs; returns the cache whose code it runs. Its thread ends when that code does.
    pub(super) fn abandon(&mut self) -> Option<Arc<Entry>> {
        let running = self.running.take()?;
        let mut state = running.desk.state.lock();
        state.closed = true;
        state.at_work_on.clone()
    }

    /// Ends the worker: waits for it when it is idle, leaves it to its job when it is not.
    pub(super) fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.desk.state.lock().closed = true;
        running.desk.called.notify_one();
        if running.busy_since.is_none() {
            // It runs none of the caches' code now, so it ends at once; it cannot have panicked.
            let _ = running.thread.join();
        }
    }

    fn spawn(&self) -> Result<Running, Error> {
        let desk = Arc::new(Desk { state: Mutex::default(), called: Condvar::new() });
        let bench =
            Bench { desk: desk.clone(), wake: self.wake.clone(), counts: self.counts.clone() };
        let thread = Builder::new()
            .name(self.name.into())
            .spawn(move || bench.run())
            .map_err(|source| Error::Monitoring { what: "starting a worker thread", source })?;
        Ok(Running { desk, thread, busy_since: None, calls_seen: 0 })
    }
}

/// A worker as its own thread has it.
struct Bench {
    desk: Arc<Desk>,
    wake: Arc<Wake>,
    counts: Option<CountSource>,
}

impl Bench {
    fn run(self) {
        now_evicts();
        while let Some(job) = self.next_job() {
            let outcome = match job {
                Job::Survey(entries, now) => Outcome::Surveyed(self.survey(&entries, now)),
                Job::Shrink(entry, ask) => Outcome::Shrunk(self.shrink(&entry, &ask)),
                Job::Ceilings(ceilings) => Outcome::CeilingsSet(self.set_ceilings(ceilings)),
                Job::Purge(task) => Outcome::Purged(caught(|| task().map(Box::new))),
            };
            let mut state = self.desk.state.lock();
            state.at_work_on = None;
            state.outcome = Some(outcome);
            drop(state);
            self.wake.notify();
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.desk.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.job.take() {
                return Some(job);
            }
            self.desk.called.wait(&mut state);
        }
    }

    fn survey(&self, entries: &[Arc<Entry>], now: Instant) -> Vec<(Arc<Entry>, String)> {
        let mut panicked = Vec::new();
        for entry in entries.iter().filter(|entry| entry.may_be_called(now)) {
            match self.call(entry, || entry.survey()) {
                None => break,
                Some(Ok(())) => {}
                Some(Err(message)) => panicked.push((entry.clone(), message)),
            }
        }
        panicked
    }

    fn shrink(&self, entry: &Arc<Entry>, ask: &Ask) -> Answer {
        let before = self.reading();
        let claimed = self.call(entry, || entry.cache.shrink(ask).freed_bytes);
        let claimed = claimed.unwrap_or_else(|| Err("given up before it was asked".into()));
        // Within the measurement, and after the shrinking: what has come back meanwhile goes again.
        let keeps_ceiling = ask
            .ceiling
            .filter(|_| claimed.is_ok())
            .and_then(|ceiling| self.call(entry, || entry.set_ceiling(Some(ceiling)))?.ok());
        let live_before = before.as_ref().map(|before| before.process);
        let freed = before.zip(self.reading()).map(|(before, after)| {
            let (thread, process) = (before.thread - after.thread, before.process - after.process);
            credited(thread, process, *claimed.as_ref().unwrap_or(&0))
        });
        Answer { claimed, freed, live_before, keeps_ceiling }
    }

    fn set_ceilings(&self, ceilings: Vec<Ceiling>) -> Vec<(Ceiling, Result<bool, String>)> {
        let mut set = Vec::with_capacity(ceilings.len());
        for (entry, ceiling) in ceilings {
            let Some(keeps) = self.call(&entry, || entry.set_ceiling(ceiling)) else { break };
            set.push(((entry, ceiling), keeps));
        }
        set
    }

    /// Runs a cache's code, noted on the desk; `None` when this worker has been given up meanwhile.
    fn call<T>(&self, entry: &Arc<Entry>, code: impl FnOnce() -> T) -> Option<Result<T, String>> {
        let mut state = self.desk.state.lock();
        if state.closed {
            return None;
        }
        state.at_work_on = Some(entry.clone());
        state.calls += 1;
        drop(state);
        entry.set_busy(true);
        let result = caught(code);
        entry.set_busy(false);
        Some(result)
    }

    fn reading(&self) -> Option<Reading> {
        let process = self.counts.as_ref()?.read()?;
        let live = |counts: &Counts| {
            counts.alloc_bytes_total.wrapping_sub(counts.free_bytes_total).cast_signed()
        };
        let thread = match self.counts {
            Some(CountSource::Wrapper) => counters::thread_counts().as_ref().map_or(0, live),
            _ => 0,
        };
        Some(Reading { thread, process: live(&process) })
    }
}

/// Live bytes as the calling thread has left them, and as the process has.
struct Reading {
    thread: i64,
    process: i64,
}

/// What a cache is credited with: what its own thread freed, and what other threads freed meanwhile as far as it says
/// that it had them do so. What others allocate or free on their own account is neither its merit nor its fault.
fn credited(by_thread: i64, by_process: i64, claimed: u64) -> u64 {
    let own = by_thread.max(0).cast_unsigned();
    let by_others = by_process.saturating_sub(by_thread).max(0).cast_unsigned();
    own + by_others.min(claimed.saturating_sub(own))
}

/// Runs a user's code; a panic becomes its message.
pub(super) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panicked").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_goes_to_what_was_freed_not_to_what_was_claimed() {
        assert_eq!(credited(100, 100, 800), 100, "a liar");
        assert_eq!(credited(100, 0, 100), 100, "others allocated meanwhile");
        assert_eq!(credited(0, 100, 100), 100, "it had another thread free");
        assert_eq!(credited(0, 500, 100), 100, "others freed on their own account");
        assert_eq!(credited(-50, -50, 100), 0, "it allocated");
        assert_eq!(credited(100, 500, 0), 100, "a modest one");
    }

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 5), Ok(5));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any("static") }), Err("static".into()));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(format!("{}", 7)) }), Err("7".into()));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(7) }), Err("panicked".into()));
    }
}
