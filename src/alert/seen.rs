//! `Seen`: one look at the monitor, as the rules see it.

use crate::event::NumberedEvent;
use crate::level::Level;
use crate::snapshot::Moment;

/// Figures beside `METRICS` that rules may ask for.
pub(super) const EXTRA: [&str; 3] = ["level", "time_to_budget_latest_secs", "monitor_silence"];

/// What there is at a moment.
pub(crate) struct Seen<'a> {
    pub(crate) at: Moment,
    /// `None` before the first tick.
    pub(crate) level: Option<Level>,
    /// A figure by its name; `None` while it is unknown.
    pub(crate) figure: &'a dyn Fn(&str) -> Option<f64>,
    /// Those since the last look, oldest first.
    pub(crate) events: &'a [NumberedEvent],
    /// The situation in words, for an alert that begins.
    pub(crate) describe: &'a dyn Fn() -> String,
}
