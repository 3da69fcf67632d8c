//! What the handle and the monitor's thread share: settings, sources, and the memory of what happened.

use super::courier::Courier;
use super::evicting::Order;
use super::registry::Registry;
use super::settings::Settings;
use super::wake::Wake;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::eviction::EvictionStatistics;
use crate::export::log;
use crate::export::report::Crossings;
use crate::level::Level;
use crate::metric::{Field, FloatField, Values};
use crate::policy::budget::Resolved;
use crate::policy::health::{Check, Vitals};
use crate::policy::meter::Meter;
use crate::policy::purge::UnderWay;
use crate::ring::Ring;
use crate::snapshot::{Metadata, Moment, Snapshot};
use crate::source::Sources;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Events kept for whoever asks later; about 300 bytes each.
const EVENTS: usize = 256;

/// A health check of the user's own.
pub(super) type UserCheck = (String, Box<dyn Fn() -> Check + Send + Sync>);

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) budget: Resolved,
    pub(super) started: Instant,
    pub(super) pid: u32,
    pub(super) counting: bool,
    pub(super) wake: Arc<Wake>,
    pub(super) stopping: AtomicBool,
    pub(super) stopped: AtomicBool,
    pub(super) sources: Mutex<Sources>,
    pub(super) caches: Registry,
    pub(super) orders: Mutex<VecDeque<Order>>,
    pub(super) history: Mutex<History>,
    pub(super) purging: Mutex<Option<UnderWay>>,
    pub(super) metadata: Mutex<Arc<Metadata>>,
    pub(super) checks: Vec<UserCheck>,
    pub(super) courier: Courier,
}

/// What happened. Held for moments only; no code of the user's runs under its lock.
pub(super) struct History {
    pub(super) ring: Ring,
    pub(super) evictions: EvictionStatistics,
    pub(super) purges: u64,
    pub(super) crossings: Crossings,
    pub(super) events: VecDeque<Event>,
    pub(super) last_tick: Option<Instant>,
}

impl History {
    pub(super) fn new(capacity: usize) -> Self {
        History {
            ring: Ring::new(capacity),
            evictions: EvictionStatistics::default(),
            purges: 0,
            crossings: Crossings::default(),
            events: VecDeque::with_capacity(EVENTS),
            last_tick: None,
        }
    }
}

impl Shared {
    /// Reads every source now and adds what the monitor itself knows; the level and the growth are the newest known.
    pub(super) fn read(&self, moment: Moment) -> Snapshot {
        let uptime = moment.instant.saturating_duration_since(self.started);
        // Before the counts are read, since it may free a list of caches that was replaced.
        let caches = self.caches.usage();
        let metadata = self.metadata.lock().clone();
        let readings = self.sources.lock().read(moment.instant);
        let mut snapshot = Snapshot::new(moment, uptime, &readings);
        snapshot.metadata = Some(metadata);
        let usage = self.usage(&snapshot.values);
        let history = self.history.lock();
        for (field, figure) in [
            (Field::Budget, Some(self.budget.bytes)),
            (Field::Usage, usage),
            (Field::Caches, caches),
            (Field::Evictions, Some(history.evictions.total_evictions)),
            (Field::EvictedBytes, Some(history.evictions.total_memory_freed_bytes)),
            (Field::Purges, Some(history.purges)),
        ] {
            snapshot.values.set(field, figure);
        }
        if let Some(newest) = history.ring.newest() {
            snapshot.values.level = newest.level();
            snapshot.values.set_float(FloatField::Growth, newest.growth_bytes_per_sec());
        }
        snapshot
    }

    /// What the meter reads. Pages that are being purged are no longer dirty, but are resident for a moment more.
    fn usage(&self, values: &Values) -> Option<u64> {
        let read = self.settings.meter.read(values)?;
        match *self.purging.lock() {
            Some(purge) if self.settings.meter == Meter::Pressure => {
                Some(purge.usage(read, values.jemalloc_active_bytes()))
            }
            _ => Some(read),
        }
    }

    /// Remembers an event, logs it, and sends it to the sinks.
    pub(super) fn emit(&self, kind: EventKind) {
        let event = Event::new(Moment::now(), kind);
        log::emit(&event);
        self.courier.send(&event);
        let mut history = self.history.lock();
        if history.events.len() == EVENTS {
            history.events.pop_front();
        }
        history.events.push_back(event);
    }

    /// Takes in an eviction that a caller wants.
    pub(super) fn submit(&self, order: Order) -> Result<(), Error> {
        // Under the lock of the orders, so that the stopping thread either sees it or has it refused.
        let mut orders = self.orders.lock();
        if self.stopping.load(Ordering::Relaxed) || !self.is_running() {
            return Err(Error::NotRunning);
        }
        orders.push_back(order);
        drop(orders);
        self.wake.notify();
        Ok(())
    }

    /// The level in force at the newest snapshot.
    pub(super) fn level(&self) -> Level {
        self.history.lock().ring.newest().map(Snapshot::level).unwrap_or_default()
    }

    pub(super) fn is_running(&self) -> bool {
        // Relaxed: a flag that orders nothing. A forked child has the memory of a monitor, but no thread of it.
        !self.stopped.load(Ordering::Relaxed) && self.pid == std::process::id()
    }

    pub(super) fn vitals(&self, now: Instant) -> Vitals {
        let history = self.history.lock();
        let last = history.evictions.history.back();
        Vitals {
            running: self.is_running(),
            counting: self.counting,
            silent_for: history.last_tick.map(|last| now.saturating_duration_since(last)),
            silence_limit: self.settings.interval * 3 + Duration::from_secs(5),
            caches: self.caches.all().len(),
            quarantined: self.caches.quarantined(now),
            last_eviction_errors: last.map(|last| last.errors.clone()).unwrap_or_default(),
            last_eviction_failed: last.is_some_and(|last| !last.success),
        }
    }
}
