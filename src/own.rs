//! What a user has seen beside plimsoll's own figures: metrics of their own, and memory that no source of ours knows.

use crate::metric::{Kind, Unit};
use serde::Serialize;

/// The most of each that a monitor takes.
pub(crate) const MOST_OWN: usize = 64;

/// A figure of the user's, which appears on every surface beside plimsoll's.
///
/// Read once a tick on a thread for that purpose, and as old as the last tick: a surface that is asked has the monitor tick
/// when that is longer ago than a second. What panics or does not answer in time is unknown, and left alone for a while.
///
/// ```
/// use plimsoll::{Monitor, OwnMetric, Unit};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// static QUEUED: AtomicU64 = AtomicU64::new(12);
/// let queued = OwnMetric::gauge("queued_requests", Unit::Count, "Requests that wait.", || {
///     Some(QUEUED.load(Ordering::Relaxed) as f64)
/// });
/// let monitor = Monitor::builder().budget("64MiB".parse()?).metric(queued).start()?;
/// # while monitor.own_metrics()[0].value.is_none() { std::thread::yield_now() }
/// assert_eq!(monitor.own_metrics()[0].value, Some(12.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub struct OwnMetric {
    pub(crate) about: OwnMetricAbout,
    pub(crate) read: Read,
}

/// Somebody's code that knows a figure.
pub(crate) type Read = Box<dyn Fn() -> Option<f64> + Send + Sync>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OwnMetricAbout {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) kind: Kind,
    pub(crate) help: String,
}

impl OwnMetric {
    /// A figure that goes up and down. Its name is of small letters, digits and `_`, and none of plimsoll's.
    pub fn gauge(
        name: impl Into<String>,
        unit: Unit,
        help: impl Into<String>,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        let (name, help) = (name.into(), help.into());
        OwnMetric {
            about: OwnMetricAbout { name, unit, kind: Kind::Gauge, help },
            read: Box::new(read),
        }
    }

    /// A figure that only grows. Its name ends in `_total`.
    pub fn counter(
        name: impl Into<String>,
        unit: Unit,
        help: impl Into<String>,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        let mut metric = OwnMetric::gauge(name, unit, help, read);
        metric.about.kind = Kind::Counter;
        metric
    }
}

impl std::fmt::Debug for OwnMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.about.fmt(f)
    }
}

/// What an [`OwnMetric`] last said.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OwnFigure {
    /// Its name.
    pub name: String,
    /// What its number counts.
    pub unit: Unit,
    /// How it moves.
    pub kind: Kind,
    /// One sentence.
    pub help: String,
    /// As of the last tick; `None` while it is unknown.
    pub value: Option<f64>,
}
