//! The line that is held: the monitor, and room made below the line before memory is taken.

use crate::Result;
use crate::answers::Answers;
use crate::projects::Projects;
use bytesize::ByteSize;
use plimsoll::{Budget, CacheSpec, EvictionStatistics, Level, Monitor, Priority, Snapshot};
use std::time::{Duration, Instant};

/// Indexing takes tens of megabytes a second: the default of 30 s would see it when it is over.
const INTERVAL: Duration = Duration::from_millis(50);
/// Snapshots kept: two and a half minutes of them.
const SNAPSHOTS: usize = 3000;
/// How often what is in the history is taken in; well before it is overwritten.
const TAKEN_IN: Duration = Duration::from_secs(30);
/// Room is made up to here; what is above is for what was guessed too low.
const CEILING_PERCENT: u64 = 90;
/// Evictions for one request for room: freed objects do not always free whole pages.
const TRIES: u32 = 6;

/// The monitor, and the highest usage it has seen.
pub(crate) struct Line {
    monitor: Monitor,
    highest_percent: f64,
    taken_in: Instant,
}

impl Line {
    /// Starts to hold the process to `budget`.
    pub(crate) fn start(budget: Budget) -> Result<Self> {
        let monitor = Monitor::builder().budget(budget).interval(INTERVAL).ring(SNAPSHOTS).start()?;
        Ok(Line { monitor, highest_percent: 0.0, taken_in: Instant::now() })
    }

    /// Puts both caches at the monitor's disposal, long before it is an emergency. Answers are cheaper to have again.
    pub(crate) fn register(&self, projects: &Projects, answers: &Answers) -> Result<()> {
        let spec = |name, priority| CacheSpec::new(name).priority(priority).from(Level::Caution);
        self.monitor.register(spec("queries", Priority::Low), answers.clone())?;
        self.monitor.register(spec("projects", Priority::Normal), projects.clone())?;
        Ok(())
    }

    pub(crate) fn budget_bytes(&self) -> u64 {
        self.monitor.budget_bytes()
    }

    /// Fails when `need` could not be had even with both caches empty.
    pub(crate) fn check_holds(&mut self, need: u64) -> Result<()> {
        let least = (self.usage_bytes() + need) * 100 / CEILING_PERCENT;
        if least <= self.budget_bytes() {
            return Ok(());
        }
        let (budget, least) = (size(self.budget_bytes()), size(least.next_multiple_of(1 << 20)));
        Err(format!("budget of {budget}: too small for these sources, which need {least}").into())
    }

    /// Evicts until `need` more bytes fit under the line.
    pub(crate) fn make_room(&mut self, need: u64) -> Result<()> {
        let ceiling = self.budget_bytes() / 100 * CEILING_PERCENT;
        for _ in 0..TRIES {
            let missing = (self.usage_bytes() + need).saturating_sub(ceiling);
            if missing == 0 {
                return Ok(());
            }
            self.monitor.evict(missing)?;
        }
        // What is above the ceiling is there for this; beyond it the line would not hold.
        match self.usage_bytes() + need <= self.budget_bytes() {
            true => Ok(()),
            false => Err(self.no_room(need)),
        }
    }

    fn no_room(&mut self, need: u64) -> Box<dyn std::error::Error> {
        let (budget, used) = (size(self.budget_bytes()), size(self.usage_bytes()));
        let ledger = self.monitor.ledger();
        format!("budget of {budget}: {used} in use, {} needed, nothing to evict\n{ledger}", size(need)).into()
    }

    /// What counts against the budget now.
    fn usage_bytes(&mut self) -> u64 {
        let now = self.monitor.snapshot();
        self.see(&now);
        now.usage_bytes().unwrap_or(0)
    }

    fn see(&mut self, snapshot: &Snapshot) {
        self.highest_percent = self.highest_percent.max(snapshot.usage_percent().unwrap_or(0.0));
    }

    /// Takes in what the monitor has seen on its own; cheap unless it is time to.
    pub(crate) fn keep_watch(&mut self) {
        if self.taken_in.elapsed() >= TAKEN_IN {
            self.take_in();
        }
    }

    fn take_in(&mut self) {
        self.monitor.history().iter().for_each(|snapshot| self.see(snapshot));
        self.taken_in = Instant::now();
    }

    /// The last snapshot, what was evicted, and the highest usage of any snapshot in percent.
    pub(crate) fn result(&mut self) -> (Snapshot, EvictionStatistics, f64) {
        let last = self.monitor.snapshot();
        self.see(&last);
        self.take_in();
        (last, self.monitor.eviction_statistics(), self.highest_percent)
    }

    /// Where the memory is, line by line.
    pub(crate) fn ledger(&self) -> String {
        self.monitor.ledger().to_string()
    }
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}
