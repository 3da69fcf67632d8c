//! A program in which no pthread key is left when its threads first allocate, before `main`: no lease can be seen to
//! its end, so none is kept.
#![allow(unsafe_code, reason = "raw allocator calls are what is tested")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

mod common;

use common::block::{Block, Global, words};
use common::c_thread::CThread;
use common::harness::{Case, cases};
use plimsoll::{Counts, Plimsoll};
use std::ffi::c_void;
use std::process::ExitCode;
use std::ptr::null_mut;
use std::sync::Mutex;

#[global_allocator]
static ALLOC: Plimsoll<std::alloc::System> = Plimsoll::new(std::alloc::System);

cases![threads_without_a_key_are_counted_and_take_no_slot];

const AT_ONCE: usize = 8;
const WAVES: usize = 25;
const KEPT_BY_EACH: u64 = 3;

/// As many keys as a C library has; 1024 in glibc.
const KEYS: usize = 4096;

/// Counts before any thread ran, and after all of them.
static FOUND: Mutex<Option<[Counts; 2]>> = Mutex::new(None);

extern "C" fn body(_: *mut c_void) -> *mut c_void {
    for size in 1..500 {
        let mut block = Block::new(&Global, words(size)).expect("memory");
        block.resize(&Global, 2 * size);
        block.free(&Global);
    }
    for _ in 0..KEPT_BY_EACH {
        Block::new(&Global, words(100)).expect("memory").keep();
    }
    null_mut()
}

/// The standard library cannot do without keys: they are there again when `main` begins.
extern "C" fn constructor() {
    let mut keys = [0; KEYS];
    let mut taken = 0;
    // SAFETY: each key has a place of its own, and no destructor.
    while taken < KEYS && unsafe { libc::pthread_key_create(&raw mut keys[taken], None) } == 0 {
        taken += 1;
    }
    let before = plimsoll::counts();
    for _ in 0..WAVES {
        [(); AT_ONCE].map(|()| CThread::start(body)).into_iter().for_each(CThread::join);
    }
    let after = plimsoll::counts();
    for key in &keys[..taken] {
        // SAFETY: created above, and deleted once.
        unsafe { libc::pthread_key_delete(*key) };
    }
    if taken < KEYS {
        *FOUND.lock().expect("no holder panics") = Some([before, after]);
    }
}

// SAFETY: the loader calls the functions in this section, whose signature this one has (it ignores the arguments).
#[unsafe(link_section = ".init_array")]
#[used]
static CONSTRUCTOR: extern "C" fn() = constructor;

fn threads_without_a_key_are_counted_and_take_no_slot() {
    let [before, after] = FOUND.lock().unwrap().expect("the keys ran out");
    assert_eq!(before.thread_slots, Some(0), "nobody was first");
    let threads = (AT_ONCE * WAVES) as u64;
    let kept = threads * KEPT_BY_EACH;
    assert_eq!((after.live_objects(), after.live_bytes()), (kept, 100 * kept));
    assert_eq!(after.realloc_total, threads * 499);
    // A slot is taken, and given back at once when there is no key: never more than threads at once.
    assert!(after.thread_slots <= Some(AT_ONCE as u64), "{:?} slots", after.thread_slots);
    // With keys there are leases again.
    let slots = std::thread::spawn(|| {
        Block::new(&Global, words(10)).unwrap().free(&Global);
        plimsoll::counts().thread_slots
    });
    assert!(slots.join().unwrap() >= Some(1));
}

fn main() -> ExitCode {
    let groups: &[&[Case]] = &[CASES];
    common::harness::main(groups)
}
