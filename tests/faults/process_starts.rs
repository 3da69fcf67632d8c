//! Before `main`: constructors of the executable allocate as soon as the loader has run.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use plimsoll::Counts;
use std::sync::Mutex;

cases![a_constructor_before_main_is_counted, an_object_from_before_main_may_be_freed_after];

/// Counts before and after the constructor's allocations, and an object it leaves.
static LEFT: Mutex<Option<(Counts, Counts, Block)>> = Mutex::new(None);

extern "C" fn constructor() {
    let before = plimsoll::counts();
    let kept = Block::new(&Global, words(1000)).expect("memory");
    Block::zeroed(&Global, words(70)).expect("memory").free(&Global);
    let after = plimsoll::counts();
    *LEFT.lock().expect("no holder panics") = Some((before, after, kept));
}

// SAFETY: the loader calls the functions in this section, whose signature this one has (it ignores the arguments).
#[unsafe(link_section = ".init_array")]
#[used]
static CONSTRUCTOR: extern "C" fn() = constructor;

fn a_constructor_before_main_is_counted() {
    let (before, after, _) = LEFT.lock().unwrap().take().expect("the constructor ran");
    let delta = after - before;
    assert_eq!((delta.live_objects, delta.live_bytes), (1, 1000));
    assert_eq!((delta.alloc_objects, delta.free_bytes), (2, 70));
    assert_eq!(after.thread_slots, Some(1), "the main thread's slot");
    assert_eq!(plimsoll::counts().thread_slots, Some(1), "the same one in main");
}

fn an_object_from_before_main_may_be_freed_after() {
    let (.., block) = LEFT.lock().unwrap().take().expect("the constructor ran");
    let before = plimsoll::counts();
    block.free(&Global);
    let delta = plimsoll::counts() - before;
    assert_eq!((delta.live_objects, delta.live_bytes), (-1, -1000));
}
