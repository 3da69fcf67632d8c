//! `Evidence`: a figure with all that says how far it can be believed.

use super::status::Status;
use crate::metric::{Exactness, METRICS, Metric, Source, Unit, Value};
use serde::Serialize;

/// A figure of [`METRICS`](crate::METRICS) with its unit, source, exactness and age.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The figure's name in the table.
    pub name: &'static str,
    /// `None` where it is unknown.
    pub value: Option<Value>,
    /// What its number counts.
    pub unit: Unit,
    /// Where it comes from.
    pub source: Source,
    /// How far it can be believed.
    pub exactness: Exactness,
    /// How long ago it was read, in seconds; `None` for what the first tick has yet to find out.
    pub age_seconds: Option<f64>,
}

/// What only a tick finds out; all other figures are read when somebody asks.
const OF_THE_TICK: [&str; 4] =
    ["growth_bytes_per_sec", "growth_objects_per_sec", "time_to_budget_secs", "caches_bytes"];

impl Evidence {
    /// The figures of these names, in their order; names that the table does not have are passed over.
    pub(crate) fn of(status: &Status, names: &[&str]) -> Vec<Self> {
        let metric = |name: &&str| METRICS.iter().find(|metric| metric.name == *name);
        names.iter().filter_map(metric).map(|metric| Evidence::one(status, metric)).collect()
    }

    fn one(status: &Status, metric: &Metric) -> Self {
        let is_ticks = OF_THE_TICK.contains(&metric.name);
        let read = if is_ticks { status.ticked } else { Some(status.snapshot.timestamp()) };
        Evidence {
            name: metric.name,
            value: metric.get(&status.snapshot),
            unit: metric.unit,
            source: metric.source,
            exactness: metric.exactness,
            age_seconds: read.map(|read| age(status.timestamp, read)),
        }
    }
}

/// Seconds from `then` to `now`, to the millisecond; the wall clock may have been set back meanwhile.
pub(crate) fn age(now: f64, then: f64) -> f64 {
    ((now - then).max(0.0) * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tick_finds_out_is_in_the_table() {
        let known = |name: &&str| METRICS.iter().any(|metric| metric.name == *name);
        assert!(OF_THE_TICK.iter().all(known));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_younger_than_now() {
        assert_eq!(age(10.0, 12.0), 0.0);
        assert_eq!(age(12.3456, 10.0), 2.346);
    }
}
