//! What to tell people (and programs that decide) while the usage is above a threshold.

use super::threshold::{Threshold, Thresholds};
use crate::level::Level;
use crate::mebibyte::mib;
use crate::snapshot::Snapshot;
use serde::Serialize;

/// Something that could be done now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Action {
    /// Its name for programs.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it does.
    pub description: String,
    /// What it might free, in MiB; `None` when nobody knows.
    pub estimated_freed_mb: Option<f64>,
    /// What it might free, in bytes.
    pub estimated_freed_bytes: Option<u64>,
    /// How soon it should be done.
    pub urgency: &'static str,
    /// What else it does.
    pub side_effects: &'static str,
}

/// The threshold whose level is in force, with what could be done about it. While the level is only held, on the way
/// down, the usage may lie below it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// Where the threshold lies, in percent of the budget.
    pub threshold_percent: f64,
    /// Which one it is.
    pub level: Threshold,
    /// What it calls for: `monitor`, `prompt_user` or `emergency_eviction`.
    pub action: &'static str,
    /// How soon: `low`, `medium` or `emergency`.
    pub urgency: &'static str,
    /// In words.
    pub message: String,
    /// What to do, in words.
    pub recommendations: Vec<&'static str>,
    /// What could be done at once.
    pub available_actions: Vec<Action>,
    /// The usage, in MiB.
    pub current_mb: f64,
    /// The usage, in bytes.
    pub current_bytes: u64,
    /// The threshold, in MiB.
    pub threshold_mb: f64,
    /// The threshold, in bytes.
    pub threshold_bytes: u64,
    /// Seconds since 1970.
    pub timestamp: f64,
}

impl Warning {
    /// The warning in force at `snapshot`, if any. `caches` are names with what they say they hold.
    pub(crate) fn of(
        snapshot: &Snapshot,
        thresholds: &Thresholds,
        caches: &[(String, Option<u64>)],
    ) -> Option<Self> {
        let threshold = threshold_of(snapshot.level())?;
        let (usage, budget) = (snapshot.usage_bytes()?, snapshot.budget_bytes()?);
        let line = thresholds.bytes(threshold, budget);
        let percent = snapshot.usage_percent()?;
        Some(Warning {
            threshold_percent: thresholds.percent(threshold),
            level: threshold,
            action: threshold.action(),
            urgency: threshold.urgency(),
            message: format!("memory usage is {percent:.1} % of the budget ({})", snapshot.level()),
            recommendations: recommendations(threshold),
            available_actions: actions(snapshot, caches, threshold.urgency()),
            current_mb: mib(usage),
            current_bytes: usage,
            threshold_mb: mib(line),
            threshold_bytes: line,
            timestamp: snapshot.timestamp(),
        })
    }
}

fn threshold_of(level: Level) -> Option<Threshold> {
    Threshold::ALL.into_iter().find(|threshold| threshold.level() == level)
}

fn recommendations(threshold: Threshold) -> Vec<&'static str> {
    match threshold {
        Threshold::Warning => {
            vec!["watch the growth", "look at the ledger for what can be given back"]
        }
        Threshold::Prompt => {
            vec!["evict a cache", "take on no more work", "raise the budget if the limit allows"]
        }
        Threshold::Emergency => {
            vec!["evict now", "refuse new work", "look for what grew before the next restart"]
        }
    }
}

fn actions(
    snapshot: &Snapshot,
    caches: &[(String, Option<u64>)],
    urgency: &'static str,
) -> Vec<Action> {
    let evict = caches.iter().map(|(name, bytes)| Action {
        name: format!("evict:{name}"),
        display_name: format!("Evict {name}"),
        description: format!("asks the cache {name} to give memory back"),
        estimated_freed_mb: bytes.map(mib),
        estimated_freed_bytes: *bytes,
        urgency,
        side_effects: "what was cached must be made again",
    });
    let purge = snapshot.jemalloc_dirty_bytes().filter(|dirty| *dirty > 0).map(|dirty| Action {
        name: "purge".into(),
        display_name: "Purge unused pages".into(),
        description: "gives jemalloc's unused pages back to the system".into(),
        estimated_freed_mb: Some(mib(dirty)),
        estimated_freed_bytes: Some(dirty),
        urgency,
        side_effects: "pages that are needed again must be zeroed by the kernel first",
    });
    evict.chain(purge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::time::Duration;

    fn warning(level: Level) -> Option<Warning> {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        snapshot.values.set(Field::Usage, Some(94 << 20));
        snapshot.values.set(Field::Budget, Some(100 << 20));
        snapshot.values.set(Field::Dirty, Some(2 << 20));
        snapshot.values.level = level;
        Warning::of(
            &snapshot,
            &Thresholds::default(),
            &[("pages".into(), Some(1 << 20)), ("q".into(), None)],
        )
    }

    #[test]
    fn each_level_has_its_words() {
        assert_eq!(warning(Level::Healthy), None);
        let words =
            |level| warning(level).map(|w| (w.level, w.action, w.urgency, w.threshold_percent));
        assert_eq!(words(Level::Caution), Some((Threshold::Warning, "monitor", "low", 80.0)));
        assert_eq!(words(Level::Warning), Some((Threshold::Prompt, "prompt_user", "medium", 93.0)));
        let emergency = (Threshold::Emergency, "emergency_eviction", "emergency", 98.0);
        assert_eq!(words(Level::Critical), Some(emergency));
    }

    #[test]
    fn actions_name_caches_and_what_they_may_free() {
        let warning = warning(Level::Warning).expect("a warning");
        let actions: Vec<_> = warning
            .available_actions
            .iter()
            .map(|a| (a.name.as_str(), a.estimated_freed_mb))
            .collect();
        assert_eq!(actions, [("evict:pages", Some(1.0)), ("evict:q", None), ("purge", Some(2.0))]);
        assert_eq!((warning.current_mb, warning.threshold_mb), (94.0, 93.0));
    }
}
