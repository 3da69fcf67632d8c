//! jemalloc's own count of what is live in its bins and large extents, once its thread caches are flushed.
//!
//! It has no count of objects as such, and what lies in thread caches looks live to it. Flushed, what remains above
//! our count is its own: one object per live thread that has used jemalloc, the memory of that thread's cache. In
//! jemalloc's source, `tcache_stack_alloc_impl` takes it from the ordinary bins, unseen by the wrapper, since no
//! `GlobalAlloc` call asks for it. Measured: 1 with one thread, at rest, with a thousand objects, and after eight
//! threads; 1 + n while n threads live.

use crate::common::block::{Block, Global, words};
use crate::common::harness::cases;
use crate::common::ring;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use tikv_jemalloc_ctl::{epoch, raw};

cases![
    at_rest_one_object_is_jemallocs_own,
    each_live_thread_is_one_object_more,
    unflushed_thread_caches_look_live,
];

/// jemalloc's index for "all arenas together".
const ALL_ARENAS: usize = 4096;

fn flush_this_threads_cache() {
    let name = c"thread.tcache.flush".as_ptr();
    let (null, none) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the name ends with a zero byte; this control takes and gives no value.
    let status = unsafe { tikv_jemalloc_sys::mallctl(name, null, none, std::ptr::null_mut(), 0) };
    assert_eq!(status, 0);
}

/// How many of a kind of thing there are.
fn kinds(name: &str) -> u32 {
    // SAFETY: `arenas.nbins` and `arenas.nlextents` are `unsigned`.
    unsafe { raw::read(format!("{name}\0").as_bytes()) }.expect("a name of jemalloc's")
}

fn sum(kinds: u32, name: impl Fn(u32) -> String) -> u64 {
    let current = |kind| {
        // SAFETY: `curregs` and `curlextents` are `size_t`.
        let current: usize = unsafe { raw::read(format!("{}\0", name(kind)).as_bytes()) }.unwrap();
        current as u64
    };
    (0..kinds).map(current).sum()
}

/// Regions in all bins, and large extents.
fn live_in_jemalloc() -> u64 {
    epoch::advance().unwrap();
    let bins =
        sum(kinds("arenas.nbins"), |bin| format!("stats.arenas.{ALL_ARENAS}.bins.{bin}.curregs"));
    let large = sum(kinds("arenas.nlextents"), |size| {
        format!("stats.arenas.{ALL_ARENAS}.lextents.{size}.curlextents")
    });
    bins + large
}

/// What jemalloc has beyond what the program allocated; this thread's cache is flushed.
fn jemallocs_own() -> u64 {
    flush_this_threads_cache();
    let live = plimsoll::counts().live_objects();
    // Reading the names allocates and frees in turn; what is live is the same before and after.
    let found = live_in_jemalloc();
    assert_eq!(plimsoll::counts().live_objects(), live);
    found - live
}

/// The main thread's cache.
fn at_rest_one_object_is_jemallocs_own() {
    assert_eq!(jemallocs_own(), 1);
    let blocks: Vec<Block> =
        (0..1000).map(|size| Block::new(&Global, words(1 + size * 100)).unwrap()).collect();
    assert_eq!(jemallocs_own(), 1);
    blocks.into_iter().for_each(|block| block.free(&Global));
    assert_eq!(jemallocs_own(), 1);
    for _ in 0..3 {
        assert!(ring::run().0 > 100);
        assert_eq!(jemallocs_own(), 1, "eight threads have ended, their objects are there");
    }
}

fn each_live_thread_is_one_object_more() {
    for threads in [1, 2, 10, 50] {
        let barrier = Arc::new(Barrier::new(threads + 1));
        let alive: Vec<_> = (0..threads).map(|_| idle_thread(barrier.clone())).collect();
        barrier.wait();
        assert_eq!(jemallocs_own(), 1 + threads as u64);
        barrier.wait();
        alive.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(jemallocs_own(), 1);
    }
}

/// Has allocated, has nothing in its cache, and stays until the second wait.
fn idle_thread(barrier: Arc<Barrier>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        Block::new(&Global, words(100)).unwrap().free(&Global);
        flush_this_threads_cache();
        barrier.wait();
        barrier.wait();
    })
}

/// Why the flush is needed, and why jemalloc cannot be asked how many objects there are.
fn unflushed_thread_caches_look_live() {
    let blocks = [(); 100].map(|()| Block::new(&Global, words(64)).unwrap());
    blocks.into_iter().for_each(|block| block.free(&Global));
    let too_many = live_in_jemalloc() - plimsoll::counts().live_objects();
    assert!(too_many > 100, "all the freed ones at least: {too_many}");
    assert_eq!(jemallocs_own(), 1);
}
