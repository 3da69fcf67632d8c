//! What every figure is called in OpenTelemetry, with its unit (UCUM) and the kind of its instrument.
//!
//! `process.*` are names of the semantic conventions; the rest are ours, in their manner.

use super::Get;
use crate::metric::{METRICS, Metric, Unit};

/// An instrument's kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Grows only.
    Counter,
    /// Up and down, and makes sense added up over processes.
    UpDown,
    /// Whole, up and down, and makes none.
    Whole,
    /// The same, of fractions: divided by this.
    Gauge(f64),
}

impl Shape {
    const fn as_str(self) -> &'static str {
        match self {
            Shape::Counter => "counter",
            Shape::UpDown => "updowncounter",
            Shape::Whole | Shape::Gauge(_) => "gauge",
        }
    }
}

/// What a metric of the table is called.
#[derive(Debug)]
pub(super) struct Name {
    /// In `METRICS`.
    of: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) shape: Shape,
}

/// A figure that is in no table.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) shape: Shape,
    pub(super) help: &'static str,
}

/// A figure that every cache has.
pub(super) struct CacheName {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) shape: Shape,
    pub(super) help: &'static str,
    pub(super) get: Get,
}

const fn named(of: &'static str, name: &'static str, unit: &'static str, shape: Shape) -> Name {
    Name { of, name, unit, shape }
}

use Shape::{Counter, Gauge, UpDown, Whole};

const NAMES: [Name; 45] = [
    named("live_objects", "plimsoll.memory.live_objects", "{object}", UpDown),
    named("live_bytes", "plimsoll.memory.live", "By", UpDown),
    named("usage_percent", "plimsoll.memory.utilization", "1", Gauge(100.0)),
    named("peak_live_bytes", "plimsoll.memory.live_peak", "By", Whole),
    named("alloc_objects_total", "plimsoll.memory.allocations", "{allocation}", Counter),
    named("free_objects_total", "plimsoll.memory.frees", "{object}", Counter),
    named("alloc_bytes_total", "plimsoll.memory.allocated", "By", Counter),
    named("free_bytes_total", "plimsoll.memory.freed", "By", Counter),
    named("realloc_total", "plimsoll.memory.reallocations", "{reallocation}", Counter),
    named("jemalloc_allocated_bytes", "jemalloc.memory.allocated", "By", UpDown),
    named("jemalloc_active_bytes", "jemalloc.memory.active", "By", UpDown),
    named("jemalloc_metadata_bytes", "jemalloc.memory.metadata", "By", UpDown),
    named("jemalloc_resident_bytes", "jemalloc.memory.resident", "By", UpDown),
    named("jemalloc_mapped_bytes", "jemalloc.memory.mapped", "By", UpDown),
    named("jemalloc_retained_bytes", "jemalloc.memory.retained", "By", UpDown),
    named("jemalloc_dirty_bytes", "jemalloc.memory.dirty", "By", UpDown),
    named("jemalloc_muzzy_bytes", "jemalloc.memory.muzzy", "By", UpDown),
    named("process_rss_bytes", "process.memory.usage", "By", UpDown),
    named("process_rss_peak_bytes", "plimsoll.process.memory.peak", "By", Whole),
    named("process_anon_bytes", "plimsoll.process.memory.anon", "By", UpDown),
    named("process_file_bytes", "plimsoll.process.memory.file", "By", UpDown),
    named("process_shmem_bytes", "plimsoll.process.memory.shmem", "By", UpDown),
    named("process_virtual_bytes", "process.memory.virtual", "By", UpDown),
    named("process_swap_bytes", "plimsoll.process.memory.swap", "By", UpDown),
    named("cgroup_charged_bytes", "plimsoll.cgroup.memory.charged", "By", Whole),
    named("cgroup_limit_bytes", "plimsoll.cgroup.memory.limit", "By", Whole),
    named("cgroup_anon_bytes", "plimsoll.cgroup.memory.anon", "By", Whole),
    named("cgroup_file_bytes", "plimsoll.cgroup.memory.file", "By", Whole),
    named("cgroup_kernel_bytes", "plimsoll.cgroup.memory.kernel", "By", Whole),
    named("cgroup_sock_bytes", "plimsoll.cgroup.memory.sock", "By", Whole),
    named("budget_bytes", "plimsoll.memory.limit", "By", UpDown),
    named("usage_bytes", "plimsoll.memory.used", "By", UpDown),
    named("usage_low_bytes", "plimsoll.memory.used_low", "By", UpDown),
    named("usage_high_bytes", "plimsoll.memory.used_high", "By", UpDown),
    named("caches_bytes", "plimsoll.memory.caches", "By", UpDown),
    named("evicted_bytes_total", "plimsoll.memory.evicted", "By", Counter),
    named("thread_slots", "plimsoll.thread.slots", "{slot}", UpDown),
    named("process_threads", "process.thread.count", "{thread}", UpDown),
    named("cgroup_oom_kills_total", "plimsoll.cgroup.memory.oom_kills", "{kill}", Counter),
    named("cgroup_limit_hits_total", "plimsoll.cgroup.memory.limit_hits", "{hit}", Counter),
    named("evictions_total", "plimsoll.memory.evictions", "{eviction}", Counter),
    named("purges_total", "plimsoll.memory.purges", "{purge}", Counter),
    named("growth_bytes_per_sec", "plimsoll.memory.growth", "By/s", Gauge(1.0)),
    named("growth_objects_per_sec", "plimsoll.memory.object_growth", "{object}/s", Gauge(1.0)),
    named("time_to_budget_secs", "plimsoll.memory.time_to_limit", "s", Gauge(1.0)),
];

/// Shares of time, which belong to no memory.
const PRESSURE: [Name; 2] = [
    named("pressure_some_percent", "plimsoll.pressure.some", "1", Gauge(100.0)),
    named("pressure_full_percent", "plimsoll.pressure.full", "1", Gauge(100.0)),
];

pub(super) const LEVEL: Extra = Extra {
    name: "plimsoll.level",
    unit: "1",
    shape: Whole,
    help: "How full the budget is: 0 healthy, 1 caution, 2 warning, 3 critical.",
};

/// With the attribute `plimsoll.source.name`.
pub(super) const SOURCES: Extra = Extra {
    name: "plimsoll.source.memory",
    unit: "By",
    shape: UpDown,
    help: "Memory that the program says it has outside the heap.",
};

const fn of_cache(
    name: &'static str,
    unit: &'static str,
    shape: Shape,
    help: &'static str,
    get: Get,
) -> CacheName {
    CacheName { name, unit, shape, help, get }
}

/// With the attribute `plimsoll.cache.name`.
pub(super) const CACHES: [CacheName; 9] = [
    of_cache("plimsoll.cache.usage", "By", UpDown, "What the cache says it holds.", |cache| {
        cache.usage_bytes.map(|bytes| bytes as f64)
    }),
    of_cache("plimsoll.cache.ceiling", "By", UpDown, "What the cache may hold.", |cache| {
        cache.ceiling_bytes.map(|bytes| bytes as f64)
    }),
    of_cache("plimsoll.cache.asks", "{ask}", Counter, "How often the cache was asked.", |cache| {
        Some(cache.asks as f64)
    }),
    of_cache("plimsoll.cache.asked", "By", Counter, "What the cache was asked for.", |cache| {
        Some(cache.asked_bytes as f64)
    }),
    of_cache("plimsoll.cache.claimed", "By", Counter, "What the cache said it freed.", |cache| {
        Some(cache.claimed_bytes as f64)
    }),
    of_cache("plimsoll.cache.given", "By", Counter, "What the cache freed, measured.", |cache| {
        Some(cache.given_bytes as f64)
    }),
    of_cache("plimsoll.cache.strikes", "{strike}", Counter, "Poor answers, or none.", |cache| {
        Some(cache.strikes as f64)
    }),
    of_cache(
        "plimsoll.cache.honesty",
        "1",
        Gauge(1.0),
        "Measured over claimed, lately.",
        |cache| cache.honesty,
    ),
    of_cache(
        "plimsoll.cache.quarantined",
        "1",
        Gauge(1.0),
        "1 while the cache is left alone for having panicked or hung, else 0.",
        |cache| Some(f64::from(u8::from(cache.quarantined))),
    ),
];

/// What a metric is called; `None` for one that was forgotten here, which a test looks for.
pub(super) fn name(metric: &Metric) -> Option<&'static Name> {
    static ALL: [&[Name]; 2] = [&NAMES, &PRESSURE];
    ALL.iter().copied().flatten().find(|name| name.of == metric.name)
}

/// A unit of the user's, in UCUM.
pub(super) const fn own_unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "By",
        Unit::BytesPerSecond => "By/s",
        Unit::ObjectsPerSecond => "{object}/s",
        Unit::Objects => "{object}",
        Unit::Count => "{count}",
        Unit::Percent => "%",
        Unit::Seconds => "s",
    }
}

/// Every figure's name in [`METRICS`], name, kind and unit in OpenTelemetry, and help: the table of `docs/opentelemetry.md`.
/// Those of caches and sources have an attribute, which stands in the first place.
#[doc(hidden)]
pub fn otel_names() -> Vec<[&'static str; 5]> {
    let of_table = METRICS.iter().filter_map(|metric| {
        let name = name(metric)?;
        Some([metric.name, name.name, name.shape.as_str(), name.unit, metric.help])
    });
    let extra = |of, it: &Extra| [of, it.name, it.shape.as_str(), it.unit, it.help];
    let caches = CACHES
        .iter()
        .map(|it| ["plimsoll.cache.name", it.name, it.shape.as_str(), it.unit, it.help]);
    let source = extra("plimsoll.source.name", &SOURCES);
    of_table.chain([extra("level", &LEVEL)]).chain(caches).chain([source]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Kind;

    #[test]
    fn every_metric_has_a_name_of_its_kind() {
        for metric in METRICS {
            let name = name(metric).unwrap_or_else(|| panic!("{} has no name", metric.name));
            let counter = metric.kind == Kind::Counter;
            assert_eq!(counter, name.shape == Shape::Counter, "{}", metric.name);
            let whole = matches!(metric.unit, Unit::Bytes | Unit::Objects | Unit::Count);
            assert_eq!(whole, !matches!(name.shape, Gauge(_)), "{}", metric.name);
            assert_eq!(metric.unit == Unit::Bytes, name.unit == "By", "{}", metric.name);
            let is_share = metric.unit == Unit::Percent;
            assert_eq!(is_share, name.shape == Gauge(100.0), "{}", metric.name);
        }
    }

    #[test]
    fn no_name_stands_twice_or_is_the_beginning_of_another() {
        let names = otel_names();
        assert_eq!(names.len(), METRICS.len() + 2 + CACHES.len());
        for (index, [_, name, ..]) in names.iter().enumerate() {
            let others = names.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, [_, other, ..]) in others {
                assert_ne!(name, other);
                assert!(!other.starts_with(&format!("{name}.")), "{name} and {other}");
            }
        }
    }
}
