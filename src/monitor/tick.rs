//! One tick: read, judge, remember, act. Allocates nothing while nothing changes.

use super::evicting::{Evictor, Finished, Order, Orderer};
use super::shared::Shared;
use super::worker::{Job, Outcome, Worker};
use crate::event::EventKind;
use crate::eviction::EvictionResult;
use crate::export::log;
use crate::level::Level;
use crate::metric::FloatField;
use crate::policy::eviction::{Pace, target};
use crate::policy::health::{HealthStatus, overall, own_checks};
use crate::policy::purge::UnderWay;
use crate::policy::threshold::{LevelTracker, Threshold, Transition};
use crate::policy::{purge, trend};
use crate::snapshot::{Moment, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Purges are at least this far apart: pages that are wanted again would be zeroed for nothing.
const BETWEEN_PURGES: Duration = Duration::from_secs(1);

/// What the monitor's thread keeps from tick to tick.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    tracker: LevelTracker,
    pub(super) evictor: Evictor,
    purger: Worker,
    purge: Option<(Instant, u64)>,
    last_purge: Option<Instant>,
    pace: Pace,
    /// The usage when the last automatic eviction ended, what it freed, and when the next may begin.
    after_eviction: Option<AfterEviction>,
    gave_up: bool,
    usage_known: bool,
    health: HealthStatus,
    next_tick: Instant,
}

#[derive(Clone, Copy)]
struct AfterEviction {
    usage_before: u64,
    freed: u64,
    ended: Instant,
    judged: bool,
}

impl Ticker {
    pub(super) fn new(shared: Arc<Shared>, evictor: Evictor, purger: Worker, now: Instant) -> Self {
        Ticker {
            shared,
            tracker: LevelTracker::new(),
            evictor,
            purger,
            purge: None,
            last_purge: None,
            pace: Pace::default(),
            after_eviction: None,
            gave_up: false,
            usage_known: true,
            health: HealthStatus::Healthy,
            next_tick: now,
        }
    }

    /// Does whatever is due at `moment`.
    pub(super) fn step(&mut self, moment: Moment) {
        self.collect_purge(moment.instant);
        if moment.instant >= self.next_tick {
            self.tick(moment);
        }
        while let Some(finished) = self.evictor.advance(&self.shared, moment.instant) {
            self.evicted(finished, moment.instant);
        }
    }

    /// When to wake up at the latest.
    pub(super) fn deadline(&self) -> Instant {
        let answers = self.evictor.deadline(self.shared.settings.hook_timeout);
        answers.map_or(self.next_tick, |answers| answers.min(self.next_tick))
    }

    pub(super) fn stop(&mut self) {
        self.evictor.stop(&self.shared);
        self.purger.stop();
    }

    /// The interval near the line is shorter.
    fn interval(&self) -> Duration {
        let most = match self.tracker.level() {
            Level::Healthy => Duration::MAX,
            Level::Caution => Duration::from_secs(1),
            Level::Warning | Level::Critical => Duration::from_millis(100),
        };
        self.shared.settings.interval.min(most)
    }

    fn tick(&mut self, moment: Moment) {
        let mut snapshot = self.shared.read(moment);
        let transition = self.judge(&mut snapshot, moment.instant);
        if log::wants_debug() {
            self.shared.emit(EventKind::snapshot_taken(&snapshot));
        }
        self.remember(&snapshot, moment.instant);
        self.report_usage_known(&snapshot);
        if let Some(transition) = transition {
            self.report_transition(transition, &snapshot);
        }
        self.purge_if_due(&snapshot, moment.instant);
        self.evict_if_due(&snapshot, moment.instant);
        self.report_health(&snapshot, moment.instant);
        self.evictor.survey(&self.shared, moment.instant);
        self.next_tick = moment.instant + self.interval();
    }

    fn judge(&mut self, snapshot: &mut Snapshot, now: Instant) -> Option<Transition> {
        let settings = &self.shared.settings;
        let transition = self.tracker.step(&settings.thresholds, snapshot.usage_percent(), now);
        snapshot.values.level = self.tracker.level();
        let growth = self.growth(snapshot);
        snapshot.values.set_float(FloatField::Growth, growth);
        transition
    }

    /// Over the growth window up to `newest`, which is not in the ring yet.
    fn growth(&self, newest: &Snapshot) -> Option<f64> {
        let history = self.shared.history.lock();
        let start = newest.uptime().saturating_sub(self.shared.settings.growth_window);
        let points = history.ring.iter().chain([newest]).filter(|s| s.uptime() >= start);
        trend::growth_per_sec(points.filter_map(|s| Some((s.uptime(), s.usage_bytes()?))))
    }

    fn remember(&mut self, snapshot: &Snapshot, now: Instant) {
        let mut history = self.shared.history.lock();
        history.ring.push(snapshot.clone());
        history.last_tick = Some(now);
    }

    fn report_usage_known(&mut self, snapshot: &Snapshot) {
        let known = snapshot.usage_percent().is_some();
        if self.usage_known && !known {
            let meter = self.shared.settings.meter.as_str();
            let message =
                format!("the meter {meter} cannot be read: the level stays {}", snapshot.level());
            self.shared.emit(EventKind::error("memory_error", message));
        }
        self.usage_known = known;
    }

    fn report_transition(&mut self, transition: Transition, snapshot: &Snapshot) {
        let (budget, thresholds) = (self.shared.budget.bytes, &self.shared.settings.thresholds);
        let percent = snapshot.usage_percent();
        for threshold in transition.crossed() {
            self.shared.history.lock().crossings.count(threshold);
            self.shared.emit(EventKind::threshold_crossed(
                threshold,
                snapshot.usage_bytes().unwrap_or(0),
                thresholds.bytes(threshold, budget),
                percent.unwrap_or(0.0),
            ));
        }
        let Transition { from, to } = transition;
        self.shared.emit(EventKind::LevelChanged { from, to, usage_percent: percent });
        self.gave_up &= to >= from;
    }

    fn purge_if_due(&mut self, snapshot: &Snapshot, now: Instant) {
        let dirty = snapshot.jemalloc_dirty_bytes();
        let rested = self
            .last_purge
            .is_none_or(|last| now.saturating_duration_since(last) >= BETWEEN_PURGES);
        let wanted = self.shared.settings.purge && rested && self.purger.is_idle();
        if wanted && purge::is_due(dirty, self.shared.budget.bytes, snapshot.level()) {
            self.last_purge = Some(now);
            *self.shared.purging.lock() =
                UnderWay::begin(snapshot.usage_bytes(), snapshot.jemalloc_active_bytes());
            match self.purger.submit(Job::Purge, now) {
                Ok(()) => self.purge = Some((now, dirty.unwrap_or(0))),
                Err(error) => {
                    *self.shared.purging.lock() = None;
                    self.shared.emit(EventKind::error(error.category(), error.to_string()))
                }
            }
        }
    }

    fn collect_purge(&mut self, now: Instant) {
        let Some(Outcome::Purged(success)) = self.purger.outcome() else { return };
        let Some((started, dirty_before_bytes)) = self.purge.take() else { return };
        *self.shared.purging.lock() = None;
        self.shared.history.lock().purges += 1;
        let duration_seconds = now.saturating_duration_since(started).as_secs_f64();
        self.shared.emit(EventKind::PurgeCompleted {
            dirty_before_bytes,
            success,
            duration_seconds,
        });
    }

    fn evict_if_due(&mut self, snapshot: &Snapshot, now: Instant) {
        let Some(usage) = snapshot.usage_bytes() else { return };
        self.judge_last_eviction(usage);
        let rested = self.after_eviction.is_none_or(|after| now >= after.ended + self.pace.pause());
        if snapshot.level() == Level::Healthy || !rested || !self.evictor.is_idle() {
            return;
        }
        let settings = &self.shared.settings;
        let budget = self.shared.budget.bytes;
        let line = settings.thresholds.bytes(Threshold::Warning, budget);
        let target = target(usage, line, budget, settings.eviction_target);
        let level = snapshot.level();
        let caches = self.shared.caches.all();
        if target == 0 {
            return;
        }
        if caches.iter().any(|entry| entry.spec.from <= level && !entry.is_quarantined(now)) {
            self.after_eviction =
                Some(AfterEviction { usage_before: usage, freed: 0, ended: now, judged: true });
            let order = Order { target, by: Orderer::Automatic(level) };
            self.shared.orders.lock().push_back(order);
        } else if level == Level::Critical {
            self.give_up(target, None);
        }
    }

    /// Once, at the first snapshot after it: how far did the usage fall for what was freed?
    fn judge_last_eviction(&mut self, usage: u64) {
        if let Some(after) = self.after_eviction.as_mut().filter(|after| !after.judged) {
            self.pace.record(after.freed, after.usage_before.saturating_sub(usage));
            after.judged = true;
        }
    }

    fn evicted(&mut self, finished: Finished, now: Instant) {
        let Finished { result, by } = finished;
        self.shared.history.lock().evictions.record(result.clone());
        for error in &result.errors {
            self.shared.emit(EventKind::error("eviction_error", error.clone()));
        }
        let automatic = matches!(by, Orderer::Automatic(_));
        let event = EventKind::EvictionCompleted { result: Box::new(result.clone()), automatic };
        self.shared.emit(event);
        match by {
            Orderer::Automatic(_) => self.after_automatic(&result, now),
            // Last, so that the caller finds it in the statistics.
            Orderer::Caller(replier) => replier.send(Ok(result)),
        }
        // Look at once what it has come to.
        self.next_tick = now;
    }

    fn after_automatic(&mut self, result: &EvictionResult, now: Instant) {
        if let Some(after) = &mut self.after_eviction {
            after.freed = result.memory_freed_bytes.unwrap_or(result.claimed_bytes);
            after.ended = now;
            after.judged = false;
        }
        if !result.success {
            self.give_up(result.target_bytes, result.memory_freed_bytes);
        }
    }

    /// Says once that there is nobody left to ask.
    fn give_up(&mut self, needed: u64, freed_bytes: Option<u64>) {
        if !std::mem::replace(&mut self.gave_up, true) {
            self.shared.emit(EventKind::GaveUp {
                needed_bytes: needed,
                needed_mb: needed as f64 / 1_048_576.0,
                freed_bytes,
                registered_caches: self.shared.caches.all().len(),
            });
        }
    }

    /// Our own checks, when the status could have changed; those of the user run when somebody asks.
    fn report_health(&mut self, snapshot: &Snapshot, now: Instant) {
        let settings = &self.shared.settings;
        let growing =
            snapshot.growth_bytes_per_sec().is_some_and(|g| g > settings.growth.warning as f64);
        let calm =
            snapshot.level() <= Level::Caution && snapshot.usage_percent().is_some() && !growing;
        if calm && self.health == HealthStatus::Healthy {
            return;
        }
        let checks = own_checks(Some(snapshot), settings.growth, &self.shared.vitals(now));
        let status = overall(&checks);
        if status != self.health {
            let failed = checks.iter().filter(|(_, check)| !check.is_healthy());
            let failed_checks = failed.map(|(name, _)| name.clone()).collect();
            let previous = std::mem::replace(&mut self.health, status);
            self.shared.emit(EventKind::HealthCheck { status, previous, failed_checks });
        }
    }
}
