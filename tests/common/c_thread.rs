//! Threads as C makes them: nothing of Rust's thread start runs, so a body's first allocation is the thread's first.

use std::ffi::c_void;
use std::ptr::null_mut;

pub(crate) type Body = extern "C" fn(*mut c_void) -> *mut c_void;

pub(crate) struct CThread(libc::pthread_t);

/// Unoptimised jemalloc alone overflows 64 KiB now and then.
pub(crate) const SMALL_STACK: usize = 256 * 1024;

impl CThread {
    pub(crate) fn start(body: Body) -> Self {
        Self::with_stack(body, SMALL_STACK)
    }

    pub(crate) fn with_stack(body: Body, stack_bytes: usize) -> Self {
        let mut thread: libc::pthread_t = 0;
        // SAFETY: the attributes are initialised before use and destroyed once; the body takes no argument.
        let status = unsafe {
            let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
            libc::pthread_attr_init(&raw mut attributes);
            libc::pthread_attr_setstacksize(&raw mut attributes, stack_bytes);
            let status =
                libc::pthread_create(&raw mut thread, &raw const attributes, body, null_mut());
            libc::pthread_attr_destroy(&raw mut attributes);
            status
        };
        assert_eq!(status, 0, "pthread_create");
        CThread(thread)
    }

    /// Until its last pthread-key destructor has run.
    pub(crate) fn join(self) {
        // SAFETY: the thread is joinable, and joined once.
        let status = unsafe { libc::pthread_join(self.0, null_mut()) };
        assert_eq!(status, 0, "pthread_join");
    }

    pub(crate) fn detach(self) {
        // SAFETY: the thread is joinable, and not used any more.
        let status = unsafe { libc::pthread_detach(self.0) };
        assert_eq!(status, 0, "pthread_detach");
    }

    pub(crate) fn cancel(&self) {
        // SAFETY: the thread has not been joined.
        let status = unsafe { libc::pthread_cancel(self.0) };
        assert_eq!(status, 0, "pthread_cancel");
    }

    /// Nothing happens when the thread has ended already.
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: the thread has not been joined.
        unsafe { libc::pthread_kill(self.0, signal) };
    }
}
