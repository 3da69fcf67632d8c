//! The brake on a real heap: who is admitted at which usage, who waits for how long, and what nobody can get round.

use crate::support::{BUDGET, MIB, alone, ballast, builder, eventually, ticks};
use plimsoll::{Admission, Brake, Level, Meter, Monitor, Threshold};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// A monitor that has seen the usage at `percent`.
fn at(percent: f64) -> (Monitor, Vec<u8>) {
    let load = ballast(percent);
    let monitor = builder().start().unwrap();
    ticks(&monitor, 2);
    (monitor, load)
}

fn emergency_line(monitor: &Monitor) -> u64 {
    monitor.thresholds().bytes(Threshold::Emergency, BUDGET)
}

fn poll(admission: &mut Admission, waker: &Waker) -> Poll<Result<(), plimsoll::Refused>> {
    Pin::new(admission).poll(&mut Context::from_waker(waker))
}

/// A request that waits.
fn waiting(brake: &Brake, bytes: u64, waker: &Waker) -> Admission {
    let mut admission = brake.admit_async(bytes);
    assert!(poll(&mut admission, waker).is_pending());
    admission
}

/// Threads that wait for `bytes` each, once all of them do.
fn threads_waiting(monitor: &Monitor, threads: u64, bytes: u64) -> Vec<JoinHandle<bool>> {
    let wait = |_| {
        let brake = monitor.brake();
        std::thread::spawn(move || brake.admit_within(bytes, LONG).is_ok())
    };
    let handles = (0..threads).map(wait).collect();
    eventually("all wait", || (monitor.brake_statistics().waiting == threads).then_some(()));
    handles
}

#[test]
fn far_from_the_line_everything_that_fits_is_admitted() {
    let _alone = alone();
    let (monitor, _load) = at(50.0);
    assert!(monitor.may_grow());
    assert!((0..10_000).all(|_| monitor.admit(MIB).is_ok()), "unseen: nothing is booked");
    assert_eq!(monitor.brake_statistics().admitted_total, 0);
    let refused = monitor.admit(BUDGET / 2).unwrap_err();
    assert!(refused.usage_bytes >= BUDGET / 2, "{refused}");
    assert_eq!((refused.budget_bytes, refused.level), (BUDGET, Level::Healthy));
    assert!(refused.retry_after.is_some(), "it fits into an empty budget");
    assert_eq!(monitor.admit(BUDGET).unwrap_err().retry_after, None);
    assert_eq!(monitor.brake_statistics().refused_total, 2);
}

#[test]
fn an_emergency_admits_nobody() {
    let _alone = alone();
    let (monitor, _load) = at(98.5);
    assert!((0..1_000).all(|_| !monitor.may_grow()));
    assert!((0..1_000).all(|_| monitor.admit(1).is_err()));
    let refused = monitor.admit_within(1, Duration::from_millis(20)).unwrap_err();
    assert_eq!((refused.level, refused.requested_bytes), (Level::Critical, 1));
    let statistics = monitor.brake_statistics();
    assert_eq!((statistics.admitted_total, statistics.refused_total), (0, 2_001));
    assert_eq!((statistics.waited_total, statistics.waiting), (1, 0));
}

/// At four standard deviations a fair draw fails once in 16 000 runs; ours is more even than that.
#[test]
fn between_prompt_and_emergency_the_share_of_the_refused_is_the_ramp() {
    let _alone = alone();
    for percent in [93.5, 95.5, 97.0] {
        let (monitor, _load) = at(percent);
        let usage = monitor.latest().unwrap().usage_bytes().unwrap();
        let prompt = monitor.thresholds().bytes(Threshold::Prompt, BUDGET);
        let share = (usage - prompt) as f64 / (emergency_line(&monitor) - prompt) as f64;
        let refused = (0..4_000).filter(|_| !monitor.may_grow()).count() as f64;
        let (mean, deviation) = (4_000.0 * share, (4_000.0 * share * (1.0 - share)).sqrt());
        assert!(
            (refused - mean).abs() <= 4.0 * deviation,
            "{refused} refused, {mean} +- {deviation}"
        );
    }
}

#[test]
fn those_who_wait_go_on_when_the_usage_falls() {
    let _alone = alone();
    let (monitor, load) = at(99.0);
    let threads = threads_waiting(&monitor, 8, MIB);
    ticks(&monitor, 5);
    assert_eq!(monitor.brake_statistics().waiting, 8, "nothing has changed");
    drop(load);
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    let statistics = monitor.brake_statistics();
    assert_eq!((statistics.admitted_total, statistics.refused_total), (8, 0));
    assert_eq!((statistics.admitted_bytes_total, statistics.waited_total), (8 * MIB, 8));
}

#[test]
fn those_who_wait_are_not_passed_over_for_those_who_try() {
    let _alone = alone();
    let (monitor, _load) = at(96.0);
    let (brake, done) = (monitor.brake(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = brake.admit(64 * 1024);
                }
            });
        }
        let wait = |_| scope.spawn(|| brake.admit_within(64 * 1024, LONG));
        let threads: Vec<_> = (0..16).map(wait).collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
        let admitted = admitted.filter(Result::is_ok).count();
        done.store(true, Ordering::Relaxed);
        assert_eq!(admitted, 16);
    });
}

#[test]
fn a_refusal_has_the_monitor_look_again() {
    let _alone = alone();
    let _load = ballast(50.0);
    let monitor = builder().interval(Duration::from_secs(3600)).start().unwrap();
    eventually("the first look", || monitor.latest());
    let part = BUDGET / 10 * 3;
    assert!(monitor.admit(part).is_ok());
    let refused = monitor.admit(part).unwrap_err();
    assert!(refused.usage_bytes >= BUDGET / 10 * 8, "what was admitted counts until the next look");
    assert!(monitor.admit_within(part, LONG).is_ok(), "an hour before the next tick");
}

#[test]
fn a_cancelled_request_leaves_nothing_behind() {
    let _alone = alone();
    let (monitor, load) = at(99.0);
    let (brake, waker) = (monitor.brake(), Waker::noop());
    let requests: Vec<_> = (0..100).map(|_| waiting(&brake, MIB, waker)).collect();
    assert_eq!(monitor.brake_statistics().waiting, 100);
    drop(requests);
    assert_eq!(monitor.brake_statistics().waiting, 0);
    // Admitted while it was waiting, and dropped before it was told.
    let admitted = waiting(&brake, MIB, waker);
    drop(load);
    eventually("it is admitted", || (monitor.brake_statistics().waiting == 0).then_some(()));
    drop(admitted);
    assert_eq!(monitor.brake_statistics().waited_total, 101);
    assert!(monitor.admit(BUDGET / 2).is_ok());
}

/// A waker that goes on to use the brake, as a task that is run at once does, and then panics.
struct Eager {
    brake: Brake,
    woken: AtomicU64,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        assert_eq!(self.brake.statistics().waiting, 0);
        self.woken.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }
}

#[test]
fn wakers_run_under_no_lock_and_may_panic() {
    let _alone = alone();
    let (monitor, load) = at(99.0);
    let brake = monitor.brake();
    let eager = Arc::new(Eager { brake: brake.clone(), woken: AtomicU64::new(0) });
    let waker = Waker::from(eager.clone());
    let mut requests: Vec<_> = (0..10).map(|_| waiting(&brake, MIB, &waker)).collect();
    drop(load);
    eventually("all are woken", || (eager.woken.load(Ordering::SeqCst) == 10).then_some(()));
    for request in &mut requests {
        assert_eq!(poll(request, Waker::noop()), Poll::Ready(Ok(())));
    }
    ticks(&monitor, 5);
    assert_eq!(eager.woken.load(Ordering::SeqCst), 10, "once each");
}

/// Tells that it was woken.
struct Told(AtomicBool);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let _alone = alone();
    let (monitor, load) = at(99.0);
    let [first, second] = [(), ()].map(|()| Arc::new(Told(AtomicBool::new(false))));
    let mut request = waiting(&monitor.brake(), MIB, &Waker::from(first.clone()));
    assert!(poll(&mut request, &Waker::from(second.clone())).is_pending());
    drop(load);
    eventually("it is woken", || second.0.load(Ordering::SeqCst).then_some(()));
    assert!(!first.0.load(Ordering::SeqCst));
}

#[test]
fn a_stopped_monitor_lets_everybody_go() {
    let _alone = alone();
    let (monitor, _load) = at(99.0);
    let threads = threads_waiting(&monitor, 4, MIB);
    let mut request = waiting(&monitor.brake(), MIB, Waker::noop());
    monitor.stop();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(poll(&mut request, Waker::noop()), Poll::Ready(Ok(())));
    let brake = monitor.brake();
    drop(monitor);
    assert!(brake.may_grow());
    assert!(brake.admit(u64::MAX).is_ok());
    assert!(brake.admit_within(u64::MAX, Duration::ZERO).is_ok());
}

#[test]
fn an_unknown_usage_admits_everybody() {
    let _alone = alone();
    let nothing = tempfile::tempdir().unwrap();
    let monitor = builder().meter(Meter::Charged).root(nothing.path()).start().unwrap();
    ticks(&monitor, 2);
    assert_eq!(monitor.latest().unwrap().usage_bytes(), None);
    assert!(monitor.may_grow());
    assert!(monitor.admit(u64::MAX).is_ok());
}

/// Threads that allocate and keep whatever they are admitted. What each has been admitted and not yet allocated when the
/// monitor looks is all by which they may pass the line.
#[test]
fn many_threads_do_not_pass_the_line_together() {
    const THREADS: usize = 8;
    const EACH: usize = 64 * 1024;
    let _alone = alone();
    let (monitor, _load) = at(85.0);
    let highest = AtomicU64::new(0);
    let kept: Vec<_> =
        (0..THREADS).map(|_| Mutex::new(Vec::<Vec<u8>>::with_capacity(4096))).collect();
    std::thread::scope(|scope| {
        for kept in &kept {
            scope.spawn(|| {
                let mut kept = kept.lock().unwrap();
                for _ in 0..4_000 {
                    if monitor.admit(EACH as u64).is_ok() {
                        kept.push(Vec::with_capacity(EACH));
                        highest.fetch_max(plimsoll::counts().live_bytes(), Ordering::Relaxed);
                    } else {
                        std::thread::sleep(Duration::from_micros(500));
                    }
                }
            });
        }
    });
    let (highest, line) = (highest.into_inner(), emergency_line(&monitor));
    assert!(highest <= line + (THREADS * EACH) as u64, "{highest} above {line}");
    assert!(highest > monitor.thresholds().bytes(Threshold::Prompt, BUDGET), "only {highest}");
}
