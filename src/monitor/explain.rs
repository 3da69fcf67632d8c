//! Why memory grows, for whoever asks: the facts are collected here, and judged in `export/explain`.

use super::Handle;
use crate::export::explain::{Explanation, Facts, baseline};
use crate::policy::baseline::WINDOW;
use crate::policy::forecast::Growth;
use crate::snapshot::Moment;
use std::time::Duration;

/// Long enough for growth to be known.
const LOOK: Duration = Duration::from_secs(10);

impl Handle {
    /// Why memory is as it is, in one report: level and budget, what grows and how fast, which lines of the ledger and which
    /// caches changed most in the last five minutes, what no cache accounts for, what went wrong, and what to do next.
    ///
    /// While it is not known whether anything grows, since the monitor is young or ticks seldom, asking has it tick each second
    /// for ten seconds: ask again after six.
    ///
    /// Where a heap profile runs, the functions that hold what has grown are named: that takes a moment, the first time some
    /// tenths of a second or a few seconds, and is waited for. It is done at most once in five seconds.
    ///
    /// Figures are those of [`Handle::status`] and of the history; what is concluded from them is an estimate, and says so.
    /// Costs what [`Handle::status`] and [`Handle::history`] do.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let explanation = monitor.explain();
    /// assert!(explanation.verdict.len() <= 3);
    /// println!("{explanation}");
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn explain(&self) -> Explanation {
        self.wait_for_look();
        self.explain_as_known()
    }

    /// The same without waiting for the heap profile.
    pub(crate) fn explain_as_known(&self) -> Explanation {
        let status = self.status();
        if status.forecast.growth == Growth::Unknown && self.is_running() {
            self.watch_for(LOOK);
        }
        let history = self.history();
        let before = baseline(&history, &status.snapshot, WINDOW);
        let caches = before.map(|before| self.shared.caches.lines_at(before.uptime()));
        Explanation::of(&Facts {
            status: &status,
            oldest: history.first(),
            before,
            caches_before: caches.as_deref().unwrap_or_default(),
            events: &self.events_since(0).events,
            scope: self.shared.scope(),
            grown: self.shared.grown(Moment::now()),
        })
    }
}
