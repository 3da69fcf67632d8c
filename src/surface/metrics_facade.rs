//! The bridge to the `metrics` facade: gauges and counters, set from what each tick saw. Whatever recorder the program
//! installed has them; none is installed here.

use super::follow::{Follow, follow};
use crate::error::Error;
use crate::eviction::CacheStatus;
use crate::metric::{Kind, METRICS, Metric, Unit, Value};
use crate::monitor::{Handle, Monitor, Serving};
use crate::own::OwnFigure;
use crate::snapshot::{Moment, Snapshot};
use metrics::{
    Label, Unit as Said, counter, describe_counter, describe_gauge, gauge, with_recorder,
};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Ticks that come faster than this are passed over.
const PACE: Duration = Duration::from_secs(1);

/// Starts the thread, if it is asked for.
///
/// # Errors
/// When the system refuses the thread.
pub(super) fn start(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    if !serving.facade {
        return Ok(());
    }
    follow(monitor, "plimsoll-metrics", Bridge::default())
}

#[derive(Default)]
struct Bridge {
    /// To which recorder, by its address.
    described: Option<usize>,
    gauges: Gauges,
    last: Option<Instant>,
    /// The snapshot that was set last, by its uptime.
    seen: Option<Duration>,
}

impl Follow for Bridge {
    fn look(&mut self, handle: &Handle, at: Moment) -> Option<Instant> {
        let early = self.last.map(|last| last + PACE).filter(|next| *next > at.instant);
        if early.is_some() {
            return early;
        }
        let latest = handle.latest()?;
        if self.seen == Some(latest.uptime()) {
            return None;
        }
        (self.last, self.seen) = (Some(at.instant), Some(latest.uptime()));
        self.set(handle, &latest);
        None
    }

    fn finish(&mut self, handle: &Handle, _: Moment) {
        handle.latest().iter().for_each(|latest| self.set(handle, latest));
    }
}

impl Bridge {
    fn set(&mut self, handle: &Handle, latest: &Snapshot) {
        let own = handle.own_metrics();
        // The program may have installed its recorder since.
        let recorder = Some(with_recorder(|it| std::ptr::from_ref(it).addr()));
        if self.described != recorder {
            self.described = recorder;
            METRICS.iter().for_each(|metric| describe(metric.name, metric));
            own.iter().for_each(describe_own);
            describe_others();
        }
        METRICS.iter().for_each(|metric| self.set_metric(metric, latest));
        self.gauges.set("plimsoll_level".into(), None, Some(f64::from(latest.level() as u8)));
        own.iter().for_each(|own| self.set_own(own));
        handle.caches().iter().for_each(|cache| self.set_cache(cache));
        for source in handle.sources() {
            let label = Label::new("source", source.name);
            let value = source.reported_bytes.map(|bytes| bytes as f64);
            self.gauges.set("plimsoll_source_bytes".into(), Some(label), value);
        }
        self.gauges.end();
    }

    /// A counter that is unknown stays.
    fn set_metric(&mut self, metric: &Metric, latest: &Snapshot) {
        let (name, value) = (prefixed(metric.name), metric.get(latest));
        match (metric.kind, value) {
            (Kind::Counter, Some(Value::Integer(total))) => counter!(name).absolute(total),
            (Kind::Counter, _) => {}
            (Kind::Gauge, value) => self.gauges.set(name, None, value.map(Value::as_f64)),
        }
    }

    fn set_own(&mut self, own: &OwnFigure) {
        let name = own.name.clone();
        match (own.kind, own.value) {
            (Kind::Counter, Some(total)) => counter!(name).absolute(total.max(0.0) as u64),
            (Kind::Counter, None) => {}
            (Kind::Gauge, value) => self.gauges.set(name, None, value),
        }
    }

    fn set_cache(&mut self, cache: &CacheStatus) {
        let label = Label::new("cache", cache.name.clone());
        let usage = cache.usage_bytes.map(|bytes| bytes as f64);
        self.gauges.set("plimsoll_cache_bytes".into(), Some(label), usage);
        for (name, total) in [
            ("plimsoll_cache_asked_bytes_total", cache.asked_bytes),
            ("plimsoll_cache_given_bytes_total", cache.given_bytes),
            ("plimsoll_cache_strikes_total", cache.strikes),
        ] {
            counter!(name, "cache" => cache.name.clone()).absolute(total);
        }
    }
}

/// What was ever known. A gauge that no longer is becomes not a number, so that no old value is taken for one of now; one that
/// never was is not set.
#[derive(Default)]
struct Gauges {
    known: BTreeSet<Named>,
    /// Since the last end.
    set: BTreeSet<Named>,
}

type Named = (String, Option<Label>);

impl Gauges {
    fn set(&mut self, name: String, label: Option<Label>, value: Option<f64>) {
        let key = (name, label);
        let was_known = self.known.contains(&key);
        if value.is_none() && !was_known {
            return;
        }
        set(&key, value.unwrap_or(f64::NAN));
        self.known.insert(key.clone());
        self.set.insert(key);
    }

    /// What was not set since the last end is there no more: a cache that was unregistered.
    fn end(&mut self) {
        self.known.difference(&self.set).for_each(|key| set(key, f64::NAN));
        self.known = std::mem::take(&mut self.set);
    }
}

fn set((name, label): &Named, value: f64) {
    gauge!(name.clone(), label.iter().cloned().collect::<Vec<_>>()).set(value);
}

fn prefixed(name: &str) -> String {
    format!("plimsoll_{name}")
}

fn describe(name: &str, metric: &Metric) {
    match metric.kind {
        Kind::Counter => describe_counter!(prefixed(name), said(metric.unit), metric.help),
        Kind::Gauge => describe_gauge!(prefixed(name), said(metric.unit), metric.help),
    }
}

fn describe_own(own: &OwnFigure) {
    match own.kind {
        Kind::Counter => describe_counter!(own.name.clone(), said(own.unit), own.help.clone()),
        Kind::Gauge => describe_gauge!(own.name.clone(), said(own.unit), own.help.clone()),
    }
}

fn describe_others() {
    describe_gauge!(
        "plimsoll_level",
        "How full the budget is: 0 healthy, 1 caution, 2 warning, 3 critical."
    );
    describe_gauge!("plimsoll_cache_bytes", Said::Bytes, "What the cache says it holds.");
    describe_counter!("plimsoll_cache_asked_bytes_total", Said::Bytes, "What it was asked for.");
    describe_counter!("plimsoll_cache_given_bytes_total", Said::Bytes, "What it freed, measured.");
    describe_counter!("plimsoll_cache_strikes_total", Said::Count, "Poor answers, or none.");
    describe_gauge!(
        "plimsoll_source_bytes",
        Said::Bytes,
        "Memory that the program says it has outside the heap."
    );
}

/// The facade has no words for rates of bytes and of objects.
const fn said(unit: Unit) -> Said {
    match unit {
        Unit::Bytes => Said::Bytes,
        Unit::BytesPerSecond | Unit::ObjectsPerSecond => Said::CountPerSecond,
        Unit::Objects | Unit::Count => Said::Count,
        Unit::Percent => Said::Percent,
        Unit::Seconds => Said::Seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString};
    use parking_lot::Mutex;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Full;

    impl crate::Cache for Full {
        fn shrink(&self, _: &crate::Ask) -> crate::ShrinkReport {
            0.into()
        }

        fn usage_bytes(&self) -> Option<u64> {
            Some(7)
        }
    }

    #[derive(Default)]
    struct Described(Mutex<Vec<String>>, Mutex<BTreeMap<String, Arc<AtomicU64>>>);

    impl Described {
        fn gauge(&self, key: &str) -> Option<f64> {
            self.1.lock().get(key).map(|bits| f64::from_bits(bits.load(Ordering::Relaxed)))
        }
    }

    impl Recorder for Described {
        fn describe_counter(&self, name: KeyName, _: Option<Said>, _: SharedString) {
            self.0.lock().push(name.as_str().to_owned());
        }
        fn describe_gauge(&self, name: KeyName, unit: Option<Said>, help: SharedString) {
            self.describe_counter(name, unit, help);
        }
        fn describe_histogram(&self, _: KeyName, _: Option<Said>, _: SharedString) {}
        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            let labels = key.labels().map(|label| format!(" {}", label.value()));
            let name = key.name().to_owned() + &labels.collect::<String>();
            Gauge::from_arc(self.1.lock().entry(name).or_default().clone())
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn the_gauge_of_a_cache_that_is_gone_is_no_number() {
        let monitor = Monitor::builder().start().expect("a monitor");
        let (mut bridge, recorder) = (Bridge::default(), Described::default());
        let mut set = || {
            let snapshot = monitor.snapshot();
            metrics::with_local_recorder(&recorder, || bridge.set(&monitor, &snapshot));
            recorder.gauge("plimsoll_cache_bytes pages")
        };
        let cache = monitor.register("pages", Full).expect("a cache");
        monitor.plan_eviction(1).expect("a plan, for which it is asked");
        assert_eq!(set(), Some(7.0));
        cache.unregister();
        assert!(set().is_some_and(f64::is_nan));
        assert!(recorder.gauge("plimsoll_budget_bytes").is_some_and(f64::is_finite));
    }

    /// The program may start its monitor first.
    #[test]
    fn a_recorder_that_comes_later_is_told_what_the_figures_are() {
        let monitor = Monitor::builder().start().expect("a monitor");
        let (mut bridge, snapshot) = (Bridge::default(), monitor.snapshot());
        bridge.set(&monitor, &snapshot);
        let recorder = Described::default();
        for _ in 0..2 {
            metrics::with_local_recorder(&recorder, || bridge.set(&monitor, &snapshot));
        }
        let described = recorder.0.into_inner();
        let times = described.iter().filter(|name| *name == "plimsoll_live_bytes").count();
        assert_eq!(times, 1, "{described:?}");
    }
}
