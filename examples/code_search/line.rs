//! The line that is held: the monitor, and room made below the line before memory is taken.

use crate::Result;
use crate::answers::Answers;
use crate::projects::Projects;
use bytesize::ByteSize;
use plimsoll::{Budget, CacheSpec, EvictionStatistics, Level, Monitor, Priority, Snapshot};
use std::time::Duration;

/// Indexing takes tens of megabytes a second: the default of 30 s would see it when it is over.
const INTERVAL: Duration = Duration::from_millis(50);
/// Room is made up to here; what is above is for what was guessed too low.
const CEILING_PERCENT: u64 = 90;
/// What the program itself comes to need besides: the caches' tables, what to ask, jemalloc's records.
const OWN: u64 = 3 << 20;
/// Evictions for one request for room: freed objects do not always free whole pages.
const TRIES: u32 = 20;

/// The monitor, and the highest usage it has seen.
pub(crate) struct Line {
    monitor: Monitor,
    highest_percent: f64,
}

impl Line {
    /// Starts to hold the process to `budget`.
    pub(crate) fn start(budget: Budget) -> Result<Self> {
        let monitor = Monitor::builder().budget(budget).interval(INTERVAL).start()?;
        Ok(Line { monitor, highest_percent: 0.0 })
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
        let least = (self.usage_bytes() + OWN + need) * 100 / CEILING_PERCENT;
        if least <= self.budget_bytes() {
            return Ok(());
        }
        let (budget, least) = (size(self.budget_bytes()), size(least.next_multiple_of(1 << 20)));
        Err(format!("budget of {budget}: too small for these sources, which need {least}").into())
    }

    /// Evicts until `need` more bytes fit under the line.
    pub(crate) fn make_room(&mut self, need: u64) -> Result<()> {
        for _ in 0..TRIES {
            let missing = self.missing(need);
            if missing == 0 {
                return Ok(());
            }
            if self.monitor.evict(missing)?.memory_freed_bytes.unwrap_or(0) == 0 {
                // Nothing is left to evict; what was evicted before is still on its way back to the system.
                std::thread::sleep(INTERVAL);
            }
        }
        // What is above the ceiling is there for this; beyond the budget the line would not hold.
        let above = self.budget_bytes() / 100 * (100 - CEILING_PERCENT);
        if self.missing(need) <= above { Ok(()) } else { Err(self.no_room(need)) }
    }

    /// How much more than there is below the ceiling.
    fn missing(&mut self, need: u64) -> u64 {
        let ceiling = self.budget_bytes() / 100 * CEILING_PERCENT;
        (self.usage_bytes() + need).saturating_sub(ceiling)
    }

    fn no_room(&mut self, need: u64) -> Box<dyn std::error::Error> {
        let (budget, used) = (size(self.budget_bytes()), size(self.usage_bytes()));
        let ledger = self.monitor.ledger();
        format!(
            "budget of {budget}: {used} in use, {} needed, nothing to evict\n{ledger}",
            size(need)
        )
        .into()
    }

    /// What counts against the budget now: as the monitor has it, or the live bytes where these are more. The
    /// monitor leaves out pages that jemalloc could give back, and some of these were never touched.
    fn usage_bytes(&mut self) -> u64 {
        let now = self.monitor.snapshot();
        self.see(&now);
        now.usage_bytes().max(now.live_bytes()).unwrap_or(0)
    }

    fn see(&mut self, snapshot: &Snapshot) {
        self.highest_percent = self.highest_percent.max(snapshot.usage_percent().unwrap_or(0.0));
    }

    /// The last snapshot, what was evicted, and the highest usage of any snapshot in percent.
    pub(crate) fn result(&mut self) -> (Snapshot, EvictionStatistics, f64) {
        let last = self.monitor.snapshot();
        self.see(&last);
        let highest = self.highest_percent.max(self.monitor.peak_usage_percent().unwrap_or(0.0));
        (last, self.monitor.eviction_statistics(), highest)
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
