//! Signal handlers that allocate, at rest and in the middle of everything.
//!
//! No inner allocator here may be interrupted by itself, so the asynchronous cases count one that may. Optimised
//! builds book by one instruction and are exact; unoptimised ones load, add and store, and a handler in between may
//! undo a booking of its own: at most one a signal.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::common::inner::Reentrant;
use plimsoll::Plimsoll;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

cases![
    a_handler_on_a_thread_with_a_slot_is_counted,
    a_handler_makes_a_threads_first_allocation,
    signals_in_the_middle_of_bookings,
];

pub(super) static INTERRUPTIBLE: Plimsoll<Reentrant> = Plimsoll::new(Reentrant::new());
pub(super) static HANDLED: AtomicI64 = AtomicI64::new(0);

/// Keeps an object of 8 bytes, frees one of 64.
pub(super) extern "C" fn keeps_one(_: i32) {
    if let Some(block) = Block::new(&INTERRUPTIBLE, words(8)) {
        block.keep();
    }
    if let Some(block) = Block::new(&INTERRUPTIBLE, words(64)) {
        block.free(&INTERRUPTIBLE);
    }
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Allocates from the real allocator: only for signals that come when the thread is not in it.
extern "C" fn keeps_one_for_real(_: i32) {
    Block::new(&Global, words(8)).expect("memory").keep();
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn handle_with(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: the handler allocates; where that is unsafe is said at each.
    let before = unsafe { libc::signal(signal, handler as *const () as usize) };
    assert_ne!(before, libc::SIG_ERR);
}

fn raise() {
    // SAFETY: a handler is installed.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
}

fn a_handler_on_a_thread_with_a_slot_is_counted() {
    handle_with(libc::SIGUSR1, keeps_one_for_real);
    let start = start();
    (0..1000).for_each(|_| raise());
    assert_eq!(live_since(start), (1000, 8000));
}

fn a_handler_makes_a_threads_first_allocation() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        raise();
        Block::new(&Global, words(100)).expect("memory").free(&Global);
        null_mut()
    }
    handle_with(libc::SIGUSR1, keeps_one_for_real);
    let start = start();
    (0..100).for_each(|_| CThread::start(body).join());
    assert_eq!(live_since(start), (100, 800));
    assert_eq!(plimsoll::counts().thread_slots, Some(2));
}

/// Runs `storm` while this thread sends it signals as fast as it takes them.
fn under_signals(storm: extern "C" fn(*mut c_void) -> *mut c_void) {
    let thread = CThread::start(storm);
    while !STARTED.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    while !DONE.load(Ordering::Acquire) {
        thread.signal(libc::SIGUSR1);
        // On a machine of one core none would be taken before this thread's time is over.
        std::thread::yield_now();
    }
    MAY_END.store(true, Ordering::Release);
    thread.join();
}

static STARTED: AtomicBool = AtomicBool::new(false);
static DONE: AtomicBool = AtomicBool::new(false);
static MAY_END: AtomicBool = AtomicBool::new(false);
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn storm(round: impl Fn()) -> *mut c_void {
    STARTED.store(true, Ordering::Release);
    while HANDLED.load(Ordering::Relaxed) < 5000 {
        round();
        ROUNDS.fetch_add(1, Ordering::Relaxed);
    }
    DONE.store(true, Ordering::Release);
    while !MAY_END.load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
    null_mut()
}

/// What the handlers kept; unoptimised, each may have undone one booking of an object of at most 500 bytes.
pub(super) fn assert_handlers_counted(start: plimsoll::Counts) {
    let handled = HANDLED.load(Ordering::Relaxed);
    let (objects, bytes) = live_since(start);
    println!("{handled} handled in {} rounds: {objects} objects", ROUNDS.load(Ordering::Relaxed));
    let lost = if cfg!(debug_assertions) { handled } else { 0 };
    assert!((objects - handled).abs() <= lost, "{objects} objects of {handled}");
    assert!((bytes - 8 * handled).abs() <= 500 * lost, "{bytes} bytes of {handled} x 8");
}

fn signals_in_the_middle_of_bookings() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        storm(|| {
            for size in 1..200 {
                let mut block = Block::new(&INTERRUPTIBLE, words(size)).expect("memory");
                block.resize(&INTERRUPTIBLE, 400);
                block.resize(&INTERRUPTIBLE, 100_000);
                block.free(&INTERRUPTIBLE);
            }
        })
    }
    handle_with(libc::SIGUSR1, keeps_one);
    let start = start();
    under_signals(body);
    assert_handlers_counted(start);
    assert!(plimsoll::counts().thread_slots <= Some(3));
}
