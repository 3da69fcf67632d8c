//! After `main`: handlers of `atexit` and thread-locals of the main thread allocate while the process ends.
//!
//! A case ends the process with `NOT_RUN`; what it is about turns that into success at the last moment.

use crate::common::block::{Block, Global, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;

cases![
    an_atexit_handler_is_counted,
    an_atexit_handler_on_another_thread_is_counted,
    a_thread_local_of_the_main_thread_is_counted,
    detached_threads_may_allocate_to_the_end,
];

const NOT_RUN: i32 = 77;

fn assert_counts_go_on() {
    let before = plimsoll::counts();
    let kept = Block::new(&Global, words(1000)).expect("memory");
    Block::zeroed(&Global, words(70)).expect("memory").free(&Global);
    let delta = plimsoll::counts() - before;
    assert_eq!((delta.live_objects, delta.live_bytes, kept.keep()), (1, 1000, 1000));
}

/// Panics in it abort: a handler cannot unwind.
extern "C" fn handler() {
    assert_counts_go_on();
    // SAFETY: ends the process at once, successfully.
    unsafe { libc::_exit(0) };
}

fn call_at_exit() {
    // SAFETY: the handler may run at any time.
    assert_eq!(unsafe { libc::atexit(handler) }, 0);
}

fn an_atexit_handler_is_counted() {
    call_at_exit();
    std::process::exit(NOT_RUN);
}

fn an_atexit_handler_on_another_thread_is_counted() {
    call_at_exit();
    let other = std::thread::spawn(|| std::process::exit(NOT_RUN));
    drop(other.join());
    unreachable!("the process has ended");
}

struct AtThreadEnd(Cell<Option<Block>>);

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        self.0.take().expect("allocated in main").free(&Global);
        handler();
    }
}

fn a_thread_local_of_the_main_thread_is_counted() {
    thread_local! {
        static LOCAL: AtThreadEnd = const { AtThreadEnd(Cell::new(None)) };
    }
    LOCAL.with(|local| local.0.set(Block::new(&Global, words(10))));
    std::process::exit(NOT_RUN);
}

/// They run on while the process ends around them; the handler reads beside them.
fn detached_threads_may_allocate_to_the_end() {
    extern "C" fn busy(_: *mut c_void) -> *mut c_void {
        loop {
            Block::new(&Global, words(100)).expect("memory").free(&Global);
        }
    }
    extern "C" fn reading_handler() {
        for _ in 0..10_000 {
            let counts = plimsoll::counts();
            assert!(counts.free_objects_total <= counts.alloc_objects_total);
        }
        // SAFETY: ends the process at once, successfully.
        unsafe { libc::_exit(0) };
    }
    (0..4).for_each(|_| CThread::start(busy).detach());
    extern "C" fn end(_: *mut c_void) -> *mut c_void {
        null_mut()
    }
    CThread::start(end).join();
    // SAFETY: the handler may run at any time.
    assert_eq!(unsafe { libc::atexit(reading_handler) }, 0);
    std::process::exit(NOT_RUN);
}
