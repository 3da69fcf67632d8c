//! The builder's options for what is the user's own: checks, figures, filters, sinks, counts.

use super::Builder;
use crate::counters::Counts;
use crate::event::Event;
use crate::own::OwnMetric;
use crate::policy::health::Check;
use crate::snapshot::Snapshot;
use crate::source::CountSource;
use std::sync::Arc;

impl Builder {
    /// A key and value to be found in every snapshot's metadata; at most 16, of 64 and 256 bytes.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// A health check of your own: run, and a panic caught, on the thread that asks for the health.
    ///
    /// ```
    /// # use plimsoll::{Check, Monitor};
    /// let queued = || 120;
    /// let monitor = Monitor::builder()
    ///     .budget("64MiB".parse()?)
    ///     .check("queue", move || match queued() {
    ///         0..100 => Check::healthy("short"),
    ///         long => Check::warning("long").with("queued", long),
    ///     })
    ///     .start()?;
    /// assert!(monitor.health_check().failed_checks.contains(&"queue".to_owned()));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn check(
        mut self,
        name: impl Into<String>,
        check: impl Fn() -> Check + Send + Sync + 'static,
    ) -> Self {
        self.checks.push((name.into(), Box::new(check)));
        self
    }

    /// Calls `sink` with every event (but `snapshot_taken`, which only logs have), on a thread for that purpose. What it
    /// cannot keep up with is dropped, oldest first, beyond 256.
    ///
    /// ```
    /// # use plimsoll::{Monitor, Severity};
    /// let monitor = Monitor::builder()
    ///     .budget("64MiB".parse()?)
    ///     .on_event(|event| {
    ///         if event.level >= Severity::Warning {
    ///             eprintln!("{}", plimsoll::event_json(event));
    ///         }
    ///     })
    ///     .start()?;
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn on_event(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.sinks.events.push(Box::new(sink));
        self
    }

    /// Calls `sink` with the snapshot of every tick, on the same thread as [`Builder::on_event`] and within the same bound:
    /// for whoever forwards figures. Near the line ticks come ten times a second: a sink that wants fewer looks at
    /// [`Snapshot::uptime`].
    ///
    /// ```
    /// # use plimsoll::Monitor;
    /// let monitor = Monitor::builder()
    ///     .budget("64MiB".parse()?)
    ///     .on_snapshot(|snapshot| println!("{:?} live bytes", snapshot.live_bytes()))
    ///     .start()?;
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn on_snapshot(mut self, sink: impl Fn(&Snapshot) + Send + Sync + 'static) -> Self {
        self.sinks.snapshots.push(Box::new(sink));
        self
    }

    /// Has the ring keep only the snapshots for which `keep` says so, of those that it would keep: one an interval and one
    /// at every change of level. Called on the monitor's thread: it must be quick, and not allocate if a tick shall not.
    /// One that panics keeps everything.
    ///
    /// ```
    /// # use plimsoll::{Level, Monitor};
    /// // A day of what happened near the line, instead of an hour of everything.
    /// let monitor = Monitor::builder()
    ///     .budget("64MiB".parse()?)
    ///     .keep_if(|snapshot| snapshot.level() > Level::Healthy)
    ///     .start()?;
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn keep_if(mut self, keep: impl Fn(&Snapshot) -> bool + Send + Sync + 'static) -> Self {
        self.keeps = Some(Box::new(keep));
        self
    }

    /// Adds a metric of your own to every surface; at most 64.
    pub fn metric(mut self, metric: OwnMetric) -> Self {
        self.figures.metrics.push(metric);
        self
    }

    /// Adds memory that no source of plimsoll's knows by its name: a C library's arena, a mapping, a device's memory. It is a
    /// line beside the ledger and a metric, as `read` reports it; `None` is unknown. Read as an [`OwnMetric`] is; at most 64.
    ///
    /// ```
    /// # use plimsoll::Monitor;
    /// let monitor = Monitor::builder()
    ///     .budget("64MiB".parse()?)
    ///     .memory_source("gpu", || Some(12 << 20))
    ///     .start()?;
    /// # while monitor.ledger().sources[0].reported_bytes.is_none() { std::thread::yield_now() }
    /// assert_eq!(monitor.ledger().sources[0].reported_bytes, Some(12 << 20));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn memory_source(
        mut self,
        name: impl Into<String>,
        read: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        let read = move || read().map(|bytes| bytes as f64);
        self.figures.sources.push((name.into(), Box::new(read)));
        self
    }

    /// Takes the counts from `counts` instead of plimsoll's own wrapper, for a program that counts already. As exact as
    /// they are; called once per snapshot, under no lock, and must not allocate if a tick shall not. When it panics the
    /// counts are unknown.
    pub fn counts_from(mut self, counts: impl Fn() -> Counts + Send + Sync + 'static) -> Self {
        self.counts = CountSource::Given(Arc::new(counts));
        self
    }
}
