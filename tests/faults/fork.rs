//! Forked children keep the counts as of the fork and go on from them, whatever other threads were doing.

use super::support::{ballast, builder, ticks};
use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use plimsoll::Counts;
use std::ffi::c_void;
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

cases![
    a_child_goes_on_from_the_counts_of_the_fork,
    forks_may_nest,
    a_child_may_start_threads,
    forks_beside_threads_that_register_and_one_that_reads,
    an_allocating_pre_exec_hook,
    commands_are_started_from_many_threads,
    a_child_is_not_braked_by_its_parents_monitor,
];

/// Runs `child` in a fork. It must not unwind; the outer time limit ends it if it hangs.
pub(super) fn in_fork(child: impl FnOnce()) {
    // SAFETY: the child does only what the tests are about, and then ends at once.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork");
    if pid == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for the child just made.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "the child's status");
}

fn assert_counts_go_on() {
    let start = plimsoll::counts();
    let mut kept = Block::new(&Global, words(1000)).expect("memory");
    assert!(kept.resize(&Global, 200_000));
    Block::zeroed(&Global, words(70)).expect("memory").free(&Global);
    assert_eq!(live_since(start), (1, 200_000));
    kept.free(&Global);
    assert_eq!(live_since(start), (0, 0));
}

fn a_child_goes_on_from_the_counts_of_the_fork() {
    let mine = Block::new(&Global, words(500)).expect("memory");
    let at_fork: Counts = start();
    in_fork(|| {
        assert_eq!(plimsoll::counts(), at_fork);
        mine.free(&Global);
        assert_eq!(live_since(at_fork), (-1, -500), "an object from before the fork");
        assert_counts_go_on();
    });
    assert_eq!(plimsoll::counts(), at_fork, "what the child did is its own");
}

fn forks_may_nest() {
    in_fork(|| in_fork(|| in_fork(assert_counts_go_on)));
    assert_counts_go_on();
}

/// By the C library: `std::thread::spawn` after a fork is not ours to promise.
fn a_child_may_start_threads() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(31)).expect("memory").keep();
        null_mut()
    }
    start();
    in_fork(|| {
        let start = plimsoll::counts();
        (0..20).for_each(|_| CThread::start(body).join());
        assert_eq!(live_since(start), (20, 620));
        assert!(plimsoll::counts().thread_slots <= Some(3));
    });
}

static STOP: AtomicBool = AtomicBool::new(false);

fn running() -> bool {
    !STOP.load(Ordering::Relaxed)
}

/// The child finds leases of threads it does not have, totals in mid-air, a list being appended to.
fn forks_beside_threads_that_register_and_one_that_reads() {
    extern "C" fn registers(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(100)).expect("memory").free(&Global);
        null_mut()
    }
    extern "C" fn starts_threads(_: *mut c_void) -> *mut c_void {
        while running() {
            CThread::start(registers).join();
        }
        null_mut()
    }
    extern "C" fn reads(_: *mut c_void) -> *mut c_void {
        while running() {
            assert!(plimsoll::counts().live_objects() < 1 << 20);
        }
        null_mut()
    }
    let others = [starts_threads, starts_threads, starts_threads, reads].map(CThread::start);
    for _ in 0..100 {
        in_fork(|| {
            let counts = plimsoll::counts();
            assert!(counts.free_objects_total <= counts.alloc_objects_total);
            assert_counts_go_on();
            CThread::start(registers).join();
        });
    }
    STOP.store(true, Ordering::Relaxed);
    others.into_iter().for_each(CThread::join);
}

fn an_allocating_pre_exec_hook() {
    let mut command = Command::new("true");
    // SAFETY: the hook allocates, which the inner allocators allow after a fork.
    unsafe {
        command.pre_exec(|| {
            assert_counts_go_on();
            Ok(())
        })
    };
    assert!(command.status().unwrap().success());
}

fn commands_are_started_from_many_threads() {
    let start = start();
    let run = || assert!(Command::new("true").status().unwrap().success());
    run();
    for _ in 0..5 {
        let threads = [(); 4].map(|()| std::thread::spawn(run));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    assert_eq!(live_since(start), (0, 0));
}

/// Whatever the parent's threads were doing with the brake, its lock included.
fn a_child_is_not_braked_by_its_parents_monitor() {
    let _load = ballast(99.0);
    let monitor = builder().start().expect("a monitor");
    ticks(&monitor, 2);
    let (brake, done) = (monitor.brake(), AtomicBool::new(false));
    let mut context = Context::from_waker(Waker::noop());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(!brake.may_grow());
                }
            });
        }
        for _ in 0..50 {
            let mut waiting = pin!(brake.admit_async(1));
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            in_fork(|| {
                assert!(brake.may_grow());
                assert!(brake.admit(u64::MAX).is_ok());
                assert!(brake.admit_within(1, Duration::ZERO).is_ok());
                assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(())));
                drop(brake.admit_async(1));
                assert_eq!(brake.statistics().refused_total, 0);
            });
        }
        done.store(true, Ordering::Relaxed);
    });
}
