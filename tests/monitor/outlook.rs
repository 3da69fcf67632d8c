//! Where the usage is going, and how it is told, on real memory.

use crate::support::*;
use plimsoll::{Growth, Meter, Monitor};
use std::time::{Duration, Instant};

/// Adds objects of 64 KiB, evenly in time, until the monitor's shortest window spans three seconds.
fn grow(monitor: &Monitor) -> Vec<Vec<u8>> {
    let (start, mut objects) = (Instant::now(), Vec::with_capacity(100_000));
    let spans = |monitor: &Monitor| monitor.forecast().ten_seconds.map_or(0.0, |t| t.span_secs);
    while spans(monitor) < 3.0 {
        assert!(start.elapsed() < Duration::from_secs(30), "no forecast: {}", monitor.forecast());
        let due = start.elapsed().as_millis() / 20;
        objects.extend((objects.len() as u128..due).map(|_| vec![0u8; 64 << 10]));
        std::thread::sleep(Duration::from_millis(2));
    }
    objects
}

#[test]
fn what_grows_is_foreseen_and_told_by_its_size() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    let objects = grow(&monitor);
    let forecast = monitor.forecast();
    assert_eq!(forecast.growth, Growth::Objects, "{forecast}");
    let bytes = forecast.bytes_per_object.unwrap();
    assert!((bytes / 65_536.0 - 1.0).abs() < 0.1, "{forecast}");
    let times = forecast.time_to_budget;
    let (soonest, latest) = (times.soonest_secs.unwrap(), times.latest_secs.unwrap());
    assert!(soonest <= latest && latest > 0.0, "{forecast}");
    let json = serde_json::to_value(monitor.metrics()).unwrap();
    assert_eq!(json["forecast"]["growth"], "objects");
    assert!(json["forecast"]["ten_seconds"]["usage_bytes_per_sec"]["at_least"].is_f64());
    assert!(json["metrics"]["time_to_budget_secs"].is_number());
    drop(objects);
}

#[test]
#[cfg(target_os = "linux")]
fn the_usage_is_an_interval_with_the_pressure_inside() {
    let _alone = alone();
    let monitor = builder().meter(Meter::Pressure).start().unwrap();
    ticks(&monitor, 2);
    let usage = monitor.usage();
    let (low, high) = (usage.low_bytes.unwrap(), usage.high_bytes.unwrap());
    assert!(low > 0 && low <= high, "{usage:?}");
    assert!(usage.pressure_bytes.unwrap() <= low, "{usage:?}");
    let newest = monitor.latest().unwrap();
    assert!(newest.usage_low_bytes() <= newest.usage_high_bytes());
    assert!(newest.usage_bytes() <= newest.usage_low_bytes());
}

#[test]
#[cfg(feature = "jemalloc")]
fn what_is_allocated_can_be_held_against_the_budget() {
    let _alone = alone();
    let monitor = builder().meter(Meter::Allocated).start().unwrap();
    // In small pieces: of a single one jemalloc counts up to a quarter more than was asked for.
    let _ballast = Boxes::filled(BUDGET / 100 * 85 - plimsoll::counts().live_bytes());
    eventually("caution", || (monitor.level() == plimsoll::Level::Caution).then_some(()));
    let newest = monitor.latest().unwrap();
    assert_eq!(newest.usage_bytes(), newest.jemalloc_allocated_bytes());
}

#[test]
fn a_level_is_left_where_the_operator_says() {
    let _alone = alone();
    let monitor = builder().leave_below(20.0).start().unwrap();
    assert_eq!(monitor.thresholds().leave_points(), 20.0);
    let setting = monitor.settings().into_iter().find(|s| s.name == "leave_below").unwrap();
    assert_eq!((setting.variable, setting.value.as_str()), ("PLIMSOLL_LEAVE_BELOW", "20"));
    let error = builder().leave_below(0.5).start().unwrap_err().to_string();
    assert_eq!(error, "leave_below of 0.5: must be from 1 to 40 percent points");
}

#[test]
fn whoever_asks_why_early_is_told_soon() {
    let _alone = alone();
    let monitor = builder().interval(Duration::from_secs(3600)).start().unwrap();
    eventually("the first tick", || monitor.latest());
    assert_eq!(monitor.explain().growth.kind, Growth::Unknown);
    let mut kept = Vec::new();
    let kind = eventually("growth is known, in no hour", || {
        kept.push(vec![1u8; 64 * 1024]);
        std::thread::sleep(Duration::from_millis(20));
        Some(monitor.forecast().growth).filter(|growth| *growth != Growth::Unknown)
    });
    assert_eq!(kind, Growth::Objects);
    assert_eq!(monitor.history().len(), 1, "the ring keeps its own interval");
}
