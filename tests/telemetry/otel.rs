//! Instruments on a caller's meter: the figures of the last tick, under their names, and nothing that is unknown.

use crate::collector::Collector;
use crate::{alone, builder, eventually};
use plimsoll::{METRICS, OwnMetric, Unit, otel_names};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn every_known_figure_is_observed_with_the_value_of_the_last_tick() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let latest = eventually("a tick", || monitor.latest());
    let collector = Collector::new();
    let _instruments = monitor.instruments(&collector.meter());
    let collected = collector.collect();
    let mut known = 0;
    for [of, name, shape, unit, help] in otel_names() {
        let Some(metric) = METRICS.iter().find(|metric| metric.name == of) else { continue };
        let Some(value) = metric.get(&latest) else {
            assert!(!collected.contains_key(name), "{name} is unknown");
            continue;
        };
        known += 1;
        let found = &collected[name];
        assert_eq!((found.shape, found.unit.as_str(), found.help.as_str()), (shape, unit, help));
        let scale = if of.ends_with("_percent") { 100.0 } else { 1.0 };
        assert_eq!(found.values[""], value.as_f64() / scale, "{name}");
    }
    assert!(known > 20, "{known} are known here");
    assert_eq!(collected["plimsoll.level"].values[""], 0.0);
}

#[test]
fn what_cannot_be_read_is_not_observed() {
    let _alone = alone();
    let nothing = tempfile::tempdir().unwrap();
    let monitor = builder().root(nothing.path()).start().unwrap();
    eventually("a tick", || monitor.latest());
    let collector = Collector::new();
    let _instruments = monitor.instruments(&collector.meter());
    let collected = collector.collect();
    assert!(!collected.contains_key("process.memory.usage"));
    assert!(!collected.contains_key("plimsoll.cgroup.memory.limit"));
    assert!(collected.contains_key("plimsoll.memory.live"));
}

#[test]
fn caches_sources_and_own_metrics_are_there_and_go() {
    let _alone = alone();
    static QUEUED: AtomicU64 = AtomicU64::new(12);
    let queued = || Some(QUEUED.load(Ordering::Relaxed) as f64);
    let monitor = builder()
        .metric(OwnMetric::gauge("queued", Unit::Count, "Requests that wait.", queued))
        .metric(OwnMetric::counter("served_total", Unit::Count, "Requests served.", || Some(7.0)))
        .metric(OwnMetric::gauge("silent", Unit::Seconds, "Never known.", || None))
        .memory_source("gpu", || Some(4096))
        .start()
        .unwrap();
    let pages = Arc::new(Mutex::new(vec![vec![0u8; 4096]; 100]));
    let cache = monitor
        .register("pages", {
            let pages = pages.clone();
            move |bytes: u64| {
                let mut pages = pages.lock().unwrap();
                let left = pages.len().saturating_sub(bytes.div_ceil(4096) as usize);
                (pages.drain(left..).count() * 4096) as u64
            }
        })
        .unwrap();
    eventually("the own ones are read", || {
        (monitor.own_metrics()[1].value.is_some()
            && monitor.ledger().sources[0].reported_bytes.is_some())
        .then_some(())
    });
    monitor.evict(40_960).unwrap();
    let collector = Collector::new();
    let instruments = monitor.instruments(&collector.meter());
    let collected = collector.collect();
    let of = |name: &str, attribute: &str| collected[name].values.get(attribute).copied();
    assert_eq!(of("queued", ""), Some(12.0));
    assert_eq!(
        (collected["queued"].unit.as_str(), collected["queued"].shape),
        ("{count}", "gauge")
    );
    assert_eq!((of("served_total", ""), collected["served_total"].shape), (Some(7.0), "counter"));
    assert!(!collected.contains_key("silent"));
    assert_eq!(of("plimsoll.source.memory", "plimsoll.source.name=gpu"), Some(4096.0));
    assert_eq!(of("plimsoll.cache.given", "plimsoll.cache.name=pages"), Some(40_960.0));
    assert_eq!(of("plimsoll.cache.asks", "plimsoll.cache.name=pages"), Some(1.0));
    assert!(!collected.contains_key("plimsoll.cache.usage"), "it does not say");
    cache.unregister();
    assert!(!collector.collect().contains_key("plimsoll.cache.given"), "its cache is gone");
    drop(instruments);
    assert!(collector.collect().is_empty(), "nothing is observed without the guard");
}

/// An old value would be taken for one of now.
#[test]
fn a_gauge_that_is_no_longer_known_is_no_longer_observed() {
    let _alone = alone();
    static KNOWN: AtomicU64 = AtomicU64::new(1);
    let queued = || (KNOWN.load(Ordering::Relaxed) == 1).then_some(12.0);
    let monitor = builder()
        .interval(std::time::Duration::from_millis(5))
        .metric(OwnMetric::gauge("queued", Unit::Count, "Requests that wait.", queued))
        .start()
        .unwrap();
    let cache = monitor.register("pages", |_: u64| 0_u64).unwrap();
    eventually("it is read", || monitor.own_metrics()[0].value);
    let collector = Collector::new();
    let _instruments = monitor.instruments(&collector.meter());
    let collected = collector.collect();
    assert!(
        collected.contains_key("queued") && collected.contains_key("plimsoll.cache.quarantined")
    );
    KNOWN.store(0, Ordering::Relaxed);
    cache.unregister();
    eventually("it is unknown", || monitor.own_metrics()[0].value.is_none().then_some(()));
    let collected = collector.collect();
    assert!(!collected.contains_key("queued"), "{:?}", collected["queued"]);
    assert!(!collected.contains_key("plimsoll.cache.quarantined"));
}

/// A collection may come at any time: after the monitor's end it finds what was known.
#[test]
fn a_stopped_monitor_still_tells_what_it_knew() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    eventually("a tick", || monitor.latest());
    let collector = Collector::new();
    let _instruments = monitor.instruments(&collector.meter());
    drop(monitor);
    assert!(collector.collect().contains_key("plimsoll.memory.live"));
}
