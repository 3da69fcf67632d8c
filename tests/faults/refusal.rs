//! Requests that the inner allocator refuses: null is passed on, nothing is counted, later calls are fine.

use crate::common::block::{Block, Global, live_since, signed, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::common::inner::{Reentrant, Refusing};
use crate::common::limits::{NoMappingLeft, lift_limit_of_address_space, limit_address_space};
use crate::common::random::Random;
use crate::{INNER, Inner};
use plimsoll::Plimsoll;
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

cases![
    every_nth_request_refused,
    every_nth_request_refused_on_eight_threads,
    a_threads_first_request_refused,
    a_refusal_leaves_no_peak,
    containers_that_ask_for_too_much,
    an_exhausted_address_space,
    no_mapping_left,
    threads_for_which_no_slot_can_be_had,
];

static REFUSING: Plimsoll<Refusing<Inner>> = Plimsoll::new(Refusing::new(INNER));

const STEPS: usize = 3000;

/// A third each: allocate, allocate zeroed, resize. Says by how many objects and bytes the world has changed.
fn step(random: &mut Random, blocks: &mut VecDeque<Block>) -> (i64, i64) {
    let resized = if random.below(3) == 0 { blocks.pop_front() } else { None };
    let Some(mut block) = resized else { return allocate(random, blocks) };
    let (old, new) = (block.size(), random.size());
    let done = block.resize(&REFUSING, new);
    blocks.push_back(block);
    if done { (0, signed(new) - signed(old)) } else { (0, 0) }
}

fn allocate(random: &mut Random, blocks: &mut VecDeque<Block>) -> (i64, i64) {
    let layout = random.layout();
    let block = match random.below(2) {
        0 => Block::new(&REFUSING, layout),
        _ => Block::zeroed(&REFUSING, layout),
    };
    let change = block.as_ref().map_or((0, 0), |block| (1, signed(block.size())));
    blocks.extend(block);
    change
}

/// Runs the script; `check` sees the figures that must hold after each step. All is freed in the end.
fn script(seed: u64, check: impl Fn((i64, i64))) {
    let mut random = Random::seeded(seed);
    let mut blocks = VecDeque::with_capacity(STEPS);
    let mut live = (0, 0);
    for _ in 0..STEPS {
        let change = step(&mut random, &mut blocks);
        live = (live.0 + change.0, live.1 + change.1);
        check(live);
    }
    blocks.into_iter().for_each(|block| block.free(&REFUSING));
}

fn every_nth_request_refused() {
    let model = start();
    for nth in [1, 2, 3, 5, 7, 11, 100] {
        REFUSING.inner().refuse_every(nth);
        let queue = (1, signed(STEPS * size_of::<Block>()));
        script(nth, |(objects, bytes)| {
            assert_eq!(live_since(model), (objects + queue.0, bytes + queue.1), "every {nth}th");
        });
        assert_eq!(REFUSING.inner().refused(), STEPS as u64 / nth);
        assert_eq!(live_since(model), (0, 0));
    }
}

fn every_nth_request_refused_on_eight_threads() {
    let start = start();
    for nth in [1, 2, 7] {
        REFUSING.inner().refuse_every(nth);
        let threads =
            [1, 2, 3, 4, 5, 6, 7, 8].map(|seed| std::thread::spawn(move || script(seed, |_| ())));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(REFUSING.inner().refused(), 8 * STEPS as u64 / nth);
        assert_eq!(live_since(start), (0, 0), "every {nth}th");
    }
}

/// The request that would lease the slot fails, then the one after it succeeds.
fn a_threads_first_request_refused() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        let start = plimsoll::counts();
        REFUSING.inner().refuse_every(1);
        assert!(Block::new(&REFUSING, words(10)).is_none());
        assert!(Block::zeroed(&REFUSING, words(10)).is_none());
        assert_eq!(plimsoll::counts(), start);
        REFUSING.inner().refuse_every(2);
        let block = Block::new(&REFUSING, words(10)).unwrap();
        assert!(Block::new(&REFUSING, words(10)).is_none());
        assert_eq!(live_since(start), (1, 10));
        block.free(&REFUSING);
        null_mut()
    }
    let start = start();
    CThread::start(body).join();
    assert_eq!(live_since(start), (0, 0));
}

/// What was asked for and refused was never live.
fn a_refusal_leaves_no_peak() {
    REFUSING.inner().refuse_every(1);
    let before = plimsoll::counts().peak_live_bytes.unwrap();
    let (refused, delta) = plimsoll::measure(|| {
        [50, 50_000, 50_000_000].map(|size| Block::new(&REFUSING, words(size)).is_none())
    });
    assert_eq!(refused, [true; 3]);
    assert_eq!((delta.alloc_objects, delta.alloc_bytes, delta.peak_live_bytes), (0, 0, Some(0)));
    assert_eq!(plimsoll::counts().peak_live_bytes.unwrap(), before);
}

fn containers_that_ask_for_too_much() {
    let enormous = usize::try_from(isize::MAX).unwrap() / 2;
    let mut list: Vec<u8> = vec![1, 2, 3];
    let mut text = String::from("kept");
    let mut map: HashMap<u64, u64> = HashMap::from([(1, 2)]);
    let before = plimsoll::counts();
    assert!(list.try_reserve_exact(enormous).is_err());
    let mut empty = black_box(Vec::<u64>::new());
    assert!(empty.try_reserve_exact(enormous / 8).is_err());
    black_box(&mut empty);
    assert!(text.try_reserve(enormous).is_err());
    assert!(map.try_reserve(enormous / 64).is_err());
    assert!(Block::zeroed(&Global, words(enormous)).is_none());
    assert_eq!(plimsoll::counts(), before, "failed calls are not counted");
    drop((list, text, map));
    assert_eq!((plimsoll::counts() - before).free_objects, 3);
}

/// The kernel refuses: real failures, in the middle of the inner allocator.
fn an_exhausted_address_space() {
    const STEP: usize = 100_000;
    let mut blocks = Vec::with_capacity(4096);
    let start = start();
    limit_address_space(64 << 20);
    blocks.extend(std::iter::from_fn(|| Block::new(&Global, words(STEP))));
    let found = live_since(start);
    let refused = (0..100).filter(|_| Block::zeroed(&Global, words(16 << 20)).is_none()).count();
    let grown = blocks.iter_mut().filter_map(|block| block.resize(&Global, 32 << 20).then_some(()));
    let grown = grown.count();
    let mut reserved = black_box(Vec::<u8>::new());
    let reserve = reserved.try_reserve_exact(128 << 20).is_err();
    let after = live_since(start);
    let made = blocks.len();
    blocks.into_iter().for_each(|block| block.free(&Global));
    assert!((100..4096).contains(&made), "{made} blocks of 100 kB into 64 MiB");
    assert_eq!(found, (signed(made), signed(made * STEP)));
    assert_eq!((refused, grown, reserve), (100, 0, true));
    assert_eq!(after, found, "refused growth changes nothing");
    // The list of blocks was made before the start.
    assert_eq!(live_since(start), (-1, -signed(4096 * size_of::<Block>())));
}

/// The inner allocator asks the kernel, which has memory and no mapping left to put it in.
fn no_mapping_left() {
    let start = start();
    let Some(exhausted) = NoMappingLeft::new() else { return };
    let mut blocks: [Option<Block>; 64] = [const { None }; 64];
    blocks.fill_with(|| Block::new(&Global, words(8 << 20)));
    let made = blocks.iter().flatten().count();
    let found = live_since(start);
    drop(exhausted);
    assert!(made < 64, "nothing was refused");
    assert_eq!(found, (signed(made), signed(made * (8 << 20))));
    blocks.into_iter().flatten().for_each(|block| block.free(&Global));
    Block::new(&Global, words(8 << 20)).expect("later calls are fine").free(&Global);
    assert_eq!(live_since(start), (0, 0));
}

/// Needs no memory, so that what is refused here is the memory for our own slots.
static FRUGAL: Plimsoll<Reentrant> = Plimsoll::new(Reentrant::new());
static READY: AtomicI64 = AtomicI64::new(0);
static GO: AtomicBool = AtomicBool::new(false);
static LIFTED: AtomicBool = AtomicBool::new(false);

/// More threads than the first chunk has slots, and the kernel gives no memory for another: they share one.
fn threads_for_which_no_slot_can_be_had() {
    const THREADS: i64 = 100;
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        READY.fetch_add(1, Ordering::AcqRel);
        while !GO.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        for size in 1..100 {
            if let Some(block) = Block::new(&FRUGAL, words(size)) {
                block.free(&FRUGAL);
            }
        }
        if let Some(block) = Block::new(&FRUGAL, words(33)) {
            block.keep();
        }
        READY.fetch_sub(1, Ordering::AcqRel);
        while !LIFTED.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        if let Some(block) = Block::new(&FRUGAL, words(5)) {
            block.keep();
        }
        // With their slots, so that who has none finds none given back.
        READY.fetch_add(1, Ordering::AcqRel);
        while READY.load(Ordering::Acquire) < THREADS {
            std::thread::yield_now();
        }
        null_mut()
    }
    let start = start();
    let threads: Vec<_> = (0..THREADS).map(|_| CThread::start(body)).collect();
    let (list, _) = live_since(start);
    while READY.load(Ordering::Acquire) < THREADS {
        std::thread::yield_now();
    }
    limit_address_space(0);
    let exhausted = live_since(start);
    GO.store(true, Ordering::Release);
    while READY.load(Ordering::Acquire) > 0 {
        std::thread::yield_now();
    }
    let found = live_since(start);
    lift_limit_of_address_space();
    LIFTED.store(true, Ordering::Release);
    assert_eq!(exhausted.0, list, "nothing but what is counted below");
    assert_eq!((found.0 - list, found.1 - exhausted.1), (THREADS, 33 * THREADS));
    threads.into_iter().for_each(CThread::join);
    assert_eq!(plimsoll::counts().thread_slots, Some(63), "nobody tries at every call");
    (0..10).for_each(|_| CThread::start(body).join());
    assert_eq!(plimsoll::counts().thread_slots, Some(63), "they were given back");
    assert_eq!(live_since(start), (2 * (THREADS + 10), 38 * (THREADS + 10)));
}
