//! Millions of live objects, from one thread and from two hundred, and totals that come to the end of their 64 bits.

use crate::common::block::{Block, Global, live_since, signed, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::common::inner::Imaginary;
use plimsoll::Plimsoll;
use std::ffi::c_void;
use std::ptr::{dangling_mut, null_mut};

cases![
    two_million_live,
    two_hundred_threads_with_ten_thousand_each,
    totals_wrap_round,
    nothing_wraps_round_without_a_lease,
];

fn two_million_live() {
    const OBJECTS: usize = 2_000_000;
    let start = start();
    let mut blocks = Vec::with_capacity(OBJECTS);
    let list = live_since(start);
    blocks.extend((0..OBJECTS).map(|number| Block::new(&Global, words(1 + number % 8)).unwrap()));
    let bytes = (0..OBJECTS).map(|number| 1 + number % 8).sum();
    assert_eq!(live_since(start), (list.0 + signed(OBJECTS), list.1 + signed(bytes)));
    blocks.into_iter().for_each(|block| block.free(&Global));
    assert_eq!(live_since(start), (0, 0));
}

fn two_hundred_threads_with_ten_thousand_each() {
    const THREADS: i64 = 200;
    const EACH: i64 = 10_000;
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        for _ in 0..EACH {
            Block::new(&Global, words(16)).expect("memory").keep();
            Block::new(&Global, words(48)).expect("memory").free(&Global);
        }
        null_mut()
    }
    let start = start();
    let mut threads = Vec::with_capacity(200);
    let list = live_since(start);
    threads.extend((0..THREADS).map(|_| CThread::start(body)));
    threads.drain(..).for_each(CThread::join);
    let objects = THREADS * EACH;
    assert_eq!(live_since(start), (list.0 + objects, list.1 + 16 * objects));
    let delta = plimsoll::counts() - start;
    assert_eq!((delta.free_objects, delta.free_bytes), (2_000_000, 48 * 2_000_000));
}

/// Two allocations of the largest size come to the end of the total; debug builds would panic where they add unguarded.
fn totals_wrap_round() {
    static LARGEST: Plimsoll<Imaginary> = Plimsoll::new(Imaginary);
    let largest = words(isize::MAX.cast_unsigned() - 7);
    let start = start();
    for _ in 0..10 {
        let mut block = Block::new(&LARGEST, largest).unwrap();
        assert_eq!(live_since(start), (1, signed(largest.size())));
        assert!(block.resize(&LARGEST, 8));
        assert_eq!(live_since(start), (1, 8));
        assert!(block.resize(&LARGEST, largest.size()));
        assert_eq!(live_since(start), (1, signed(largest.size())));
        block.free(&LARGEST);
        assert_eq!(live_since(start), (0, 0));
        Block::new(&Global, words(100)).unwrap().free(&Global);
    }
    let counts = plimsoll::counts();
    assert!(
        counts.alloc_bytes_total < isize::MAX.cast_unsigned() as u64,
        "it has wrapped: {counts:?}"
    );
    assert!(counts.live_bytes() < 1 << 20, "{counts:?}");
}

/// What a thread without a lease allocates never adds up to something that is left: all of it goes to the shared slot.
fn nothing_wraps_round_without_a_lease() {
    static LARGEST: Plimsoll<Imaginary> = Plimsoll::new(Imaginary);
    const ROUNDS: u64 = 10;
    extern "C" fn destructor(_: *mut c_void) {
        let largest = words(isize::MAX.cast_unsigned() - 7);
        for _ in 0..ROUNDS {
            Block::new(&LARGEST, largest).expect("a pointer").free(&LARGEST);
        }
    }
    /// The key of leases is older, made by the main thread: the lease has ended when this one's destructor is called.
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(10)).expect("memory").free(&Global);
        let mut key = 0;
        // SAFETY: a place for the key, and a destructor that takes any value.
        unsafe {
            assert_eq!(libc::pthread_key_create(&raw mut key, Some(destructor)), 0);
            assert_eq!(libc::pthread_setspecific(key, dangling_mut::<u8>().cast()), 0);
        }
        null_mut()
    }
    let start = start();
    CThread::start(body).join();
    let delta = plimsoll::counts() - start;
    assert_eq!((delta.alloc_objects, delta.free_objects), (ROUNDS + 1, ROUNDS + 1));
    assert_eq!((delta.live_objects, delta.live_bytes), (0, 0));
}
