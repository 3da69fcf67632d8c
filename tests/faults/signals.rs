//! Signal handlers that allocate, at rest and in the middle of everything.
//!
//! No inner allocator here may be interrupted by itself, so the asynchronous cases count one that may. Optimised
//! builds book by one instruction and are exact; unoptimised ones load, add and store, and a handler in between may
//! undo a booking of its own: at most one a signal.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::common::inner::Reentrant;
use plimsoll::{BATCH, Plimsoll, Region};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

cases![
    a_handler_on_a_thread_with_a_slot_is_counted,
    a_handler_makes_a_threads_first_allocation,
    signals_in_the_middle_of_bookings,
    a_signal_at_every_instruction_of_a_threads_first_calls,
    a_signal_at_every_instruction_of_a_publication,
];

static INTERRUPTIBLE: Plimsoll<Reentrant> = Plimsoll::new(Reentrant::new());
static HANDLED: AtomicI64 = AtomicI64::new(0);

/// Keeps an object of 8 bytes, frees one of 64.
extern "C" fn keeps_one(_: i32) {
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

fn handle_with(signal: i32, handler: extern "C" fn(i32)) {
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
        std::hint::spin_loop();
    }
    while !DONE.load(Ordering::Acquire) {
        thread.signal(libc::SIGUSR1);
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
fn assert_handlers_counted(start: plimsoll::Counts) {
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

/// The handler acts at the n-th instruction of what a thread does under `single_stepped`.
static ACT_AT: AtomicU64 = AtomicU64::new(0);
static STEPS: AtomicU64 = AtomicU64::new(0);

extern "C" fn acts_at_one_step(signal: i32) {
    if STEPS.fetch_add(1, Ordering::Relaxed) == ACT_AT.load(Ordering::Relaxed) {
        keeps_one(signal);
    }
}

/// Has the processor raise SIGTRAP after every instruction of `work`: no interleaving is left to chance.
#[cfg(target_arch = "x86_64")]
fn single_stepped(work: impl FnOnce()) {
    // SAFETY: sets the trap flag, and nothing else; the signal it raises has a handler.
    unsafe { std::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
    work();
    // SAFETY: clears the trap flag, and nothing else.
    unsafe { std::arch::asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") };
}

/// A handler that finds its thread about to lease takes a slot of its own, which then stays unused: one a thread.
#[cfg(target_arch = "x86_64")]
fn a_signal_at_every_instruction_of_a_threads_first_calls() {
    extern "C" fn registers(_: *mut c_void) -> *mut c_void {
        single_stepped(|| {
            let mut block = Block::new(&INTERRUPTIBLE, words(400)).expect("memory");
            block.resize(&INTERRUPTIBLE, 500);
            block.free(&INTERRUPTIBLE);
        });
        null_mut()
    }
    handle_with(libc::SIGTRAP, acts_at_one_step);
    let start = start();
    // Unoptimised there are some thousand instructions: every 101st then, the calls' own among them.
    let stride = if cfg!(debug_assertions) { 101 } else { 1 };
    for acted in 0.. {
        ACT_AT.store(acted * stride, Ordering::Relaxed);
        STEPS.store(0, Ordering::Relaxed);
        CThread::start(registers).join();
        if STEPS.load(Ordering::Relaxed) <= acted * stride {
            break;
        }
    }
    let steps = STEPS.load(Ordering::Relaxed).cast_signed();
    assert!(HANDLED.load(Ordering::Relaxed) >= 20, "{steps} instructions");
    assert_handlers_counted(start);
    let slots = plimsoll::counts().thread_slots.unwrap();
    println!("{slots} slots");
    assert!(slots.cast_signed() < 3 + HANDLED.load(Ordering::Relaxed));
}

/// Enough that each call publishes what it did.
const LARGE: usize = 200_000;

extern "C" fn large_pair(_: i32) {
    Block::new(&INTERRUPTIBLE, words(LARGE)).expect("memory").free(&INTERRUPTIBLE);
}

extern "C" fn publishes_at_one_step(signal: i32) {
    if STEPS.fetch_add(1, Ordering::Relaxed) == ACT_AT.load(Ordering::Relaxed) {
        large_pair(signal);
    }
}

/// A handler publishes what its thread is about to publish: were it published twice, the peak would be too high for ever.
#[cfg(target_arch = "x86_64")]
fn a_signal_at_every_instruction_of_a_publication() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        let stride = if cfg!(debug_assertions) { 13 } else { 1 };
        for acted in 0.. {
            ACT_AT.store(acted * stride, Ordering::Relaxed);
            STEPS.store(0, Ordering::Relaxed);
            let mut kept = None;
            single_stepped(|| kept = Block::new(&INTERRUPTIBLE, words(LARGE)));
            kept.expect("memory").free(&INTERRUPTIBLE);
            if STEPS.load(Ordering::Relaxed) <= acted * stride {
                return null_mut();
            }
        }
        null_mut()
    }
    handle_with(libc::SIGTRAP, publishes_at_one_step);
    let region = Region::process();
    CThread::start(body).join();
    // More than anything before it, so that the peak is what is published now; unoptimised, bookings were lost.
    let most = Block::new(&Global, words(1000 * LARGE)).expect("memory");
    let (live, peak) = (region.delta().live_bytes, region.delta().peak_live_bytes.unwrap());
    most.free(&Global);
    println!("{} instructions: peak {peak}, live {live}", STEPS.load(Ordering::Relaxed));
    assert!(peak.abs_diff(live.cast_unsigned()) <= BATCH, "peak {peak}, live {live}");
}
