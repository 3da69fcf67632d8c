//! What the handle and the monitor's thread share: settings, sources, and the memory of what happened.

use super::brake::Brake;
use super::configure::Said;
use super::courier::Courier;
use super::figures::Figures;
use super::leaks::Leaks;
use super::order::Order;
use super::purging::{Caller, Lessons};
use super::recording::Tape;
use super::registry::Registry;
use super::settings::Settings;
use super::wake::Wake;
use crate::audit::Audit;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::eviction::{EvictionResult, EvictionStatistics};
use crate::export::log;
use crate::export::report::Crossings;
use crate::level::Level;
use crate::metric::{CountField, Field, FloatField, Values};
use crate::policy::budget::{Allotment, Basis, Resolved};
use crate::policy::eviction::{Records, Situation};
use crate::policy::forecast::Forecast;
use crate::policy::health::{Check, Vitals, Words};
use crate::policy::purge::{Held, UnderWay};
use crate::policy::usage::Meter;
use crate::policy::usage::{Against, Gauge, Usage};
use crate::policy::watch::Scope;
use crate::ring::Ring;
use crate::snapshot::{Metadata, Moment, Snapshot};
use crate::source::{CountSource, Readings, Slots, Sources};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Events kept for whoever asks later; about 300 bytes each.
const EVENTS: usize = 256;

/// Evictions that callers wait for at most.
const ORDERS: usize = 64;

/// How long a failed eviction shows in the health once the level has fallen.
const RECENT: Duration = Duration::from_secs(300);

/// An eviction has settled after two ticks, but not in less than this nor more than that.
const SHORTEST_SETTLING: Duration = Duration::from_millis(200);
const LONGEST_SETTLING: Duration = Duration::from_secs(2);

/// A health check of the user's own.
pub(super) type UserCheck = (String, Box<dyn Fn() -> Check + Send + Sync>);

/// Says which snapshots are kept.
pub(super) type Filter = Box<dyn Fn(&Snapshot) -> bool + Send + Sync>;

pub(super) struct Shared {
    /// In force; replaced as a whole when somebody changes one.
    pub(super) settings: Mutex<Arc<Settings>>,
    pub(super) said: Mutex<Said>,
    /// In force; replaced as a whole when it changes.
    pub(super) budget: Mutex<Arc<Resolved>>,
    pub(super) allotment: Mutex<Allotment>,
    pub(super) started: Moment,
    /// The name of the program.
    pub(super) program: String,
    pub(super) pid: u32,
    /// In seconds since 1970.
    pub(super) process_started: Option<f64>,
    /// `None` when nothing is counted.
    pub(super) counts: Option<CountSource>,
    pub(super) wake: Arc<Wake>,
    pub(super) stopping: AtomicBool,
    pub(super) stopped: AtomicBool,
    pub(super) sources: Mutex<Sources>,
    pub(super) gauge: Mutex<Gauge>,
    pub(super) caches: Registry,
    /// What is remembered of each cache, as of the last eviction or ceiling.
    pub(super) records: Mutex<Records>,
    pub(super) orders: Mutex<VecDeque<Order>>,
    pub(super) history: Mutex<History>,
    /// A thread runs the user's checks for an asynchronous caller.
    pub(super) checking: AtomicBool,
    pub(super) purging: Mutex<Option<UnderWay>>,
    pub(super) leaks: Leaks,
    /// Who waits for a purge.
    pub(super) purge_callers: Mutex<Vec<Caller>>,
    pub(super) lessons: Mutex<Lessons>,
    /// Where `/proc` and `/sys` are.
    pub(super) root: Arc<Path>,
    pub(super) metadata: Mutex<Arc<Metadata>>,
    pub(super) checks: Vec<UserCheck>,
    pub(super) courier: Courier,
    pub(super) figures: Figures,
    pub(super) tape: Tape,
    /// Which snapshots the ring keeps; `None` for all.
    pub(super) keeps: Option<Filter>,
    #[cfg(feature = "http")]
    pub(super) listening: super::serving::Listening,
    /// What happened on threads that run no log subscribers, for the next tick to tell.
    pub(super) unsaid: Mutex<Vec<EventKind>>,
    /// Until then somebody wants to see where the usage is going: ticks come each second.
    pub(super) watched_until: Mutex<Option<Instant>>,
    /// Somebody wants a tick now. Relaxed: whoever sets it notifies afterwards, and that synchronises.
    pub(super) look_wanted: AtomicBool,
    pub(super) brake: Brake,
    /// Threads of surfaces that look at every tick and event.
    pub(super) followers: Mutex<Vec<Arc<Wake>>>,
}

/// What happened. Held for moments only; no code of the user's runs under its lock.
pub(super) struct History {
    /// One snapshot an interval, and one at every change of level, however fast the ticks come.
    pub(super) ring: Ring,
    /// That of the last tick.
    pub(super) newest: Option<Snapshot>,
    /// As of the last tick.
    pub(super) usage: Usage,
    /// As of the last tick.
    pub(super) forecast: Forecast,
    /// Ticks so far.
    pub(super) taken_total: u64,
    /// The highest usage of any tick, in percent of the budget.
    pub(super) peak_usage_percent: Option<f64>,
    pub(super) evictions: EvictionStatistics,
    pub(super) purges: u64,
    pub(super) crossings: Crossings,
    pub(super) events: VecDeque<Event>,
    /// Events so far, remembered or not.
    pub(super) events_total: u64,
    pub(super) last_tick: Option<Instant>,
    /// When the next tick is due after that.
    pub(super) pace: Duration,
    pub(super) last_eviction: Option<Instant>,
}

impl History {
    pub(super) fn new(capacity: usize, counting: bool) -> Self {
        History {
            ring: Ring::new(capacity),
            newest: None,
            usage: Usage::default(),
            forecast: Forecast::default(),
            taken_total: 0,
            peak_usage_percent: None,
            evictions: EvictionStatistics::new(counting),
            purges: 0,
            crossings: Crossings::default(),
            events: VecDeque::with_capacity(EVENTS),
            events_total: 0,
            last_tick: None,
            pace: Duration::ZERO,
            last_eviction: None,
        }
    }

    /// The last eviction, while the level is raised and for some minutes after it.
    fn last_eviction_that_matters(&self, now: Instant) -> Option<&EvictionResult> {
        let is_raised = self.newest.as_ref().is_some_and(|newest| newest.level() > Level::Healthy);
        let is_recent = |at: Instant| now.saturating_duration_since(at) < RECENT;
        let matters = is_raised || self.last_eviction.is_some_and(is_recent);
        self.evictions.history.back().filter(|_| matters)
    }
}

impl Shared {
    /// The settings as they are now. Allocates nothing.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.lock().clone()
    }

    /// Reads every source now and adds what the monitor itself knows; the level and the growth are the newest known.
    pub(super) fn read(&self, moment: Moment) -> Snapshot {
        self.read_usage(moment, false).0
    }

    /// As [`Shared::read`], for a tick: reads jemalloc's free slots too, and tells the usage as an interval.
    pub(super) fn read_for_tick(&self, moment: Moment) -> (Snapshot, Usage) {
        self.read_usage(moment, true)
    }

    fn read_usage(&self, moment: Moment, with_slots: bool) -> (Snapshot, Usage) {
        let uptime = moment.instant.saturating_duration_since(self.started.instant);
        // Before the counts are read, since it may free a list of caches that was replaced.
        let caches = self.caches.usage();
        let metadata = self.metadata.lock().clone();
        let mut sources = self.sources.lock();
        let mut readings = sources.read(moment.instant);
        let slots = if with_slots { sources.read_slots() } else { None };
        drop(sources);
        // Last, so that they are the freshest; under no lock, since they may come from the user's code.
        readings.counts = self.counts.as_ref().and_then(CountSource::read);
        let usage = self.gauge_usage(&readings, slots.as_ref(), moment.instant);
        let mut snapshot = Snapshot::new(moment, uptime, &readings);
        snapshot.metadata = Some(metadata);
        let metered = self.metered(&snapshot.values, &usage);
        let history = self.history.lock();
        for (field, figure) in [
            (Field::Budget, Some(self.budget().bytes)),
            (Field::Usage, metered),
            (Field::UsageLow, usage.low_bytes),
            (Field::UsageHigh, usage.high_bytes),
            (Field::Caches, caches),
            (Field::EvictedBytes, history.evictions.total_memory_freed_bytes),
        ] {
            snapshot.values.set(field, figure);
        }
        let evictions = history.evictions.total_evictions;
        snapshot.values.set_count(CountField::Evictions, Some(evictions));
        snapshot.values.set_count(CountField::Purges, Some(history.purges));
        if let Some(newest) = &history.newest {
            snapshot.values.level = newest.level();
            snapshot.values.set_float(FloatField::Growth, newest.growth_bytes_per_sec());
            history.forecast.note(&mut snapshot.values);
        }
        (snapshot, usage)
    }

    fn gauge_usage(&self, readings: &Readings, slots: Option<&Slots>, now: Instant) -> Usage {
        let budget = self.budget();
        let against = Against { basis: budget.basis, limit: budget.limit };
        let mut gauge = self.gauge.lock();
        if let Some(slots) = slots {
            gauge.slots(slots, now);
        }
        gauge.read(readings, against)
    }

    /// What the meter reads. Pages that are being purged are no longer dirty, but are resident for a moment more.
    fn metered(&self, values: &Values, usage: &Usage) -> Option<u64> {
        let read = self.settings().meter.read(values, usage)?;
        match *self.purging.lock() {
            Some(purge) if self.settings().meter == Meter::Pressure => {
                Some(purge.usage(read, Held::of(values)))
            }
            _ => Some(read),
        }
    }

    /// Has the monitor tick at once.
    pub(super) fn request_look(&self) {
        self.look_wanted.store(true, Ordering::Relaxed);
        self.wake.notify();
    }

    /// Which figures the usage is made of.
    pub(super) fn scope(&self) -> Scope {
        match (self.settings().meter, self.budget().basis) {
            (Meter::Charged, _) => Scope::Charged,
            (Meter::Pressure, Basis::Group) => Scope::Group,
            _ => Scope::Process,
        }
    }

    /// Remembers an event, logs it, and sends it to the sinks.
    pub(super) fn emit(&self, kind: EventKind) {
        let event = Event::new(Moment::now(), kind);
        log::emit(&event);
        self.tape.event(&event);
        self.courier.send_event(&event);
        let mut history = self.history.lock();
        history.events_total += 1;
        if history.events.len() == EVENTS {
            history.events.pop_front();
        }
        history.events.push_back(event);
        drop(history);
        self.wake_followers();
    }

    /// Takes in an eviction that a caller wants.
    pub(super) fn submit(&self, order: Order) -> Result<(), Error> {
        // Under the lock of the orders, so that the stopping thread either sees it or has it refused.
        let mut orders = self.orders.lock();
        if self.stopping.load(Ordering::Relaxed) || !self.is_running() {
            return Err(Error::NotRunning);
        }
        if orders.len() >= ORDERS {
            return Err(Error::Eviction {
                target_bytes: order.target,
                freed_bytes: None,
                reason: "64 evictions are waiting already".into(),
            });
        }
        orders.push_back(order);
        drop(orders);
        self.wake.notify();
        Ok(())
    }

    /// Takes in a caller who wants a purge.
    pub(super) fn submit_purge(&self, caller: Caller) -> Result<(), Error> {
        // As in `submit`.
        let mut callers = self.purge_callers.lock();
        if self.stopping.load(Ordering::Relaxed) || !self.is_running() {
            return Err(Error::NotRunning);
        }
        if callers.len() >= ORDERS {
            return Err(Error::Purge { reason: "64 callers are waiting for one already" });
        }
        callers.push(caller);
        drop(callers);
        self.wake.notify();
        Ok(())
    }

    /// The next eviction that somebody still waits for.
    pub(super) fn next_order(&self) -> Option<Order> {
        loop {
            // One at a time: dropping an order may wake a task, which is nobody's business under a lock.
            let order = self.orders.lock().pop_front()?;
            if order.by.is_wanted() {
                return Some(order);
            }
        }
    }

    /// What the planner goes by, as of the last tick; `None` while the usage is unknown.
    pub(super) fn situation(&self, now: Instant) -> Option<Situation> {
        let history = self.history.lock();
        let newest = history.newest.as_ref()?;
        let Usage { low_bytes, purgeable_bytes, .. } = history.usage;
        let budget = self.budget();
        let slope = history.forecast.newest().map(|trend| trend.usage_bytes_per_sec.likely);
        Some(Situation {
            now,
            level: newest.level(),
            usage: newest.usage_bytes()?,
            held: newest
                .jemalloc_active_bytes()
                .or(low_bytes.map(|low| low.saturating_sub(purgeable_bytes))),
            beyond_wall: history.usage.beyond_wall(),
            live: newest.live_bytes(),
            budget: budget.bytes,
            most: self.settings().eviction_target,
            slope: slope.unwrap_or(0.0),
            sigma: history.forecast.noise_bytes.unwrap_or(0.0),
            settle: match budget.basis {
                // The kernel adds up a group's figures every two seconds.
                Basis::Group => LONGEST_SETTLING,
                _ => history.pace.saturating_mul(2).clamp(SHORTEST_SETTLING, LONGEST_SETTLING),
            },
        })
    }

    /// The level in force at the newest snapshot.
    pub(super) fn level(&self) -> Level {
        self.history.lock().newest.as_ref().map(Snapshot::level).unwrap_or_default()
    }

    pub(super) fn is_running(&self) -> bool {
        // Relaxed: a flag that orders nothing. A forked child has the memory of a monitor, but no thread of it.
        !self.stopped.load(Ordering::Relaxed) && self.pid == std::process::id()
    }

    /// The wrapper's count held against jemalloc's; `None` for counts from elsewhere.
    pub(super) fn audit(&self) -> Option<Audit> {
        matches!(self.counts, Some(CountSource::Wrapper)).then(Audit::take)?
    }

    /// For every tick: allocates nothing.
    pub(super) fn vitals(&self, now: Instant) -> Vitals {
        let leak = self.leaks.verdict();
        let history = self.history.lock();
        let last = history.last_eviction_that_matters(now);
        let caches = self.caches.all();
        Vitals {
            running: self.is_running(),
            counting: self.counts.is_some(),
            silent_for: history.last_tick.map(|last| now.saturating_duration_since(last)),
            silence_limit: history.pace.saturating_mul(3).saturating_add(Duration::from_secs(5)),
            caches: caches.len(),
            quarantined: caches.iter().any(|entry| entry.is_quarantined(now)),
            last_eviction_errors: last.is_some_and(|last| !last.errors.is_empty()),
            last_eviction_failed: last.is_some_and(|last| !last.success),
            leak,
        }
    }

    /// The same in words, for whoever asks.
    pub(super) fn words(&self, now: Instant) -> Words {
        let leak = self.leaks.status();
        let history = self.history.lock();
        let last = history.last_eviction_that_matters(now);
        Words {
            leak,
            quarantined: self.caches.quarantined(now),
            last_eviction_errors: last.map(|last| last.errors.clone()).unwrap_or_default(),
        }
    }
}
