//! A signal at every single instruction of what the counters do: no interleaving is left to chance.
//!
//! The processor's trap flag raises SIGTRAP after each instruction; at one of them, in each run another, the handler
//! allocates. What the compiler makes of the order of stores shows in an optimised build alone:
//! `cargo test --release --test faults_system -- single_steps`.

use super::signals::{HANDLED, INTERRUPTIBLE, assert_handlers_counted, handle_with, keeps_one};
use crate::common::block::{Block, Global, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use plimsoll::{BATCH, Region};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

cases![
    a_signal_at_every_instruction_of_a_threads_first_calls,
    a_signal_at_every_instruction_of_a_publication,
    a_signal_at_every_instruction_of_a_threads_end,
    a_signal_at_every_instruction_of_a_measurements_begin,
];

/// The handler acts at the n-th instruction of what a thread does under `single_stepped`.
static ACT_AT: AtomicU64 = AtomicU64::new(0);
static STEPS: AtomicU64 = AtomicU64::new(0);

extern "C" fn acts_at_one_step(signal: i32) {
    if STEPS.fetch_add(1, Ordering::Relaxed) == ACT_AT.load(Ordering::Relaxed) {
        keeps_one(signal);
    }
}

/// Has the processor raise SIGTRAP after every instruction of `work`.
fn single_stepped(work: impl FnOnce()) {
    step_from_here();
    work();
    step_no_more();
}

#[inline(always)]
fn step_from_here() {
    // SAFETY: sets the trap flag, and nothing else; the signal it raises has a handler.
    unsafe { std::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
}

#[inline(always)]
fn step_no_more() {
    // SAFETY: clears the trap flag, and nothing else.
    unsafe { std::arch::asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") };
}

/// How far apart the instructions are that are tried: unoptimised there are some thousands.
const fn stride(unoptimised: u64) -> u64 {
    if cfg!(debug_assertions) { unoptimised } else { 1 }
}

/// Runs `work` with the handler at one instruction after another, until all have been tried.
fn at_every_step(stride: u64, mut work: impl FnMut()) {
    for acted in 0.. {
        ACT_AT.store(acted * stride, Ordering::Relaxed);
        STEPS.store(0, Ordering::Relaxed);
        work();
        if STEPS.load(Ordering::Relaxed) <= acted * stride {
            return;
        }
    }
}

/// A handler that finds its thread about to lease takes a slot of its own, which then stays unused: one a thread.
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
    at_every_step(stride(101), || CThread::start(registers).join());
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
fn a_signal_at_every_instruction_of_a_publication() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        at_every_step(stride(61), || {
            let mut kept = None;
            single_stepped(|| kept = Block::new(&INTERRUPTIBLE, words(LARGE)));
            kept.expect("memory").free(&INTERRUPTIBLE);
        });
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

/// What is kept after the lease was given back, in the destructor of a key that was made later.
const KEPT_AT_THE_END: i64 = 10;
static LATER_KEY: AtomicU32 = AtomicU32::new(0);
static KEPT: AtomicI64 = AtomicI64::new(0);

/// Were anything left to a thread that has moved out, it would book where nobody reads.
fn a_signal_at_every_instruction_of_a_threads_end() {
    extern "C" fn later(_: *mut c_void) {
        step_no_more();
        for _ in 0..KEPT_AT_THE_END {
            Block::new(&INTERRUPTIBLE, words(8)).expect("memory").keep();
        }
        KEPT.fetch_add(KEPT_AT_THE_END, Ordering::Relaxed);
    }
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        Block::new(&INTERRUPTIBLE, words(8)).expect("memory").free(&INTERRUPTIBLE);
        // SAFETY: the key was made before this thread; its destructor does not look at the value.
        let set = unsafe {
            libc::pthread_setspecific(LATER_KEY.load(Ordering::Relaxed), (&raw const KEPT).cast())
        };
        assert_eq!(set, 0);
        step_from_here();
        null_mut()
    }
    handle_with(libc::SIGTRAP, acts_at_one_step);
    let mut key = 0;
    // SAFETY: a place for the key, and a function of this type. Made after ours, so that it is called after it.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(later)) }, 0);
    LATER_KEY.store(key, Ordering::Relaxed);
    let before = start();
    at_every_step(stride(13), || CThread::start(body).join());
    let kept = KEPT.load(Ordering::Relaxed) + HANDLED.load(Ordering::Relaxed);
    let lost = kept - (plimsoll::counts() - before).live_objects;
    println!("{} instructions, {kept} kept, {lost} lost", STEPS.load(Ordering::Relaxed));
    // Unoptimised, each handler may have undone one booking.
    let may_be_lost = if cfg!(debug_assertions) { HANDLED.load(Ordering::Relaxed) } else { 0 };
    assert!(lost.abs() <= may_be_lost, "{lost} of {kept} lost");
}

/// Were anything left while a thread is measured, its peak would be missed.
fn a_signal_at_every_instruction_of_a_measurements_begin() {
    const PEAK: usize = 60_000;
    handle_with(libc::SIGTRAP, acts_at_one_step);
    at_every_step(stride(13), || {
        step_from_here();
        let ((), delta) = plimsoll::measure(|| {
            step_no_more();
            Block::new(&INTERRUPTIBLE, words(PEAK)).expect("memory").free(&INTERRUPTIBLE);
        });
        assert!(delta.peak_live_bytes >= Some(PEAK as u64), "{:?}", delta.peak_live_bytes);
    });
    assert!(HANDLED.load(Ordering::Relaxed) >= 20);
}
