//! One tick: read, judge, remember, act. Allocates nothing while nothing changes.

use super::alarm::{Alarm, distance};
use super::evicting::{Evictor, views};
use super::looks::Looks;
use super::order::{Finished, Order, Orderer};
use super::purging::Purging;
use super::shared::{Filter, Shared};
use super::worker::caught;
use crate::event::EventKind;
use crate::export::log;
use crate::ledger::Ledger;
use crate::level::Level;
use crate::metric::FloatField;
use crate::policy::eviction::{Decision, GivenUp};
use crate::policy::grown::{Grown, grown};
use crate::policy::health::{HealthStatus, OWN_CHECKS, own_statuses};
use crate::policy::threshold::Transition;
use crate::policy::trend::Trail;
use crate::policy::usage::Usage;
use crate::policy::watch::cause;
use crate::policy::watch::{Rules, Seen, Watch};
use crate::snapshot::{Moment, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between ticks while somebody watches.
const WATCHED: Duration = Duration::from_secs(1);

/// What the monitor's thread keeps from tick to tick.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    watch: Watch,
    trail: Trail,
    pub(super) evictor: Evictor,
    purging: Purging,
    usage_known: bool,
    health: [HealthStatus; 5],
    last_kept: Option<(Instant, Level)>,
    /// The last snapshot at which all was well, or the first.
    well: Option<Snapshot>,
    next_tick: Instant,
    pub(super) looks: Looks,
    pub(super) alarm: Alarm,
}

impl Ticker {
    pub(super) fn new(
        shared: Arc<Shared>,
        evictor: Evictor,
        purging: Purging,
        now: Instant,
    ) -> Self {
        // At least four points, or nothing would ever be known of a trend.
        let settings = shared.settings();
        let window = settings.growth_window.max(settings.interval.saturating_mul(4));
        Ticker {
            shared,
            watch: Watch::new(),
            trail: Trail::new(window),
            evictor,
            purging,
            usage_known: true,
            health: [HealthStatus::Healthy; 5],
            last_kept: None,
            well: None,
            next_tick: now,
            looks: Looks::default(),
            alarm: Alarm::claim(),
        }
    }

    /// Has the next step tick.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next_tick = now;
    }

    /// Does whatever is due at `moment`.
    pub(super) fn step(&mut self, moment: Moment) {
        self.purging.collect(&self.shared, moment.instant);
        if moment.instant >= self.due() {
            self.tick(moment);
        }
        while let Some(finished) = self.evictor.advance(&self.shared, moment.instant) {
            self.evicted(finished, moment.instant);
        }
    }

    /// When to wake up at the latest.
    pub(super) fn deadline(&self) -> Instant {
        let answers = self.evictor.deadline(self.shared.settings().hook_timeout);
        let others = answers.into_iter().chain(self.purging.deadline());
        others.fold(self.due(), Instant::min)
    }

    /// The next tick, which comes sooner when the brake wants a look.
    fn due(&self) -> Instant {
        let looks = self.shared.brake.next_look().into_iter().chain(self.looks.next());
        looks.fold(self.next_tick, Instant::min)
    }

    pub(super) fn stop(&mut self) {
        self.evictor.stop(&self.shared);
        self.purging.stop(&self.shared);
    }

    /// The interval near the line is shorter, and while somebody watches.
    fn interval(&self, now: Instant) -> Duration {
        let pace = self.watch.pace(self.shared.settings().interval);
        let is_watched = self.shared.watched_until.lock().is_some_and(|until| now < until);
        let pace = if is_watched { pace.min(WATCHED) } else { pace };
        self.evictor.planner.pace().map_or(pace, |regrowth| regrowth.min(pace))
    }

    fn tick(&mut self, moment: Moment) {
        // First, so that whatever goes wrong below goes wrong once an interval.
        self.next_tick = moment.instant + self.interval(moment.instant);
        self.looks.looked(moment.instant);
        self.say_what_is_unsaid();
        self.shared.follow_bounds(moment.instant);
        let (mut snapshot, usage) = self.shared.read_for_tick(moment);
        self.shared.caches.note_at(snapshot.uptime());
        let seen = self.judge(&mut snapshot, &usage, moment.instant);
        self.shared.learn_reserve(&snapshot, moment.instant);
        self.shared.set_brake(&snapshot, moment.instant);
        self.arm_alarm(&snapshot);
        let is_due = self.remember(&snapshot, moment.instant);
        self.note_if_well(&snapshot);
        self.shared.record_tick(&snapshot, is_due, moment.instant);
        log::emit_debug(moment, || EventKind::snapshot_taken(&snapshot));
        self.report_usage_known(&snapshot);
        self.shared.look_for_leaks(&snapshot);
        if let Some(transition) = seen.transition {
            self.report_transition(transition, &snapshot);
        }
        self.report_lasting(&seen, &snapshot);
        self.purging.consider(&self.shared, &snapshot, moment.instant);
        self.evict_if_due(moment.instant);
        self.report_health(&snapshot, moment.instant);
        self.shared.courier.send_snapshot(&snapshot);
        self.refresh_figures(moment.instant);
        self.evictor.survey(&self.shared, moment.instant);
        self.shared.wake_followers();
        // Again, since the level may have changed.
        self.next_tick = moment.instant + self.interval(moment.instant);
    }

    fn say_what_is_unsaid(&self) {
        let unsaid = std::mem::take(&mut *self.shared.unsaid.lock());
        unsaid.into_iter().for_each(|kind| self.shared.emit(kind));
    }

    fn judge(&mut self, snapshot: &mut Snapshot, usage: &Usage, now: Instant) -> Seen {
        let reaction = self.evictor.planner.reaction();
        let settings = self.shared.settings();
        let rules = Rules { thresholds: &settings.thresholds, reaction };
        let seen = self.watch.observe(snapshot, usage, &rules, now);
        snapshot.values.level = self.watch.level();
        seen.forecast.note(&mut snapshot.values);
        let growth =
            snapshot.usage_bytes().and_then(|usage| self.trail.push(snapshot.uptime(), usage));
        snapshot.values.set_float(FloatField::Growth, growth);
        let mut history = self.shared.history.lock();
        (history.usage, history.forecast) = (*usage, seen.forecast);
        seen
    }

    /// What does not change, and should.
    fn report_lasting(&self, seen: &Seen, snapshot: &Snapshot) {
        if let Some(lasting) = seen.lasting {
            self.shared.emit(EventKind::emergency_lasts(snapshot, lasting));
        }
        if seen.is_stuck {
            self.shared.emit(EventKind::stuck(snapshot, cause(snapshot, self.shared.scope())));
        }
    }

    /// Allocations up to the next threshold shall wake the monitor.
    fn arm_alarm(&self, snapshot: &Snapshot) {
        let settings = self.shared.settings();
        let usage = snapshot.usage_bytes().zip(snapshot.budget_bytes());
        self.alarm
            .arm(usage.and_then(|(usage, budget)| distance(usage, &settings.thresholds, budget)));
    }

    /// Says whether an interval has gone by, or the level is another.
    fn remember(&mut self, snapshot: &Snapshot, now: Instant) -> bool {
        // Ticks may come a little early or late by the clock that other threads share.
        let interval = self.shared.settings().interval / 10 * 9;
        let is_due = self.last_kept.is_none_or(|(at, level)| {
            level != snapshot.level() || now.saturating_duration_since(at) >= interval
        });
        let keep = is_due && self.is_wanted(snapshot);
        let pace = self.interval(now);
        let mut history = self.shared.history.lock();
        if keep {
            self.last_kept = Some((now, snapshot.level()));
            history.ring.push(snapshot.clone());
        }
        history.newest = Some(snapshot.clone());
        history.taken_total += 1;
        history.last_tick = Some(now);
        history.pace = pace;
        let percent = snapshot.usage_percent();
        history.peak_usage_percent = match (history.peak_usage_percent, percent) {
            (Some(peak), Some(percent)) => Some(peak.max(percent)),
            (peak, percent) => percent.or(peak),
        };
        is_due
    }

    /// The user's own, which are read until the next tick.
    fn refresh_figures(&self, now: Instant) {
        let timeout = self.shared.settings().hook_timeout;
        for complaint in self.shared.figures.refresh(timeout, now) {
            self.shared.emit(EventKind::error("monitoring_error", complaint));
        }
    }

    /// Whether the user's filter lets it into the ring; one that panics lets everything in.
    fn is_wanted(&self, snapshot: &Snapshot) -> bool {
        let keeps = |filter: &Filter| caught(|| filter(snapshot)).unwrap_or(true);
        self.shared.keeps.as_ref().is_none_or(keeps)
    }

    fn report_usage_known(&mut self, snapshot: &Snapshot) {
        let known = snapshot.usage_percent().is_some();
        if self.usage_known && !known {
            let meter = self.shared.settings().meter.as_str();
            let message =
                format!("the meter {meter} cannot be read: the level stays {}", snapshot.level());
            self.shared.emit(EventKind::error("memory_error", message));
        }
        self.usage_known = known;
    }

    fn report_transition(&mut self, transition: Transition, snapshot: &Snapshot) {
        let (budget, settings) = (self.shared.budget().bytes, self.shared.settings());
        let percent = snapshot.usage_percent();
        for threshold in transition.crossed() {
            self.shared.history.lock().crossings.count(threshold);
            self.shared.emit(EventKind::threshold_crossed(
                threshold,
                snapshot.usage_bytes().unwrap_or(0),
                settings.thresholds.bytes(threshold, budget),
                percent.unwrap_or(0.0),
            ));
        }
        let Transition { from, to } = transition;
        self.shared.emit(EventKind::LevelChanged { from, to, usage_percent: percent });
    }

    /// Does what the planner decides.
    fn evict_if_due(&mut self, now: Instant) {
        let Some(situation) = self.shared.situation(now) else { return };
        let caches = self.shared.caches.all();
        let (planner, settings) = (&mut self.evictor.planner, self.shared.settings());
        match planner.consider(&situation, &settings.thresholds, views(&caches, now)) {
            Decision::Nothing => {}
            Decision::Evict(target, level) => {
                let order = Order { target, by: Orderer::Automatic(level), only: None };
                self.shared.orders.lock().push_back(order);
            }
            Decision::Raise(raise) => self.evictor.raise(&self.shared, raise, now),
            Decision::GiveUp(given_up) => self.give_up(&given_up),
        }
        for (id, evicted_bytes) in self.evictor.planner.storms(&situation, views(&caches, now)) {
            if let Some(entry) = caches.iter().find(|entry| entry.id == id) {
                self.shared.emit(EventKind::refill_storm(&entry.spec.name, evicted_bytes));
            }
        }
    }

    fn evicted(&mut self, finished: Finished, now: Instant) {
        let Finished { result, by, given_up } = finished;
        let automatic = matches!(by, Orderer::Automatic(_));
        // An automatic one that found nothing to do is no news.
        if !automatic || !result.evicted.is_empty() || !result.errors.is_empty() {
            let mut history = self.shared.history.lock();
            history.evictions.record(result.clone());
            history.last_eviction = Some(now);
            drop(history);
            for error in &result.errors {
                self.shared.emit(EventKind::error("eviction_error", error.clone()));
            }
            self.shared.emit(EventKind::eviction_completed(&result, automatic));
        }
        if let Some(given_up) = given_up {
            self.give_up(&given_up);
        }
        // Last, so that the caller finds it in the statistics.
        if let Orderer::Caller(replier) = by {
            replier.send(Ok(result));
        }
        // Look at once what it has come to.
        self.next_tick = now;
    }

    /// Says once that there is nobody left to ask.
    fn give_up(&mut self, given_up: &GivenUp) {
        if !given_up.is_first {
            return;
        }
        let history = self.shared.history.lock();
        let freed_bytes = history.evictions.history.back().and_then(|last| last.memory_freed_bytes);
        let newest = history.newest.clone();
        drop(history);
        let caches = self.shared.caches.all().len();
        let grown = newest.and_then(|newest| self.what_grew(&newest));
        self.shared.emit(EventKind::gave_up(given_up.need, freed_bytes, caches, grown));
    }

    /// Since the last tick at which all was well; since the first, when it never was.
    fn what_grew(&self, now: &Snapshot) -> Option<Grown> {
        let before = Ledger {
            caches: self.shared.caches.lines_when_well(),
            ..Ledger::of(self.well.as_ref()?)
        };
        let now = Ledger { caches: self.shared.caches.lines(), ..Ledger::of(now) };
        grown(&before, &now)
    }

    fn note_if_well(&mut self, snapshot: &Snapshot) {
        if snapshot.level() == Level::Healthy || self.well.is_none() {
            self.well = Some(snapshot.clone());
            self.shared.caches.note_well();
        }
    }

    /// Our own checks; those of the user run when somebody asks. Words are made only for a change.
    fn report_health(&mut self, snapshot: &Snapshot, now: Instant) {
        let (growth, vitals) = (self.shared.settings().growth, self.shared.vitals(now));
        let statuses = own_statuses(Some(snapshot), growth, &vitals);
        let worst =
            |statuses: &[HealthStatus; 5]| statuses.iter().copied().max().unwrap_or_default();
        let before = std::mem::replace(&mut self.health, statuses);
        let (status, previous) = (worst(&statuses), worst(&before));
        if status != previous {
            let failed =
                OWN_CHECKS.iter().zip(statuses).filter(|(_, s)| *s != HealthStatus::Healthy);
            let failed_checks = failed.map(|(name, _)| (*name).to_owned()).collect();
            self.shared.emit(EventKind::HealthCheck { status, previous, failed_checks });
        }
    }
}
