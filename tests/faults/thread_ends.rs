//! Destructors of thread-locals and of pthread keys that allocate and free, before and after the lease has ended.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use plimsoll::{Delta, Region, ThisThread};
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{dangling_mut, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

cases![
    thread_locals_allocate_and_free_in_their_destructors,
    pthread_keys_allocate_and_free_in_their_destructors,
    a_lease_ends_although_destructors_go_on,
    a_region_of_a_thread_says_nothing_after_its_lease,
    ending_threads_and_starting_ones_undo_nothing,
];

fn block(size: usize) -> Block {
    Block::new(&Global, words(size)).expect("memory")
}

/// Frees what the thread left in it, allocates and frees more, and keeps one object of 7 bytes.
struct Untidy(Vec<Block>);

impl Drop for Untidy {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|block| block.free(&Global));
        let mut extra = block(5000);
        assert!(extra.resize(&Global, 9000));
        extra.free(&Global);
        block(7).keep();
    }
}

thread_local! {
    static FIRST: RefCell<Untidy> = const { RefCell::new(Untidy(Vec::new())) };
    static SECOND: RefCell<Untidy> = const { RefCell::new(Untidy(Vec::new())) };
}

/// One thread-local is touched before the thread's first allocation, the other after it.
fn thread_locals_allocate_and_free_in_their_destructors() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        FIRST.with_borrow(|first| assert!(first.0.is_empty()));
        let blocks = (1..100).map(block).collect();
        SECOND.with_borrow_mut(|second| second.0 = blocks);
        FIRST.with_borrow_mut(|first| first.0 = vec![block(10)]);
        null_mut()
    }
    let start = start();
    for threads in 1..=100 {
        CThread::start(body).join();
        assert_eq!(live_since(start), (2 * threads, 14 * threads));
    }
    assert_eq!(plimsoll::counts().thread_slots, Some(2));
}

static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// Comes back as long as the C library lets it: four rounds, ours has run in the first.
extern "C" fn stubborn(value: *mut c_void) {
    ROUNDS.fetch_add(1, Ordering::Relaxed);
    let mut kept = block(3);
    assert!(kept.resize(&Global, 11));
    kept.keep();
    block(300_000).free(&Global);
    // SAFETY: the key exists; its destructor takes any value.
    unsafe { libc::pthread_setspecific(key(), value) };
}

fn key() -> libc::pthread_key_t {
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: a place for the key, and a destructor that takes any value.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(stubborn)) }, 0);
        key
    })
}

extern "C" fn leaves_stubborn_value(_: *mut c_void) -> *mut c_void {
    block(10).free(&Global);
    // SAFETY: the key exists; its destructor takes any value.
    assert_eq!(unsafe { libc::pthread_setspecific(key(), dangling_mut::<u8>().cast()) }, 0);
    null_mut()
}

fn pthread_keys_allocate_and_free_in_their_destructors() {
    let start = start();
    for _ in 0..100 {
        CThread::start(leaves_stubborn_value).join();
        let rounds = ROUNDS.load(Ordering::Relaxed).cast_signed();
        assert_eq!(live_since(start), (rounds, 11 * rounds));
    }
    assert_eq!(ROUNDS.load(Ordering::Relaxed), 400);
    assert_eq!((plimsoll::counts() - start).reallocs, 400);
}

/// Otherwise a destructor after ours would lease anew, and nobody would give that back.
fn a_lease_ends_although_destructors_go_on() {
    start();
    let slots = plimsoll::counts().thread_slots;
    (0..100).for_each(|_| CThread::start(leaves_stubborn_value).join());
    assert_eq!(plimsoll::counts().thread_slots, slots);
    let threads: Vec<_> = (0..50).map(|_| CThread::start(leaves_stubborn_value)).collect();
    threads.into_iter().for_each(CThread::join);
    assert!(plimsoll::counts().thread_slots <= Some(52));
    assert_eq!(ROUNDS.load(Ordering::Relaxed), 600);
}

static READ: AtomicU64 = AtomicU64::new(0);

/// What the thread had counted and what the process has are not to be subtracted.
fn a_region_of_a_thread_says_nothing_after_its_lease() {
    extern "C" fn reads(region: *mut c_void) {
        // SAFETY: the box that `body` left to this destructor, which runs once.
        let region = unsafe { Box::from_raw(region.cast::<Region<ThisThread>>()) };
        assert_eq!(region.delta(), Delta::default());
        let later = Region::this_thread();
        block(30).keep();
        assert_eq!(later.delta().live_bytes, 30, "begun and read without a lease");
        READ.fetch_add(1, Ordering::Relaxed);
    }
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        block(10).keep();
        let mut key = 0;
        let region = Box::into_raw(Box::new(Region::this_thread()));
        // SAFETY: a place for the key, whose destructor takes this value.
        unsafe {
            assert_eq!(libc::pthread_key_create(&raw mut key, Some(reads)), 0);
            assert_eq!(libc::pthread_setspecific(key, region.cast()), 0);
        }
        null_mut()
    }
    start();
    block(5000).keep();
    CThread::start(body).join();
    assert_eq!(READ.load(Ordering::Relaxed), 1);
}

const BUSY: u64 = 20_000;
static ENDING: AtomicU64 = AtomicU64::new(0);

fn is_busy() {
    (0..BUSY).for_each(|_| block(9).free(&Global));
}

fn busy_key() -> libc::pthread_key_t {
    extern "C" fn destructor(_: *mut c_void) {
        ENDING.fetch_add(1, Ordering::AcqRel);
        is_busy();
    }
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: a place for the key, and a destructor that takes any value.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) }, 0);
        key
    })
}

/// Eight threads without a lease any more, and beside them eight that have taken those leases over.
fn ending_threads_and_starting_ones_undo_nothing() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        is_busy();
        // SAFETY: the key exists; its destructor takes any value.
        let status = unsafe { libc::pthread_setspecific(busy_key(), dangling_mut::<u8>().cast()) };
        assert_eq!(status, 0);
        null_mut()
    }
    const WAVES: u64 = 8;
    busy_key();
    let start = start();
    let mut threads = Vec::with_capacity(64);
    let room = plimsoll::counts() - start;
    for wave in 0..WAVES {
        while ENDING.load(Ordering::Acquire) < 8 * wave {
            std::thread::yield_now();
        }
        threads.extend((0..8).map(|_| CThread::start(body)));
    }
    threads.drain(..).for_each(CThread::join);
    let delta = plimsoll::counts() - start;
    assert_eq!(delta.alloc_objects - room.alloc_objects, WAVES * 8 * 2 * BUSY);
    assert_eq!(delta.alloc_bytes - room.alloc_bytes, WAVES * 8 * 2 * BUSY * 9);
    assert_eq!(
        (delta.free_objects, delta.free_bytes),
        (WAVES * 8 * 2 * BUSY, WAVES * 8 * 2 * BUSY * 9)
    );
}
