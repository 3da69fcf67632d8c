//! A plug-in with its own copy of the counters, opened, called and closed while its callers live on.
//!
//! `cargo test --features plug_in` builds it as an example; by itself: `cargo build --features plug_in --example plug_in`.
//! Without the feature the loader has no room for jemalloc's thread-locals.

use crate::common::block::{Block, Global, words};
use crate::common::c_thread::CThread;
use crate::common::harness::cases;
use std::ffi::{CStr, CString, c_void};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

cases![a_thread_ends_after_the_plug_in_it_called_was_closed];

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
