//! A program whose very first request is refused, before `main`: its own constructor's.
#![allow(unsafe_code, reason = "raw allocator calls are what is tested")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

mod common;

use common::block::{Block, Global, live_since, start, words};
use common::harness::{Case, cases};
use common::inner::Refusing;
use plimsoll::{Counts, Plimsoll};
use std::process::ExitCode;
use std::sync::Mutex;

#[global_allocator]
static ALLOC: Plimsoll<Refusing<std::alloc::System>> =
    Plimsoll::new(Refusing::new(std::alloc::System));

cases![the_first_requests_of_the_process_are_refused];

/// What had been counted when the constructor began, when it had been refused, and with the one object it then got.
static FOUND: Mutex<Option<[Counts; 3]>> = Mutex::new(None);

extern "C" fn constructor() {
    let before = plimsoll::counts();
    ALLOC.inner().refuse_every(1);
    let refused = [Block::new(&Global, words(10)), Block::zeroed(&Global, words(1_000_000))];
    let after = plimsoll::counts();
    ALLOC.inner().refuse_every(0);
    let granted = Block::new(&Global, words(10));
    if refused.iter().all(Option::is_none) && granted.is_some() {
        *FOUND.lock().expect("no holder panics") = Some([before, after, plimsoll::counts()]);
    }
}

// SAFETY: the loader calls the functions in this section, whose signature this one has (it ignores the arguments).
#[unsafe(link_section = ".init_array")]
#[used]
static CONSTRUCTOR: extern "C" fn() = constructor;

fn the_first_requests_of_the_process_are_refused() {
    let [before, after, granted] = FOUND.lock().unwrap().expect("refused, then granted");
    assert_eq!((before.alloc_objects_total, before.thread_slots), (0, Some(0)), "nobody was first");
    assert_eq!(after, before, "a refused request is nothing");
    assert_eq!((granted.live_objects(), granted.live_bytes()), (1, 10));
    let start = start();
    Block::new(&Global, words(100)).unwrap().keep();
    assert_eq!(live_since(start), (1, 100));
}

fn main() -> ExitCode {
    let groups: &[&[Case]] = &[CASES];
    common::harness::main(groups)
}
