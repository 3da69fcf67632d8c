//! Start, stop, twice, in the middle of something, from the wrong place.

use crate::support::{Boxes, MIB, alone, builder, events, eventually, ticks};
use plimsoll::{Error, Monitor};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Runs a future on this thread alone.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn stopping_does_not_wait_for_the_interval() {
    let _alone = alone();
    // A stop that waited for the interval would take a day: the test would hang.
    let day = Duration::from_secs(24 * 3600);
    let monitor = builder().interval(day).start().unwrap();
    monitor.stop();
    monitor.stop();
    assert!(!monitor.is_running());
    drop(builder().interval(day).start().unwrap());
}

#[test]
fn a_stopped_monitor_still_answers() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 3);
    monitor.stop();
    let report = monitor.metrics();
    assert!(!report.monitor_running && !report.profiler.profiling_active);
    assert!(report.profiler.total_snapshots_taken >= 3);
    assert!(matches!(monitor.evict(1), Err(Error::NotRunning)));
    assert!(monitor.health_check().critical_issues.contains(&"the monitor does not run".into()));
    assert_eq!(events(&monitor, "monitor_started").len(), 1);
    assert_eq!(events(&monitor, "monitor_stopped").len(), 1);
}

#[test]
fn stopping_in_the_middle_of_an_eviction_tells_its_caller() {
    let _alone = alone();
    let monitor = Arc::new(builder().hook_timeout(Duration::from_secs(600)).start().unwrap());
    let (asked, release) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begun, end) = (asked.clone(), release.clone());
    monitor
        .register("slow", move |_: u64| {
            begun.store(true, Ordering::SeqCst);
            while !end.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            0
        })
        .unwrap();
    let caller = std::thread::spawn({
        let monitor = monitor.clone();
        move || monitor.evict(MIB)
    });
    eventually("the cache is asked", || asked.load(Ordering::SeqCst).then_some(()));
    monitor.stop();
    let error = caller.join().unwrap().unwrap_err().to_string();
    assert!(error.contains("the monitor was stopped"), "{error}");
    release.store(true, Ordering::SeqCst);
}

#[test]
fn a_cache_may_drop_the_last_handle() {
    let _alone = alone();
    let monitor = Arc::new(std::sync::Mutex::new(None::<Monitor>));
    let (asked, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (own, begun, done) = (monitor.clone(), asked.clone(), gone.clone());
    let running = builder().start().unwrap();
    running
        .register("suicidal", move |_: u64| {
            begun.store(true, Ordering::SeqCst);
            // The test stores it a moment after asking.
            let last = eventually("the last handle", || own.lock().unwrap().take());
            drop(last);
            done.store(true, Ordering::SeqCst);
            0
        })
        .unwrap();
    let reply = running.evict_async(MIB);
    let mut reply = Box::pin(reply);
    // Polled until the cache is asked; the future borrows the monitor, so it ends before the hand-over.
    let _ = reply.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    eventually("the cache is asked", || asked.load(Ordering::SeqCst).then_some(()));
    drop(reply);
    *monitor.lock().unwrap() = Some(running);
    eventually("the drop has come back", || gone.load(Ordering::SeqCst).then_some(()));
}

#[test]
fn health_is_known_from_the_first_moment() {
    let _alone = alone();
    for _ in 0..50 {
        let monitor = builder().start().unwrap();
        assert!(monitor.health_check().failed_checks.is_empty());
    }
}

#[test]
fn start_stop_start_works() {
    let _alone = alone();
    for _ in 0..20 {
        let monitor = builder().start().unwrap();
        ticks(&monitor, 1);
    }
}

#[test]
fn sinks_hear_of_the_stop_before_it_returns() {
    let _alone = alone();
    for _ in 0..20 {
        let heard = Arc::new(AtomicBool::new(false));
        let sink = heard.clone();
        let monitor = builder()
            .on_event(move |event| {
                let is_stop = event.kind.event_type() == "monitor_stopped";
                sink.fetch_or(is_stop, Ordering::SeqCst);
            })
            .start()
            .unwrap();
        monitor.stop();
        assert!(heard.load(Ordering::SeqCst));
    }
}

#[test]
fn counts_that_panic_or_ask_back_are_unknown_and_harm_nobody() {
    let _alone = alone();
    let monitor = builder().counts_from(|| panic!("no counts today")).start().unwrap();
    ticks(&monitor, 3);
    assert_eq!(monitor.snapshot().live_bytes(), None);
    assert!(monitor.evict(MIB).is_ok());
    monitor.stop();

    let slot = Arc::new(std::sync::Mutex::new(None::<Arc<Monitor>>));
    let inner = slot.clone();
    let asking_back = move || {
        let monitor = inner.try_lock().ok().and_then(|mut slot| slot.take());
        if let Some(monitor) = monitor {
            monitor.latest();
            monitor.events();
            monitor.metrics();
        }
        plimsoll::counts()
    };
    let monitor = Arc::new(builder().counts_from(asking_back).start().unwrap());
    *slot.lock().unwrap() = Some(monitor.clone());
    eventually("it has asked back", || slot.lock().unwrap().is_none().then_some(()));
    ticks(&monitor, 3);
}

#[test]
fn the_ring_keeps_its_interval_when_ticks_come_faster() {
    let _alone = alone();
    let monitor = builder().interval(Duration::from_secs(600)).start().unwrap();
    eventually("the first snapshot", || monitor.latest());
    drop(monitor);
    let load = crate::support::ballast(95.0);
    let monitor = builder().interval(Duration::from_secs(600)).start().unwrap();
    ticks(&monitor, 10);
    assert_eq!(monitor.history().len(), 1, "one for the level, none for ten fast ticks");
    assert!(monitor.peak_usage_percent() > Some(90.0));
    drop(load);
}

#[test]
fn a_check_that_hangs_costs_one_thread_and_shows() {
    let _alone = alone();
    let release = Arc::new(AtomicBool::new(false));
    let end = release.clone();
    let hang = move || {
        while !end.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        plimsoll::Check::healthy("at last")
    };
    let monitor = builder().check("hangs", hang).start().unwrap();
    let mut first = Box::pin(monitor.health_check_async());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for _ in 0..5 {
        let report = block_on(monitor.health_check_async()).unwrap();
        assert_eq!(report.failed_checks, ["user_checks"]);
    }
    release.store(true, Ordering::SeqCst);
    assert!(block_on(first).unwrap().failed_checks.is_empty());
    assert!(block_on(monitor.health_check_async()).unwrap().failed_checks.is_empty());
}

#[test]
fn the_async_twins_answer_without_a_runtime() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    monitor.register("boxes", Boxes::filled(2 * MIB).closure()).unwrap();
    let result = block_on(monitor.evict_async(MIB)).unwrap();
    assert_eq!(result.memory_freed_bytes, Some(MIB));
    assert!(block_on(monitor.evict_async(0)).is_err());
    assert!(block_on(monitor.health_check_async()).unwrap().failed_checks.is_empty());
    block_on(monitor.stop_async());
    assert!(!monitor.is_running());
    assert!(matches!(block_on(monitor.evict_async(1)), Err(Error::NotRunning)));
    block_on(monitor.stop_async());
}

#[test]
fn the_global_monitor_starts_once() {
    let _alone = alone();
    assert!(matches!(plimsoll::stop_monitoring(), Err(Error::NotRunning)));
    assert!(matches!(plimsoll::metrics(), Err(Error::NotRunning)));
    let monitor = plimsoll::start_monitoring_with(builder()).unwrap();
    let twice = plimsoll::start_monitoring().unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the monitor runs already: stop it first, or use the one that runs"
    );
    assert_eq!(twice.category(), "monitoring_error");
    ticks(&monitor, 2);
    assert!(plimsoll::metrics().unwrap().monitor_running);
    assert!(plimsoll::health_check().unwrap().failed_checks.is_empty());
    assert!(block_on(plimsoll::health_check_async()).is_ok());
    plimsoll::stop_monitoring().unwrap();
    assert!(!plimsoll::metrics().unwrap().monitor_running);
    plimsoll::start_monitoring_with(builder()).unwrap();
    block_on(plimsoll::stop_monitoring_async()).unwrap();
    assert!(!plimsoll::monitor().unwrap().is_running());
}

/// In a forked child the monitor's thread does not exist: nothing may wait for it.
#[test]
#[cfg(unix)]
#[expect(unsafe_code, reason = "fork and wait")]
fn a_forked_child_can_drop_and_ask_its_monitor() {
    let _alone = alone();
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    // SAFETY: the child calls only what is under test, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_running = monitor.is_running();
        let evicted = monitor.evict(1);
        drop(monitor);
        let as_expected = !is_running && matches!(evicted, Err(Error::NotRunning));
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(if as_expected { 0 } else { 1 }) };
    }
    let status = eventually("the child ends", || {
        let mut status = 0;
        // SAFETY: `child` is this process's own child, `status` a valid place.
        (unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child).then_some(status)
    });
    assert_eq!(status, 0);
    ticks(&monitor, 2);
}
