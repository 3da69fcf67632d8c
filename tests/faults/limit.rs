//! The hard limit: what is refused, how exactly, and that all goes on afterwards.

use super::support::{BUDGET, Boxes, MIB, builder, eventually};
use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::harness::cases;
use crate::common::inner::{Call, Imaginary, Refusing, Spying};
use crate::{ALLOC, INNER, Inner};
use plimsoll::{BATCH, CacheSpec, Level, Limit, Plimsoll, limit_refusals};
use std::alloc::Layout;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

cases![
    a_vector_grows_to_the_limit_and_not_beyond,
    every_call_is_refused_and_counts_nothing,
    what_is_refused_is_given_back,
    small_objects_end_within_a_batch,
    small_growth_ends_within_a_batch,
    many_threads_end_within_a_batch_each,
    large_requests_at_once_do_not_pass_together,
    what_is_freed_can_be_had_again,
    small_requests_have_half_of_the_reserve,
    growth_that_the_inner_allocator_refuses_is_given_back,
    a_limit_is_lowered_and_lifted,
    a_panic_is_caught_at_the_limit,
    a_push_beyond_the_limit_aborts,
    the_monitor_ticks_and_evicts_at_the_limit,
    the_largest_sizes_refused_wrap_nothing_round,
    absurd_requests_do_not_hide_the_limit,
    threads_that_end_at_the_limit,
];

/// The limit of most cases, above what is live in the beginning.
const ROOM: u64 = 64 * MIB;
const RESERVE: u64 = 4 * MIB;

/// Sets a limit of `ROOM` beyond what is live; says what may be live without the reserve.
fn limit() -> u64 {
    start();
    let limit = plimsoll::counts().live_bytes() + ROOM;
    ALLOC.set_limit(Some(Limit::bytes(limit).reserve(RESERVE)));
    limit - RESERVE
}

fn live() -> u64 {
    plimsoll::counts().live_bytes()
}

/// At least as many as fit on any thread that was looked at when it had to be.
#[track_caller]
fn assert_at(ceiling: u64, threads: u64) {
    let off = live().abs_diff(ceiling);
    assert!(off <= threads * BATCH, "{off} bytes off with {threads} threads");
}

fn a_vector_grows_to_the_limit_and_not_beyond() {
    let ceiling = limit();
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.try_reserve_exact(100_000).is_ok() {
        bytes.resize(bytes.capacity(), 1);
    }
    assert_at(ceiling, 1);
    assert!(live() <= ceiling, "none of it is small enough to be looked at late");
    assert_eq!(limit_refusals(), 1);
    assert!(bytes.iter().all(|byte| *byte == 1), "what could not grow stays as it was");
}

fn every_call_is_refused_and_counts_nothing() {
    let ceiling = limit();
    let size = usize::try_from(ceiling - live()).unwrap() - 100_000;
    let mut most = Block::new(&Global, words(size)).unwrap();
    let before = plimsoll::counts();
    let large = words(200_000);
    assert!(Block::new(&Global, large).is_none());
    assert!(Block::zeroed(&Global, large).is_none());
    assert!(!most.resize(&Global, size + 200_000));
    assert_eq!((plimsoll::counts(), limit_refusals()), (before, 3));
    assert!(most.resize(&Global, size + 50_000), "as much as there is room for");
    assert!(most.resize(&Global, 8), "and less at any time");
    most.free(&Global);
}

/// The inner allocator had granted it; growth it was never asked for.
fn what_is_refused_is_given_back() {
    static SPYING: Plimsoll<Spying<Inner>> =
        Plimsoll::new(Spying::new(INNER)).with_limit(Limit::bytes(16 << 20));
    let large = words(20 << 20);
    let last = || SPYING.inner().last().map(|(call, _)| call);
    let mut kept = Block::new(&SPYING, words(8)).unwrap();
    assert!(!kept.resize(&SPYING, large.size()));
    assert_eq!(last(), Some(Call::Alloc(words(8))));
    assert!(Block::new(&SPYING, large).is_none());
    assert_eq!(last(), Some(Call::Dealloc(large)));
    kept.free(&SPYING);
    assert!(Block::zeroed(&SPYING, large).is_none());
    assert_eq!((last(), limit_refusals()), (Some(Call::Dealloc(large)), 3));
}

/// Objects of a page, so that the whole reserve is held back from them.
fn small_objects_end_within_a_batch() {
    let ceiling = limit();
    let kept = fill(list(), 4096);
    assert_at(ceiling, 1);
    kept.into_iter().for_each(|block| block.free(&Global));
}

/// A list of blocks that never has to grow.
fn list() -> Vec<Block> {
    Vec::with_capacity(20_000)
}

/// As many as there is room for.
fn fill(mut kept: Vec<Block>, size: usize) -> Vec<Block> {
    while let Some(block) = Block::new(&Global, words(size)) {
        assert!(kept.len() < kept.capacity(), "nothing is refused");
        kept.push(block);
    }
    kept
}

fn small_growth_ends_within_a_batch() {
    let ceiling = limit();
    let mut blocks: Vec<Block> =
        (0..1000).map(|_| Block::new(&Global, words(4096)).unwrap()).collect();
    for round in 2..100 {
        if !blocks.iter_mut().all(|block| block.resize(&Global, round * 4096)) {
            break;
        }
    }
    assert_at(ceiling, 1);
    assert!(limit_refusals() > 0);
}

fn many_threads_end_within_a_batch_each() {
    const THREADS: usize = 16;
    let ceiling = limit();
    let (full, lists) = (Barrier::new(THREADS + 1), [(); THREADS].map(|()| list()));
    std::thread::scope(|scope| {
        for list in lists {
            let full = &full;
            scope.spawn(move || {
                let kept = fill(list, 4096);
                full.wait();
                full.wait();
                kept.into_iter().for_each(|block| block.free(&Global));
            });
        }
        full.wait();
        assert_at(ceiling, THREADS as u64 + 1);
        full.wait();
    });
    assert!(live() < ceiling - ROOM / 2, "all of it was freed");
}

/// Each for itself would fit, and four do.
fn large_requests_at_once_do_not_pass_together() {
    const THREADS: usize = 8;
    limit();
    for _ in 0..100 {
        let (begin, had) = (Barrier::new(THREADS), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    begin.wait();
                    let block = Block::new(&Global, words(14 << 20));
                    had.fetch_add(u64::from(block.is_some()), Ordering::Relaxed);
                    begin.wait();
                    block.into_iter().for_each(|block| block.free(&Global));
                });
            }
        });
        assert_eq!(had.into_inner(), 4);
    }
}

fn what_is_freed_can_be_had_again() {
    let ceiling = limit();
    let mut had = Vec::with_capacity(10);
    for _ in 0..10 {
        let kept = fill(list(), 8192);
        assert_at(ceiling, 1);
        had.push(kept.len());
        kept.into_iter().for_each(|block| block.free(&Global));
    }
    let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
    assert!((most - least) as u64 * 8192 <= 2 * BATCH, "{had:?}");
}

fn small_requests_have_half_of_the_reserve() {
    let ceiling = limit();
    let (large, small) = (list(), list());
    let kept = [fill(large, 8192), fill(small, 2048)];
    assert_at(ceiling + RESERVE / 2, 1);
    kept.into_iter().flatten().for_each(|block| block.free(&Global));
}

fn growth_that_the_inner_allocator_refuses_is_given_back() {
    static REFUSING: Plimsoll<Refusing<Inner>> =
        Plimsoll::new(Refusing::new(INNER)).with_limit(Limit::bytes(1 << 40));
    let mut block = Block::new(&REFUSING, words(1 << 20)).unwrap();
    let (start, peak) = (start(), plimsoll::counts().peak_live_bytes);
    REFUSING.inner().refuse_every(1);
    for _ in 0..1000 {
        assert!(!block.resize(&REFUSING, 1 << 30));
    }
    assert_eq!((live_since(start), plimsoll::counts().peak_live_bytes), ((0, 0), peak));
    let failed = Barrier::new(2);
    let another = || {
        failed.wait();
        let had = Block::new(&REFUSING, words(2 << 30)).map(|block| block.free(&REFUSING));
        failed.wait();
        had.is_some()
    };
    std::thread::scope(|scope| {
        let another = scope.spawn(another);
        assert!(!block.resize(&REFUSING, (1 << 40) - (1 << 30)));
        REFUSING.inner().refuse_every(0);
        // This thread allocates nothing in between: its next call would make up for what was not given back.
        failed.wait();
        failed.wait();
        assert!(another.join().unwrap(), "given back at once");
    });
    REFUSING.set_limit(Some(Limit::bytes(live() + 8 * MIB).reserve(0)));
    assert!(block.resize(&REFUSING, 8 << 20), "a terabyte was given back");
    assert!(!block.resize(&REFUSING, 10 << 20));
    assert_eq!(limit_refusals(), 1);
    block.free(&REFUSING);
}

fn a_limit_is_lowered_and_lifted() {
    limit();
    let kept = Block::new(&Global, words(32 << 20)).unwrap();
    ALLOC.set_limit(Some(Limit::bytes(16 * MIB)));
    assert_eq!(ALLOC.limit().map(Limit::limit_bytes), Some(16 * MIB));
    assert!(Block::new(&Global, words(8192 * 32)).is_none());
    kept.free(&Global);
    Block::new(&Global, words(8 << 20)).unwrap().free(&Global);
    ALLOC.set_limit(None);
    Block::new(&Global, words(100 << 20)).unwrap().free(&Global);
    assert_eq!((limit_refusals(), ALLOC.limit()), (1, None));
}

/// What cannot fail ends the process, as it does where memory is exhausted.
fn a_push_beyond_the_limit_aborts() {
    limit();
    // SAFETY: the only thread of this process; the child ends by the abort.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut bytes = Vec::new();
        (0..ROOM).for_each(|_| bytes.push(1u8));
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT, "{status}");
    assert_eq!(limit_refusals(), 0, "that was the child's");
}

/// A message is made, perhaps a trace, and the stack is unwound.
fn a_panic_is_caught_at_the_limit() {
    limit();
    let large = fill(list(), 8192);
    let caught = std::panic::catch_unwind(|| panic!("{} blocks", large.len()));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, format!("{} blocks", large.len()));
    assert!(Block::new(&Global, words(200_000)).is_none(), "the limit is there again");
}

fn the_monitor_ticks_and_evicts_at_the_limit() {
    let monitor = builder().interval(Duration::from_secs(3600)).start().unwrap();
    let boxes = Boxes::filled(BUDGET / 2);
    eventually("the first tick", || monitor.latest().map(drop));
    ALLOC.set_limit(Some(Limit::bytes(live() + ROOM).reserve(RESERVE)));
    let had = Arc::new(AtomicBool::new(false));
    let (asked, cache) = (had.clone(), boxes.closure());
    let hook = move |bytes: u64| {
        // A cache that needs memory to give some.
        asked.store(std::hint::black_box(vec![1u8; 1 << 20]).len() == 1 << 20, Ordering::Release);
        cache(bytes)
    };
    let kept = fill(list(), 8192);
    monitor.register(CacheSpec::new("boxes").from(Level::Caution), hook).unwrap();
    assert!(Block::new(&Global, words(1 << 20)).is_none());
    let result = monitor.evict(32 * MIB).unwrap();
    assert_eq!((result.memory_freed_bytes, had.load(Ordering::Acquire)), (Some(32 * MIB), true));
    Block::new(&Global, words(16 << 20)).unwrap().free(&Global);
    assert!(monitor.is_running());
    kept.into_iter().for_each(|block| block.free(&Global));
}

/// Granted by the inner allocator, so it is the limit that has to say no.
fn the_largest_sizes_refused_wrap_nothing_round() {
    static LIMITED: Plimsoll<Imaginary> =
        Plimsoll::new(Imaginary).with_limit(Limit::bytes(1 << 40));
    let start = start();
    let huge = Layout::from_size_align(isize::MAX as usize - 7, 8).unwrap();
    let mut small = Block::new(&LIMITED, words(8)).unwrap();
    for _ in 0..5 {
        assert!(Block::new(&LIMITED, huge).is_none());
        assert!(Block::zeroed(&LIMITED, huge).is_none());
        assert!(!small.resize(&LIMITED, huge.size()));
    }
    assert_eq!((live_since(start), limit_refusals()), ((1, 8), 15));
    small.free(&LIMITED);
}

/// Such requests are refused by the inner allocator, and what they would have taken must not come back as room.
fn absurd_requests_do_not_hide_the_limit() {
    for size in [isize::MAX as usize - 7, 1 << 62] {
        assert!(Block::new(&Global, words(size)).is_none());
    }
    let ceiling = limit();
    let kept = fill(list(), 4096);
    assert_at(ceiling, 1);
    kept.into_iter().for_each(|block| block.free(&Global));
}

/// Threads without a lease any more are refused and counted too.
fn threads_that_end_at_the_limit() {
    struct AllocatesAtTheEnd(u64);
    impl Drop for AllocatesAtTheEnd {
        fn drop(&mut self) {
            assert!(Block::new(&Global, words(16 << 20)).is_none());
            let small = Block::new(&Global, words(64)).unwrap();
            small.free(&Global);
            assert!(live() >= self.0 - 17 * BATCH);
        }
    }
    thread_local! {
        static LATE: std::cell::OnceCell<AllocatesAtTheEnd> = const { std::cell::OnceCell::new() };
    }
    let ceiling = limit();
    let kept = fill(list(), 8192);
    let threads = || {
        std::thread::Builder::new()
            .spawn(move || LATE.with(|late| late.set(AllocatesAtTheEnd(ceiling)).is_ok()))
    };
    for _ in 0..8 {
        assert!(threads().unwrap().join().unwrap());
    }
    assert_eq!(limit_refusals(), 1 + 8);
    kept.into_iter().for_each(|block| block.free(&Global));
}
