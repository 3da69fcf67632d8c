//! What users add: figures of their own, sources, filters, sinks. One that misbehaves hurts only itself.

use crate::support::{alone, ballast, builder, errors, eventually, ticks};
use plimsoll::{Level, OwnMetric, Snapshot, Unit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

fn gauge(name: &str, read: impl Fn() -> Option<f64> + Send + Sync + 'static) -> OwnMetric {
    OwnMetric::gauge(name, Unit::Count, "For a test.", read)
}

#[test]
fn own_figures_are_read_at_every_tick() {
    let _alone = alone();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    let read = move || Some(counter.fetch_add(1, Ordering::Relaxed) as f64);
    let total = OwnMetric::counter("asked_total", Unit::Count, "How often.", read);
    let monitor = builder().metric(total).memory_source("arena", || Some(77)).start().unwrap();
    eventually("it is read again and again", || {
        monitor.own_metrics()[0].value.filter(|value| *value >= 5.0)
    });
    let ledger = monitor.ledger();
    assert_eq!(ledger.sources[0].reported_bytes, Some(77));
    assert!(ledger.to_string().contains("arena"), "{ledger}");
}

#[test]
fn one_that_panics_is_unknown_and_said_once() {
    let _alone = alone();
    let panics = gauge("broken", || std::panic::resume_unwind(Box::new("on purpose")));
    let monitor = builder().metric(panics).metric(gauge("fine", || Some(3.0))).start().unwrap();
    eventually("its neighbour is read", || monitor.own_metrics()[1].value);
    let said = eventually("it is said", || Some(errors(&monitor)).filter(|e| !e.is_empty()));
    ticks(&monitor, 20);
    assert_eq!(monitor.own_metrics()[0].value, None);
    assert_eq!((said.len(), errors(&monitor).len()), (1, 1), "{said:?}");
    assert!(said[0].contains("broken: panicked: on purpose"), "{said:?}");
}

#[test]
fn one_that_hangs_is_given_up_and_the_others_are_read_on() {
    let _alone = alone();
    let (release, hang) = mpsc::channel::<()>();
    let hang = Mutex::new(hang);
    let hangs = gauge("hangs", move || hang.lock().unwrap().recv().map(|()| 1.0).ok());
    let read = Arc::new(AtomicU64::new(0));
    let counter = read.clone();
    let behind = gauge("behind", move || Some(counter.fetch_add(1, Ordering::Relaxed) as f64));
    let timeout = Duration::from_secs(1);
    let monitor = builder().hook_timeout(timeout).metric(hangs).metric(behind).start().unwrap();
    eventually("the one behind it is read", || monitor.own_metrics()[1].value);
    let said = eventually("it is said", || errors(&monitor).pop());
    assert!(said.contains("hangs: did not answer within 1s"), "{said}");
    let before = read.load(Ordering::Relaxed);
    eventually("and read on", || (read.load(Ordering::Relaxed) > before + 3).then_some(()));
    assert_eq!(monitor.own_metrics()[0].value, None);
    drop(release);
    monitor.stop();
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let _alone = alone();
    for (name, word) in [
        ("live_bytes", "a name of its own"),
        ("Big", "small letters"),
        ("", "small letters"),
        ("with space", "small letters"),
        ("things_total", "_total"),
    ] {
        let error = builder().metric(gauge(name, || None)).start().unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(name), "{error}");
    }
    let twice = builder().metric(gauge("a", || None)).metric(gauge("a", || None));
    assert!(twice.start().unwrap_err().to_string().contains("of its own"));
    let counter = OwnMetric::counter("things", Unit::Count, "", || None);
    assert!(builder().metric(counter).start().unwrap_err().to_string().contains("_total"));
    let many =
        (0..65).fold(builder(), |builder, n| builder.metric(gauge(&format!("m{n}"), || None)));
    assert!(many.start().unwrap_err().to_string().contains("at most 64"));
    assert!(builder().memory_source("", || None).start().is_err());
}

#[test]
fn a_filter_says_what_the_ring_keeps_and_sinks_see_all() {
    let _alone = alone();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let monitor = builder()
        .keep_if(|snapshot| snapshot.level() > Level::Healthy)
        .on_snapshot(move |snapshot: &Snapshot| sink.lock().unwrap().push(snapshot.level()))
        .start()
        .unwrap();
    ticks(&monitor, 10);
    assert!(monitor.history().is_empty());
    let ballast = ballast(85.0);
    eventually("what is wanted is kept", || (monitor.history().len() > 3).then_some(()));
    assert!(monitor.history().iter().all(|kept| kept.level() == Level::Caution));
    drop(ballast);
    monitor.stop();
    let seen = seen.lock().unwrap();
    assert!(seen.contains(&Level::Healthy) && seen.contains(&Level::Caution));
}

#[test]
fn a_filter_and_a_sink_that_panic_hurt_nobody() {
    let _alone = alone();
    let monitor = builder()
        .keep_if(|_| std::panic::resume_unwind(Box::new("on purpose")))
        .on_snapshot(|_| std::panic::resume_unwind(Box::new("on purpose")))
        .start()
        .unwrap();
    ticks(&monitor, 10);
    assert!(monitor.history().len() >= 9, "it keeps everything");
}
