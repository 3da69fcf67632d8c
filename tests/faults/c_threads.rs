//! Threads that C makes, joined, detached, cancelled: they lease and give back as Rust's do.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::{Body, CThread};
use crate::common::harness::cases;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, Ordering};

cases![
    joined_threads_are_exact,
    detached_threads_are_exact_when_they_are_gone,
    cancelled_threads_give_their_slots_back,
];

static RUNNING: AtomicI64 = AtomicI64::new(0);

extern "C" fn keeps_one(_: *mut c_void) -> *mut c_void {
    let kept = Block::new(&Global, words(123)).expect("memory");
    for size in 1..100 {
        Block::zeroed(&Global, words(size)).expect("memory").free(&Global);
    }
    kept.keep();
    RUNNING.fetch_sub(1, Ordering::AcqRel);
    null_mut()
}

fn joined_threads_are_exact() {
    let start = start();
    for round in 1..=50 {
        let threads = [(); 20].map(|()| CThread::start(keeps_one));
        threads.into_iter().for_each(CThread::join);
        assert_eq!(live_since(start), (20 * round, 20 * 123 * round));
    }
    assert!(plimsoll::counts().thread_slots <= Some(22));
}

fn detached_threads_are_exact_when_they_are_gone() {
    const THREADS: i64 = 500;
    let start = start();
    RUNNING.store(THREADS, Ordering::Relaxed);
    (0..THREADS).for_each(|_| CThread::start(keeps_one).detach());
    while RUNNING.load(Ordering::Acquire) > 0 {
        std::thread::yield_now();
    }
    assert_eq!(live_since(start), (THREADS, THREADS * 123));
}

/// Cancelled in the middle of a pause, with an object alive: that one stays, the slot does not.
fn cancelled_threads_give_their_slots_back() {
    unsafe extern "C-unwind" {
        fn pause() -> i32;
    }
    extern "C-unwind" fn pauses(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(55)).expect("memory").keep();
        RUNNING.fetch_add(1, Ordering::AcqRel);
        loop {
            // SAFETY: waits; no frame on this stack has a destructor when it is unwound.
            unsafe { pause() };
        }
    }
    // SAFETY: the same function but for what it says of unwinding, and the C library, which calls it, may unwind.
    let pauses: Body = unsafe { std::mem::transmute(pauses as *const ()) };
    let start = start();
    for number in 1..=100 {
        let thread = CThread::start(pauses);
        while RUNNING.load(Ordering::Acquire) < number {
            std::thread::yield_now();
        }
        thread.cancel();
        thread.join();
        assert_eq!(live_since(start), (number, 55 * number));
    }
    assert_eq!(plimsoll::counts().thread_slots, Some(2));
}
