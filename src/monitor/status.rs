//! Everything at once, for surfaces: the status, and looks that they want between ticks.
#![cfg_attr(not(feature = "http"), allow(dead_code, reason = "only surfaces ask"))]

use super::Handle;
#[cfg(feature = "http")]
use super::serving::Listening;
use super::settings::Serving;
use crate::export::history::{Columns, Wanted};
use crate::export::status::{
    BudgetStatus, EventTotals, ProcessInfo, Status, Surfaces, ThresholdStatus,
};
use crate::policy::warning::Warning;
use crate::snapshot::Moment;
use std::time::Duration;

impl Handle {
    /// Everything that is known now, in one report: what every surface shows.
    ///
    /// Costs what [`Handle::snapshot`] does, and some ten microseconds more.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// let status = monitor.status();
    /// assert_eq!(status.budget.bytes, 64 << 20);
    /// assert!(status.ledger.adds_up());
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn status(&self) -> Status {
        let moment = Moment::now();
        let snapshot = self.shared.read(moment);
        let (settings, budget) = (self.shared.settings(), self.shared.budget());
        let ledger = self.ledger_of(&snapshot);
        let caches = ledger.caches.iter().map(|line| (line.name.clone(), line.reported_bytes));
        let warning = Warning::of(&snapshot, &settings.thresholds, &caches.collect::<Vec<_>>());
        let (ticked, usage, forecast, crossings, events) = {
            let history = self.shared.history.lock();
            let ticked = history.newest.as_ref().map(|newest| newest.timestamp());
            (ticked, history.usage, history.forecast, history.crossings, history.events_total)
        };
        Status {
            schema_version: Status::SCHEMA_VERSION,
            timestamp: moment.epoch_secs(),
            process: self.process_at(moment),
            monitor_running: self.is_running(),
            ticked,
            level: snapshot.level(),
            budget: BudgetStatus::new(
                budget.bytes,
                budget.limit,
                budget.provenance.clone(),
                settings.meter,
            ),
            thresholds: ThresholdStatus::all(&settings.thresholds, budget.bytes),
            usage,
            snapshot,
            ledger,
            caches: self.caches(),
            forecast,
            leak: self.shared.leaks.status(),
            warning,
            evictions: self.eviction_statistics().into(),
            brake: self.brake_statistics(),
            limit_refusals: crate::counters::limit_refusals(),
            threshold_crossings: crossings,
            events: EventTotals { total: events, dropped: self.dropped_events() },
            #[cfg(feature = "recorder")]
            previous_run: self.shared.tape.previous().cloned(),
            own_metrics: self.own_metrics(),
            settings: settings.report.clone(),
            surfaces: Surfaces::of(settings.serving.http_actions),
        }
    }

    /// Whose figures these are, and since when.
    pub fn process(&self) -> ProcessInfo {
        self.process_at(Moment::now())
    }

    fn process_at(&self, now: Moment) -> ProcessInfo {
        let started = self.shared.started;
        let uptime = now.instant.saturating_duration_since(started.instant);
        ProcessInfo {
            pid: self.shared.pid,
            name: self.shared.program.clone(),
            plimsoll_version: env!("CARGO_PKG_VERSION"),
            run: format!("{}-{}", self.shared.pid, started.wall_micros),
            process_started: self.shared.process_started,
            started: started.epoch_secs(),
            uptime_seconds: uptime.as_secs_f64(),
        }
    }

    /// The ring as columns.
    pub(crate) fn columns(&self, wanted: &Wanted) -> Columns {
        let settings = self.shared.settings();
        let (run, interval) = (self.process().run, settings.interval.as_secs_f64());
        Columns::of(&self.history(), wanted, run, interval, settings.ring)
    }

    /// Whether the monitor ticks as it should: false once stopped, in a forked child, and when it hangs.
    pub fn is_ticking(&self) -> bool {
        let now = Moment::now().instant;
        let vitals = self.shared.vitals(now);
        // Before the first tick, since its start.
        let silent_for =
            vitals.silent_for.unwrap_or_else(|| now.duration_since(self.shared.started.instant));
        vitals.running && silent_for <= vitals.silence_limit
    }

    /// Has the monitor tick soon if it has not for `age`: for a surface that is about to be asked again.
    /// Says whether it was asked to.
    pub(crate) fn look_if_older(&self, age: Duration) -> bool {
        let now = Moment::now().instant;
        let last = self.shared.history.lock().last_tick;
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= age);
        if is_due && self.is_running() {
            self.shared.request_look();
        }
        is_due && self.is_running()
    }

    /// Has the monitor tick each second for `time`, so that it is known where the usage is going.
    pub(crate) fn watch_for(&self, time: Duration) {
        *self.shared.watched_until.lock() = Some(Moment::now().instant + time);
        self.shared.request_look();
    }

    /// How the monitor is to be shown.
    pub(crate) fn serving(&self) -> Serving {
        self.shared.settings().serving.clone()
    }

    /// Where it is shown.
    #[cfg(feature = "http")]
    pub(crate) fn listening(&self) -> &Listening {
        &self.shared.listening
    }

    /// Ticks so far.
    pub(crate) fn ticks(&self) -> u64 {
        self.shared.history.lock().taken_total
    }
}
