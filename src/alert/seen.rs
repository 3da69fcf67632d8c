//! `Seen`: one look at the monitor, as the rules see it.

use crate::event::NumberedEvent;
use crate::level::Level;
use crate::snapshot::Moment;

/// Figures beside `METRICS` that rules may ask for.
pub(super) const EXTRA: [&str; 5] = [
    "level",
    "time_to_budget_latest_secs",
    "monitor_silence",
    "leak_suspected",
    "leak_growth_bytes",
];

/// Every `event_type` that sinks see.
pub(super) const EVENT_TYPES: [&str; 20] = [
    "monitor_started",
    "monitor_stopped",
    "budget_changed",
    "settings_changed",
    "threshold_crossed",
    "level_changed",
    "emergency_lasts",
    "stuck",
    "eviction_completed",
    "gave_up",
    "refill_storm",
    "purge_completed",
    "purge_suspended",
    "leak_growing",
    "leak_suspected",
    "leak_confirmed",
    "leak_cleared",
    "health_check",
    "previous_run",
    "error",
];

/// Those of them that come once a run at most: no other of the type ends what they are the cause of.
pub(super) const ONCE: [&str; 3] = ["monitor_started", "monitor_stopped", "previous_run"];

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

#[cfg(test)]
mod tests {
    use super::*;

    /// But `snapshot_taken`, which only logs have.
    #[test]
    fn every_event_type_is_in_the_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/event/kind.rs");
        let source = std::fs::read_to_string(path).expect("the source");
        let head = source.split("fn component").next().expect("the head");
        let words = head.split("{ .. } => \"").skip(1).filter_map(|rest| rest.split('"').next());
        let words: Vec<_> = words.filter(|word| *word != "snapshot_taken").collect();
        assert_eq!(words, EVENT_TYPES);
    }
}
