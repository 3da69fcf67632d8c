//! What leaves the process: logs and JSON. A surface formats; it never computes.

#[cfg(feature = "recorder")]
pub(crate) mod autopsy;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod history;
#[cfg(feature = "log")]
mod json_layer;
pub(crate) mod log;
#[cfg(any(feature = "profile", feature = "recorder"))]
mod markup;
#[cfg(feature = "profile")]
pub(crate) mod profile;
#[cfg(feature = "prometheus")]
pub(crate) mod prometheus;
pub(crate) mod report;
pub(crate) mod snapshot;
pub(crate) mod status;

#[cfg(feature = "recorder")]
pub use autopsy::{
    Autopsy, AutopsyMoment, CacheGave, Given, Held, KeptProfile, LedgerChange, SiteHeld,
};
pub use evidence::Evidence;
pub use explain::{
    Change, Changes, Doubt, DoubtKind, Explanation, GrowthReport, Happening, NextStep, Unexplained,
};
#[cfg(feature = "log")]
pub use json_layer::JsonLayer;
pub use log::{LOG_TARGET, json as event_json};
#[cfg(feature = "profile")]
pub use profile::{TopFunction, TopSite, TopSites};
#[cfg(feature = "prometheus")]
pub use prometheus::Exposition;
pub use report::{
    Crossings, HealthReport, Metrics, MetricsReport, Profiler, Range, RingStatistics,
};
pub use status::{
    BudgetStatus, EventTotals, EvictionSummary, ProcessInfo, Status, Surfaces, ThresholdStatus,
};
