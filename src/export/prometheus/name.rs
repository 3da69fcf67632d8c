//! The names that Prometheus knows figures by: ours by a rule with few exceptions, in base units.

use crate::metric::{Exactness, Kind, Metric, Source, Unit, Value};
use crate::own::OwnFigure;

/// What other programs of its kind call otherwise than the rule would.
const EXCEPTIONS: [(&str, &str); 9] = [
    ("alloc_objects_total", "plimsoll_allocations_total"),
    ("free_objects_total", "plimsoll_frees_total"),
    ("alloc_bytes_total", "plimsoll_allocated_bytes_total"),
    ("free_bytes_total", "plimsoll_freed_bytes_total"),
    ("realloc_total", "plimsoll_reallocations_total"),
    ("process_rss_bytes", "process_resident_memory_bytes"),
    ("process_rss_peak_bytes", "process_resident_memory_peak_bytes"),
    ("process_virtual_bytes", "process_virtual_memory_bytes"),
    ("usage_percent", "plimsoll_budget_used_ratio"),
];

/// How units are spelled in names, and how Prometheus wants them.
const SPELLINGS: [(&str, &str); 3] =
    [("_percent", "_ratio"), ("_per_sec", "_per_second"), ("_secs", "_seconds")];

impl Metric {
    /// The name that Prometheus knows it by.
    ///
    /// `jemalloc_` and `process_` figures keep theirs, others begin with `plimsoll_`; percents become ratios, and a few are
    /// called what every exporter calls them.
    ///
    /// ```
    /// let names: Vec<_> = plimsoll::METRICS.iter().map(|metric| metric.prometheus_name()).collect();
    /// assert!(names.contains(&"plimsoll_live_bytes".into()));
    /// assert!(names.contains(&"process_resident_memory_bytes".into()));
    /// ```
    pub fn prometheus_name(&self) -> String {
        let exception = EXCEPTIONS.iter().find(|(name, _)| *name == self.name);
        match (exception, self.source) {
            (Some((_, name)), _) => (*name).into(),
            (None, Source::Jemalloc | Source::Process) => spelled(self.name),
            (None, _) => format!("plimsoll_{}", spelled(self.name)),
        }
    }
}

fn spelled(name: &str) -> String {
    let found =
        SPELLINGS.iter().find_map(|(ours, theirs)| Some((name.strip_suffix(ours)?, theirs)));
    found.map_or_else(|| name.into(), |(stem, theirs)| format!("{stem}{theirs}"))
}

/// The base unit's word; empty for what is counted.
pub(super) const fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "bytes_per_second",
        Unit::Percent => "ratio",
        Unit::Seconds => "seconds",
        Unit::ObjectsPerSecond | Unit::Objects | Unit::Count => "",
    }
}

/// How far a figure can be believed, in its help.
pub(super) const fn exactness_words(exactness: Exactness) -> &'static str {
    match exactness {
        Exactness::Exact => "exact",
        Exactness::Batch => "to a batch per thread",
        Exactness::Rounded => "rounded",
        Exactness::UpperBound => "upper bound",
        Exactness::Estimate => "estimate",
        Exactness::Reported => "reported",
    }
}

/// In the base unit.
pub(super) fn in_base_unit(unit: Unit, value: Value) -> Value {
    match unit {
        Unit::Percent => Value::Float(value.as_f64() / 100.0),
        _ => value,
    }
}

/// Names of families that are taken, so that the user's own never stand twice.
#[derive(Default)]
pub(super) struct Taken(Vec<String>);

impl Taken {
    /// The name of the family of a user's own figure, without `_total`: `plimsoll_own_`, its name, and its base unit where
    /// the name does not end in it. One that is taken gets a number.
    pub(super) fn family(&mut self, figure: &OwnFigure) -> String {
        let (stem, unit) = (own_stem(figure), unit_word(figure.unit));
        let name = |number: usize| match (number, unit) {
            (1, "") => stem.clone(),
            (1, _) => format!("{stem}_{unit}"),
            (_, "") => format!("{stem}_{number}"),
            _ => format!("{stem}_{number}_{unit}"),
        };
        let is_free = |name: &String| !self.0.contains(name);
        let free = (1..=self.0.len() + 1).map(name).find(is_free).unwrap_or(stem);
        self.0.push(free.clone());
        free
    }
}

/// Without unit and `_total`.
fn own_stem(figure: &OwnFigure) -> String {
    let name = match figure.kind {
        Kind::Counter => figure.name.trim_end_matches("_total"),
        Kind::Gauge => figure.name.as_str(),
    };
    let name = spelled(name);
    let unit = format!("_{}", unit_word(figure.unit));
    let stem = if unit == "_" { &name } else { name.strip_suffix(&unit).unwrap_or(&name) };
    format!("plimsoll_own_{stem}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::METRICS;

    #[test]
    fn every_exception_is_one_and_every_name_stands_once() {
        for (name, _) in EXCEPTIONS {
            assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
        }
        let mut names: Vec<_> = METRICS.iter().map(Metric::prometheus_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }

    #[test]
    fn a_name_ends_in_its_base_unit() {
        for metric in METRICS {
            let name = metric.prometheus_name();
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            let bare = name.trim_end_matches("_total");
            assert!(bare.ends_with(unit_word(metric.unit)), "{name}");
            assert!(!bare.contains("percent") && !bare.ends_with("secs"), "{name}");
        }
    }

    fn own(name: &str, unit: Unit, kind: Kind) -> OwnFigure {
        OwnFigure { name: name.into(), unit, kind, help: String::new(), value: None }
    }

    #[test]
    fn own_figures_get_a_family_each() {
        let mut taken = Taken::default();
        let mut family = |name, unit, kind| taken.family(&own(name, unit, kind));
        assert_eq!(family("queue", Unit::Count, Kind::Gauge), "plimsoll_own_queue");
        assert_eq!(family("queue_total", Unit::Count, Kind::Counter), "plimsoll_own_queue_2");
        assert_eq!(family("hit_percent", Unit::Percent, Kind::Gauge), "plimsoll_own_hit_ratio");
        assert_eq!(family("hit", Unit::Percent, Kind::Gauge), "plimsoll_own_hit_2_ratio");
        assert_eq!(family("sent_total", Unit::Bytes, Kind::Counter), "plimsoll_own_sent_bytes");
        assert_eq!(family("wait_secs", Unit::Seconds, Kind::Gauge), "plimsoll_own_wait_seconds");
    }
}
