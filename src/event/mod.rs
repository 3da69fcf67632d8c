//! `Event`: something that happened, as it appears in logs, in sinks and in the monitor's memory.

mod kind;
mod leak;

pub use kind::EventKind;
pub use leak::LeakFigures;

use crate::snapshot::Moment;
use serde::Serialize;

/// Which part of the monitor speaks, in the original's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Component {
    /// Thresholds, levels, start and stop.
    MemoryMonitor,
    /// Metrics.
    MetricsCollector,
    /// Snapshots.
    MemoryProfiler,
    /// Health checks.
    HealthChecker,
    /// Evictions and purges.
    Eviction,
}

impl Component {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Component::MemoryMonitor => "memory_monitor",
            Component::MetricsCollector => "metrics_collector",
            Component::MemoryProfiler => "memory_profiler",
            Component::HealthChecker => "health_checker",
            Component::Eviction => "eviction",
        }
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For those who look closely.
    Debug,
    /// Worth a line.
    Info,
    /// Worth a look.
    Warning,
    /// Worth acting on.
    Error,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Something that happened, and when.
///
/// Serialises as one flat object: `timestamp` (seconds since 1970), `component`, `level`, `event_type`, then its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Seconds since 1970.
    pub timestamp: f64,
    /// Which part of the monitor speaks.
    pub component: Component,
    /// How much it matters.
    pub level: Severity,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    pub(crate) fn new(at: Moment, kind: EventKind) -> Self {
        let (component, level) = (kind.component(), kind.severity());
        Event { timestamp: at.epoch_secs(), component, level, kind }
    }
}

/// The last events, each with its number.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventLog {
    /// The number of the oldest event that is still remembered.
    pub first: u64,
    /// The number that the next one will have.
    pub next: u64,
    /// Those that were asked for, oldest first.
    pub events: Vec<NumberedEvent>,
}

/// An event and its number: 0 is the first of its monitor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NumberedEvent {
    /// Rises by one from event to event.
    pub sequence: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
