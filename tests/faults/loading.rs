//! The loader: a plug-in with its own copy of the counters, opened, called and closed while its callers live on; its lock
//! held by a thread that allocates; backtraces, which take that lock, during allocation.
//!
//! `cargo test --features plug_in` builds it as an example; by itself: `cargo build --features plug_in --example plug_in`.
//! Without the feature the loader has no room for jemalloc's thread-locals.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use crate::{INNER, Inner};
use plimsoll::Plimsoll;
use std::alloc::{GlobalAlloc, Layout};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_void};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

cases![
    a_thread_ends_after_the_plug_in_it_called_was_closed,
    plug_ins_come_and_go_while_threads_register,
    a_thread_registers_while_another_holds_the_loaders_lock,
    backtraces_during_allocation,
];

fn path() -> CString {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path: PathBuf = profile.join("examples/libplug_in.so");
    assert!(
        path.exists(),
        "{path:?} is not there: cargo build --features plug_in --example plug_in"
    );
    CString::new(path.into_os_string().into_encoded_bytes()).unwrap()
}

/// `None` when it is not loaded and shall not be.
fn open(path: &CStr, flags: i32) -> Option<*mut c_void> {
    // SAFETY: the plug-in's constructors are those of a Rust library.
    let plug_in = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | flags) };
    (!plug_in.is_null()).then_some(plug_in)
}

fn call(plug_in: *mut c_void) {
    // SAFETY: the symbol is a function of this type.
    let allocates = unsafe {
        let symbol = libc::dlsym(plug_in, c"plug_in_allocates".as_ptr());
        assert!(!symbol.is_null());
        std::mem::transmute::<*mut c_void, extern "C" fn() -> u64>(symbol)
    };
    assert!(allocates() >= 1, "its own counts");
}

fn close(path: &CStr, plug_in: *mut c_void) {
    // SAFETY: nobody is in the plug-in.
    assert_eq!(unsafe { libc::dlclose(plug_in) }, 0);
    assert_eq!(open(path, libc::RTLD_NOLOAD), None, "the case is about code that is unmapped");
}

static CALLED: AtomicU64 = AtomicU64::new(0);
static CLOSED: AtomicBool = AtomicBool::new(false);
static PLUG_IN: AtomicU64 = AtomicU64::new(0);

/// Its slot's return would be a call into unmapped memory.
fn a_thread_ends_after_the_plug_in_it_called_was_closed() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        call(std::ptr::with_exposed_provenance_mut(PLUG_IN.load(Ordering::Acquire) as usize));
        Block::new(&Global, words(10)).unwrap().free(&Global);
        CALLED.fetch_add(1, Ordering::AcqRel);
        while !CLOSED.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        null_mut()
    }
    let path = path();
    let plug_in = open(&path, 0).expect("it can be opened");
    PLUG_IN.store(plug_in.expose_provenance() as u64, Ordering::Release);
    let threads = [(); 4].map(|()| CThread::start(body));
    while CALLED.load(Ordering::Acquire) < 4 {
        std::thread::yield_now();
    }
    close(&path, plug_in);
    CLOSED.store(true, Ordering::Release);
    threads.into_iter().for_each(CThread::join);
    assert_eq!(plimsoll::counts().thread_slots, Some(5), "the plug-in's slots are not ours");
}

/// Opening holds the loader's lock, and allocates.
fn plug_ins_come_and_go_while_threads_register() {
    extern "C" fn registers(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(10)).unwrap().free(&Global);
        null_mut()
    }
    extern "C" fn starts_threads(_: *mut c_void) -> *mut c_void {
        while !CLOSED.load(Ordering::Acquire) {
            CThread::start(registers).join();
        }
        null_mut()
    }
    let path = path();
    let start = start();
    let threads = [(); 3].map(|()| CThread::start(starts_threads));
    for _ in 0..30 {
        let plug_in = open(&path, 0).expect("it can be opened");
        call(plug_in);
        close(&path, plug_in);
    }
    CLOSED.store(true, Ordering::Release);
    threads.into_iter().for_each(CThread::join);
    assert_eq!(live_since(start), (0, 0));
    assert!(plimsoll::counts().thread_slots <= Some(8));
}

/// The loader's lock is this thread's while it looks at what is loaded; another must be able to lease and give back.
fn a_thread_registers_while_another_holds_the_loaders_lock() {
    extern "C" fn registers(_: *mut c_void) -> *mut c_void {
        Block::new(&Global, words(10)).unwrap().keep();
        CALLED.fetch_add(1, Ordering::AcqRel);
        null_mut()
    }
    unsafe extern "C" fn looks(
        _: *mut libc::dl_phdr_info,
        _: usize,
        _: *mut c_void,
    ) -> std::ffi::c_int {
        Block::new(&Global, words(1000)).unwrap().free(&Global);
        CThread::start(registers).join();
        1
    }
    let start = start();
    for threads in 1..=20 {
        // SAFETY: the callback takes no data, and ends the walk.
        assert_eq!(unsafe { libc::dl_iterate_phdr(Some(looks), null_mut()) }, 1);
        assert_eq!(live_since(start), (threads, 10 * threads));
    }
    assert_eq!(CALLED.load(Ordering::Acquire), 20);
}

thread_local! {
    static IN_BACKTRACE: Cell<bool> = const { Cell::new(false) };
}

/// Takes a backtrace at each request, as a profiler does, and lets what that itself allocates pass.
struct Tracing(Inner);

impl Tracing {
    fn traced(&self, request: impl FnOnce(&Inner) -> *mut u8) -> *mut u8 {
        if !IN_BACKTRACE.replace(true) {
            drop(Backtrace::force_capture());
            TRACED.fetch_add(1, Ordering::Relaxed);
            IN_BACKTRACE.set(false);
        }
        request(&self.0)
    }
}

// SAFETY: forwards to the inner allocator.
unsafe impl GlobalAlloc for Tracing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.traced(|inner| unsafe { inner.alloc(layout) })
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.dealloc(ptr, layout) }
    }
}

static TRACED: AtomicU64 = AtomicU64::new(0);
static TRACING: Plimsoll<Tracing> = Plimsoll::new(Tracing(INNER));

/// The unwinder takes the loader's lock, which another thread holds now and then; a thread's first call is traced too.
fn backtraces_during_allocation() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        for size in 1..50 {
            Block::new(&TRACING, words(size)).unwrap().free(&TRACING);
        }
        Block::new(&TRACING, words(21)).unwrap().keep();
        null_mut()
    }
    let path = path();
    // What the unwinder makes once, it makes here.
    CThread::start(body).join();
    let start = start();
    let threads: [_; 4] = std::array::from_fn(|_| CThread::start(body));
    for _ in 0..10 {
        let plug_in = open(&path, 0).expect("it can be opened");
        call(plug_in);
        close(&path, plug_in);
    }
    threads.into_iter().for_each(CThread::join);
    assert_eq!(live_since(start), (4, 84));
    assert_eq!(TRACED.load(Ordering::Relaxed), 5 * 50);
}
