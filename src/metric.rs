//! `METRICS`: every figure there is, once: name, unit, kind, exactness, source and help.
//!
//! Snapshots store what this table lists, exporters write what it lists, and the README's table is tested against it.

use crate::level::Level;
use serde::Serialize;

/// What a metric's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Live objects per second.
    ObjectsPerSecond,
    /// Live or past allocations.
    Objects,
    /// Events, threads, slots.
    Count,
    /// Hundredths of a whole.
    Percent,
    /// Seconds.
    Seconds,
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Only up; its name ends in `_total`.
    Counter,
}

/// How far a metric can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exactness {
    /// The truth, at a quiet moment.
    Exact,
    /// The truth to within [`BATCH`](crate::BATCH) bytes per thread.
    Batch,
    /// As its source rounds it: to pages, size classes, or the kernel's own batches.
    Rounded,
    /// The truth is at most this.
    UpperBound,
    /// Computed from samples.
    Estimate,
    /// What somebody's code said of itself.
    Reported,
}

/// Where a metric's number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The wrapper's own counters.
    Counters,
    /// jemalloc's statistics.
    Jemalloc,
    /// `/proc/self`.
    Process,
    /// The memory control group.
    Cgroup,
    /// Pressure stall information.
    Kernel,
    /// The monitor.
    Monitor,
}

/// A metric's number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Whole units.
    Integer(u64),
    /// Rates and shares.
    Float(f64),
}

impl Value {
    /// The number, whole or not; integers above 2^53 lose their last digits.
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
        }
    }
}

/// One metric of the table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name everywhere: accessor, JSON key, and with a prefix in exporters.
    pub name: &'static str,
    /// What its number counts.
    pub unit: Unit,
    /// How it moves.
    pub kind: Kind,
    /// How far it can be believed.
    pub exactness: Exactness,
    /// Where it comes from.
    pub source: Source,
    /// One sentence.
    pub help: &'static str,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Integer(Field),
    Count(CountField),
    Float(FloatField),
    Derived(fn(&Values) -> Option<Value>),
}

impl Metric {
    /// The metric's number among `values`; `None` where it is unknown.
    pub fn get(&self, values: &Values) -> Option<Value> {
        match self.place {
            Place::Integer(field) => values.integer(field).map(Value::Integer),
            Place::Count(field) => values.count(field).map(Value::Integer),
            Place::Float(field) => values.float(field).map(Value::Float),
            Place::Derived(get) => get(values),
        }
    }

    /// Whether its number is a whole one; `None` for a derived one, which is not stored.
    #[cfg(feature = "recorder")]
    pub(crate) fn stored_whole(&self) -> Option<bool> {
        match self.place {
            Place::Integer(_) | Place::Count(_) => Some(true),
            Place::Float(_) => Some(false),
            Place::Derived(_) => None,
        }
    }

    /// Stores the metric's number in `values`; a derived one is not stored.
    ///
    /// # Errors
    /// For a fraction where only whole numbers make sense.
    pub(crate) fn set(&self, values: &mut Values, value: Value) -> Result<(), ()> {
        match (self.place, value) {
            (Place::Integer(field), Value::Integer(number)) => values.set(field, Some(number)),
            (Place::Count(field), Value::Integer(number)) => values.set_count(field, Some(number)),
            (Place::Integer(_) | Place::Count(_), Value::Float(_)) => return Err(()),
            (Place::Float(field), value) => values.set_float(field, Some(value.as_f64())),
            (Place::Derived(_), _) => {}
        }
        Ok(())
    }
}

/// Declares the table. Stored figures take a place in every snapshot, derived ones are computed from them.
macro_rules! metrics {
    (
        integers { $($i_name:ident $i_field:ident: $i_unit:ident $i_kind:ident $i_exact:ident $i_source:ident $i_help:literal;)* }
        counts { $($c_name:ident $c_field:ident: $c_unit:ident $c_kind:ident $c_exact:ident $c_source:ident $c_help:literal;)* }
        floats { $($f_name:ident $f_field:ident: $f_unit:ident $f_kind:ident $f_exact:ident $f_source:ident $f_help:literal;)* }
        derived { $($d_name:ident -> $d_type:ident: $d_unit:ident $d_kind:ident $d_exact:ident $d_source:ident $d_help:literal $d_get:expr;)* }
    ) => {
        /// A whole number that every snapshot stores.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Field { $($i_field),* }

        /// A whole number that stays small: of threads, of events.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum CountField { $($c_field),* }

        /// A rate or share that every snapshot stores.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum FloatField { $($f_field),* }

        const INTEGERS: usize = [$(Field::$i_field),*].len();
        const COUNTS: usize = [$(CountField::$c_field),*].len();
        const FLOATS: usize = [$(FloatField::$f_field),*].len();

        /// Every metric, in the order of the pipeline: counters, jemalloc, process, cgroup, monitor.
        ///
        /// ```
        /// for metric in plimsoll::METRICS {
        ///     println!("{}: {}", metric.name, metric.help);
        /// }
        /// ```
        pub const METRICS: &[Metric] = &[
            $(Metric {
                name: stringify!($d_name), unit: Unit::$d_unit, kind: Kind::$d_kind, exactness: Exactness::$d_exact,
                source: Source::$d_source, help: $d_help,
                place: Place::Derived(|values| values.$d_name().map(|value| metrics!(@value $d_type value))),
            },)*
            $(Metric {
                name: stringify!($i_name), unit: Unit::$i_unit, kind: Kind::$i_kind, exactness: Exactness::$i_exact,
                source: Source::$i_source, help: $i_help, place: Place::Integer(Field::$i_field),
            },)*
            $(Metric {
                name: stringify!($c_name), unit: Unit::$c_unit, kind: Kind::$c_kind, exactness: Exactness::$c_exact,
                source: Source::$c_source, help: $c_help, place: Place::Count(CountField::$c_field),
            },)*
            $(Metric {
                name: stringify!($f_name), unit: Unit::$f_unit, kind: Kind::$f_kind, exactness: Exactness::$f_exact,
                source: Source::$f_source, help: $f_help, place: Place::Float(FloatField::$f_field),
            },)*
        ];

        impl Values {
            $(
                #[doc = $d_help]
                #[doc = concat!("\n\nIn ", stringify!($d_unit), "; kind: ", stringify!($d_exact), "; source: ", stringify!($d_source), ".")]
                pub fn $d_name(&self) -> Option<$d_type> { let get: fn(&Values) -> Option<$d_type> = $d_get; get(self) }
            )*
            $(
                #[doc = $i_help]
                #[doc = concat!("\n\nIn ", stringify!($i_unit), "; kind: ", stringify!($i_exact), "; source: ", stringify!($i_source), ".")]
                pub fn $i_name(&self) -> Option<u64> { self.integer(Field::$i_field) }
            )*
            $(
                #[doc = $c_help]
                #[doc = concat!("\n\nIn ", stringify!($c_unit), "; kind: ", stringify!($c_exact), "; source: ", stringify!($c_source), ". At most 4 294 967 294.")]
                pub fn $c_name(&self) -> Option<u64> { self.count(CountField::$c_field) }
            )*
            $(
                #[doc = $f_help]
                #[doc = concat!("\n\nIn ", stringify!($f_unit), "; kind: ", stringify!($f_exact), "; source: ", stringify!($f_source), ".")]
                pub fn $f_name(&self) -> Option<f64> { self.float(FloatField::$f_field) }
            )*
        }
    };
    (@value u64 $value:ident) => { Value::Integer($value) };
    (@value f64 $value:ident) => { Value::Float($value) };
}

metrics! {
    integers {
        peak_live_bytes PeakLive: Bytes Gauge Batch Counters "The most requested bytes that were live at once.";
        alloc_objects_total AllocObjects: Objects Counter Exact Counters "Successful allocations so far.";
        free_objects_total FreeObjects: Objects Counter Exact Counters "Objects freed so far.";
        alloc_bytes_total AllocBytes: Bytes Counter Exact Counters "Bytes allocated so far, growth by realloc included.";
        free_bytes_total FreeBytes: Bytes Counter Exact Counters "Bytes freed so far, shrinkage by realloc included.";
        realloc_total Reallocs: Count Counter Exact Counters "Successful realloc calls so far.";
        jemalloc_allocated_bytes Allocated: Bytes Gauge Rounded Jemalloc "Bytes in size classes handed out, thread caches included.";
        jemalloc_active_bytes Active: Bytes Gauge Rounded Jemalloc "Bytes in active pages.";
        jemalloc_metadata_bytes Metadata: Bytes Gauge Rounded Jemalloc "Bytes jemalloc keeps for its own records.";
        jemalloc_resident_bytes Resident: Bytes Gauge UpperBound Jemalloc "Bytes of jemalloc's that may be resident: metadata, active and dirty pages.";
        jemalloc_mapped_bytes Mapped: Bytes Gauge Rounded Jemalloc "Bytes in active extents.";
        jemalloc_retained_bytes Retained: Bytes Gauge Rounded Jemalloc "Address space kept without memory behind it.";
        jemalloc_dirty_bytes Dirty: Bytes Gauge Rounded Jemalloc "Bytes in unused pages that are still backed by memory.";
        jemalloc_muzzy_bytes Muzzy: Bytes Gauge Rounded Jemalloc "Bytes in unused pages already offered to the system.";
        process_rss_bytes Rss: Bytes Gauge Rounded Process "Resident memory of the process.";
        process_rss_peak_bytes RssPeak: Bytes Gauge Rounded Process "The most resident memory the process has had.";
        process_anon_bytes Anon: Bytes Gauge Rounded Process "Resident memory that no file backs: heap, stacks, private mappings.";
        process_file_bytes File: Bytes Gauge Rounded Process "Resident memory that files back: code, mapped files.";
        process_shmem_bytes Shmem: Bytes Gauge Rounded Process "Resident shared memory.";
        process_virtual_bytes Virtual: Bytes Gauge Rounded Process "Address space of the process.";
        process_swap_bytes Swap: Bytes Gauge Rounded Process "Memory of the process that was swapped out.";
        cgroup_charged_bytes Charged: Bytes Gauge Rounded Cgroup "What the kernel charges the control group with.";
        cgroup_limit_bytes Limit: Bytes Gauge Exact Cgroup "Where the kernel stops the control group; unknown where there is no limit.";
        cgroup_anon_bytes CgroupAnon: Bytes Gauge Rounded Cgroup "Charged anonymous memory.";
        cgroup_file_bytes CgroupFile: Bytes Gauge Rounded Cgroup "Charged page cache.";
        cgroup_kernel_bytes CgroupKernel: Bytes Gauge Rounded Cgroup "Charged kernel memory.";
        cgroup_sock_bytes CgroupSock: Bytes Gauge Rounded Cgroup "Charged socket buffers.";
        budget_bytes Budget: Bytes Gauge Exact Monitor "What the process may use.";
        usage_bytes Usage: Bytes Gauge Rounded Monitor "What is used of the budget, by the meter in force.";
        usage_low_bytes UsageLow: Bytes Gauge Rounded Monitor "What is used at least: memory that the kernel cannot drop.";
        usage_high_bytes UsageHigh: Bytes Gauge Rounded Monitor "What is used at most: all that is charged or resident, page cache included.";
        caches_bytes Caches: Bytes Gauge Reported Monitor "What the registered caches say they hold.";
        evicted_bytes_total EvictedBytes: Bytes Counter Exact Monitor "Bytes freed by evictions, measured.";
    }
    counts {
        thread_slots ThreadSlots: Count Gauge Exact Counters "Thread slots ever leased: the most threads that allocated and lived at once.";
        process_threads Threads: Count Gauge Exact Process "Threads of the process.";
        cgroup_oom_kills_total OomKills: Count Counter Exact Cgroup "Processes of the control group killed for want of memory.";
        cgroup_limit_hits_total LimitHits: Count Counter Exact Cgroup "Times the control group reached its limit.";
        evictions_total Evictions: Count Counter Exact Monitor "Evictions carried out.";
        purges_total Purges: Count Counter Exact Monitor "Times unused pages were given back to the system on the monitor's demand.";
    }
    floats {
        growth_bytes_per_sec Growth: BytesPerSecond Gauge Estimate Monitor "How fast the usage grows over the growth window; negative when it shrinks.";
        growth_objects_per_sec GrowthObjects: ObjectsPerSecond Gauge Estimate Monitor "How fast the live objects grow, by the longest window of the forecast that is known.";
        time_to_budget_secs TimeToBudget: Seconds Gauge Estimate Monitor "The soonest that the usage reaches the budget if it goes on as it grows; unknown while it does not grow.";
        pressure_some_percent PressureSome: Percent Gauge Estimate Kernel "Share of the last ten seconds in which some task waited for memory.";
        pressure_full_percent PressureFull: Percent Gauge Estimate Kernel "Share of the last ten seconds in which all tasks waited for memory.";
    }
    derived {
        live_objects -> u64: Objects Gauge Exact Counters "Objects allocated and not yet freed."
            |v| Some(v.alloc_objects_total()?.saturating_sub(v.free_objects_total()?));
        live_bytes -> u64: Bytes Gauge Exact Counters "Requested bytes of the live objects."
            |v| Some(v.alloc_bytes_total()?.saturating_sub(v.free_bytes_total()?));
        usage_percent -> f64: Percent Gauge Rounded Monitor "Usage as a share of the budget."
            |v| Some(v.usage_bytes()? as f64 * 100.0 / v.budget_bytes().filter(|budget| *budget > 0)? as f64);
    }
}

/// One number for every stored metric, in a fixed place; unknown ones marked as such.
#[derive(Clone, Copy)]
pub struct Values {
    integers: [u64; INTEGERS],
    counts: [u32; COUNTS],
    floats: [f32; FLOATS],
    /// Here and not in the snapshot, where alignment would make eight bytes of it.
    pub(crate) level: Level,
}

/// No count of bytes or objects reaches it.
const UNKNOWN: u64 = u64::MAX;

/// A count that would reach it stays one below.
const UNKNOWN_COUNT: u32 = u32::MAX;

impl Values {
    /// Everything unknown.
    pub(crate) const fn unknown() -> Self {
        Values {
            integers: [UNKNOWN; INTEGERS],
            counts: [UNKNOWN_COUNT; COUNTS],
            floats: [f32::NAN; FLOATS],
            level: Level::Healthy,
        }
    }

    fn integer(&self, field: Field) -> Option<u64> {
        self.integers.get(field as usize).copied().filter(|number| *number != UNKNOWN)
    }

    fn count(&self, field: CountField) -> Option<u64> {
        let known = self.counts.get(field as usize).filter(|number| **number != UNKNOWN_COUNT);
        known.copied().map(u64::from)
    }

    fn float(&self, field: FloatField) -> Option<f64> {
        self.floats.get(field as usize).copied().filter(|n| n.is_finite()).map(f64::from)
    }

    pub(crate) fn set(&mut self, field: Field, number: Option<u64>) {
        if let Some(place) = self.integers.get_mut(field as usize) {
            *place = number.unwrap_or(UNKNOWN);
        }
    }

    /// Stores a count, of which 4 294 967 294 stands for all that are larger.
    pub(crate) fn set_count(&mut self, field: CountField, number: Option<u64>) {
        let most = u64::from(UNKNOWN_COUNT - 1);
        let number = number.and_then(|number| u32::try_from(number.min(most)).ok());
        if let Some(place) = self.counts.get_mut(field as usize) {
            *place = number.unwrap_or(UNKNOWN_COUNT);
        }
    }

    /// Stores a rate or share, to seven digits.
    pub(crate) fn set_float(&mut self, field: FloatField, number: Option<f64>) {
        if let Some(place) = self.floats.get_mut(field as usize) {
            *place = number.map_or(f32::NAN, |number| number as f32);
        }
    }
}

impl PartialEq for Values {
    /// Unknown equals unknown.
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level && METRICS.iter().all(|m| m.get(self) == m.get(other))
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = METRICS.iter().filter_map(|m| Some((m.name, m.get(self)?.as_f64())));
        f.debug_map().entries(known).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        for metric in METRICS {
            let counter = metric.kind == Kind::Counter;
            assert_eq!(counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            if metric.unit == Unit::Bytes && !counter {
                assert!(metric.name.ends_with("_bytes"), "{}", metric.name);
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "a name stands twice");
    }

    #[test]
    fn unknown_is_not_zero() {
        let mut values = Values::unknown();
        assert!(METRICS.iter().all(|metric| metric.get(&values).is_none()));
        values.set(Field::Rss, Some(0));
        assert_eq!(values.process_rss_bytes(), Some(0));
        values.set(Field::Rss, None);
        assert_eq!(values.process_rss_bytes(), None);
        values.set_count(CountField::Evictions, Some(u64::MAX - 1));
        assert_eq!(
            values.evictions_total(),
            Some(u64::from(u32::MAX) - 1),
            "as many as there is room for"
        );
        values.set_count(CountField::Evictions, None);
        assert_eq!(values.evictions_total(), None);
        values.set_float(FloatField::Growth, Some(-1.5));
        assert_eq!(values.growth_bytes_per_sec(), Some(-1.5));
        values.set(Field::Usage, Some(10));
        assert_eq!(values.usage_percent(), None, "a share of an unknown budget");
        values.set(Field::Budget, Some(0));
        assert_eq!(values.usage_percent(), None, "a share of nothing");
        values.set(Field::Budget, Some(40));
        assert_eq!(values.usage_percent(), Some(25.0));
    }
}
