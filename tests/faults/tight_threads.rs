//! Threads with hardly any stack, and threads that panic.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::common::inner::Reentrant;
use plimsoll::Plimsoll;
use std::ffi::c_void;
use std::ptr::null_mut;

cases![
    the_smallest_stack_is_enough_for_our_part,
    a_small_stack_is_enough_for_all,
    panicking_threads_are_exact,
];

/// An inner allocator that needs no stack: jemalloc unoptimised needs more than 64 KiB at times.
static FRUGAL: Plimsoll<Reentrant> = Plimsoll::new(Reentrant::new());

fn the_smallest_stack_is_enough_for_our_part() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        let mut block = Block::new(&FRUGAL, words(100)).expect("memory");
        assert!(block.resize(&FRUGAL, 300));
        if plimsoll::counts().live_objects() > 0 {
            block.keep();
        }
        null_mut()
    }
    let start = start();
    for threads in 1..=100 {
        CThread::with_stack(body, libc::PTHREAD_STACK_MIN).join();
        assert_eq!(live_since(start), (threads, 300 * threads));
    }
}

fn a_small_stack_is_enough_for_all() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        let mut block = Block::new(&Global, words(100)).expect("memory");
        assert!(block.resize(&Global, 300));
        block.keep();
        null_mut()
    }
    let start = start();
    for threads in 1..=100 {
        CThread::start(body).join();
        assert_eq!(live_since(start), (threads, 300 * threads));
    }
}

/// Without the panic hook, which makes what it makes once; what unwinding frees is freed.
fn panicking_threads_are_exact() {
    struct Held(Option<Block>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.take().expect("held").free(&Global);
        }
    }
    let panics = || {
        let _held = Held(Block::new(&Global, words(1000)));
        let kept = Block::new(&Global, words(10)).expect("memory");
        kept.keep();
        std::panic::resume_unwind(Box::new([0u8; 50]));
    };
    drop(std::thread::spawn(panics).join());
    let start = start();
    for threads in 1..=200 {
        let payload = std::thread::spawn(panics).join().unwrap_err();
        assert_eq!(live_since(start), (threads + 1, 10 * threads + 50), "with the payload");
        drop(payload);
        assert_eq!(live_since(start), (threads, 10 * threads));
    }
}
