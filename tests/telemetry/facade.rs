//! The `metrics` facade: whatever recorder the program has gets the figures, described once.

use crate::{alone, builder, eventually};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use plimsoll::{Kind, METRICS, OwnMetric};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

#[derive(Default)]
struct Book {
    gauges: Mutex<BTreeMap<String, Arc<Cell>>>,
    counters: Mutex<BTreeMap<String, Arc<Cell>>>,
    described: Mutex<Vec<(String, Option<Unit>, String)>>,
}

static BOOK: LazyLock<Book> = LazyLock::new(Book::default);

/// A recorder as a program would install it.
struct Keeping;

#[derive(Default)]
struct Cell(AtomicU64);

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }
    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }
    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl CounterFn for Cell {
    fn increment(&self, _: u64) {
        panic!("counters are absolute");
    }
    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

fn named(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
    format!(
        "{}{}",
        key.name(),
        if labels.is_empty() { String::new() } else { format!("{labels:?}") }
    )
}

impl Recorder for Keeping {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_gauge(key, unit, help);
    }
    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        BOOK.described.lock().unwrap().push((key.as_str().to_owned(), unit, help.to_string()));
    }
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut counters = BOOK.counters.lock().unwrap();
        Counter::from_arc(counters.entry(named(key)).or_default().clone())
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let mut gauges = BOOK.gauges.lock().unwrap();
        Gauge::from_arc(gauges.entry(named(key)).or_default().clone())
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("there are no histograms");
    }
}

fn gauge(name: &str) -> Option<f64> {
    BOOK.gauges.lock().unwrap().get(name).map(|cell| f64::from_bits(cell.0.load(Ordering::Relaxed)))
}

fn counter(name: &str) -> Option<u64> {
    BOOK.counters.lock().unwrap().get(name).map(|cell| cell.0.load(Ordering::Relaxed))
}

#[test]
fn the_recorder_has_what_the_last_tick_saw() {
    let _alone = alone();
    metrics::set_global_recorder(Keeping).map_err(drop).unwrap();
    static KNOWN: AtomicU64 = AtomicU64::new(1);
    let seen = || (KNOWN.load(Ordering::Relaxed) == 1).then_some(3.0);
    let monitor = builder()
        .interval(std::time::Duration::from_millis(20))
        .metric(OwnMetric::gauge("queued", plimsoll::Unit::Count, "Requests that wait.", seen))
        .memory_source("gpu", || Some(4096))
        .metrics_facade()
        .start()
        .unwrap();
    monitor.register("pages", |bytes: u64| bytes).unwrap();
    eventually("the own ones are set", || gauge("queued"));
    eventually("the source is set", || gauge("plimsoll_source_bytes[\"source=gpu\"]"));
    assert_eq!(gauge("queued"), Some(3.0));
    KNOWN.store(0, Ordering::Relaxed);
    eventually("unknown is no number", || gauge("queued").filter(|value| value.is_nan()));
    monitor.stop();
    let latest = monitor.latest().unwrap();
    for metric in METRICS {
        let (name, value) = (format!("plimsoll_{}", metric.name), metric.get(&latest));
        let found = match metric.kind {
            Kind::Counter => counter(&name).map(|total| total as f64),
            _ => gauge(&name),
        };
        assert_eq!(found, value.map(plimsoll::Value::as_f64), "{name}");
    }
    assert_eq!(gauge("plimsoll_source_bytes[\"source=gpu\"]"), Some(4096.0));
    assert_eq!(counter("plimsoll_cache_strikes_total[\"cache=pages\"]"), Some(0));
    let described = BOOK.described.lock().unwrap().clone();
    let of = |name: &str| described.iter().filter(|(known, ..)| known == name).collect::<Vec<_>>();
    for metric in METRICS {
        let described = of(&format!("plimsoll_{}", metric.name));
        assert_eq!(described.len(), 1, "{}", metric.name);
        assert_eq!(described[0].2, metric.help);
    }
    assert_eq!(of("plimsoll_live_bytes")[0].1, Some(Unit::Bytes));
    assert_eq!(of("queued").len(), 1);
}
