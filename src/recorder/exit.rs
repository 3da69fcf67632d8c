//! Has the C library call us when the process exits: the one unsafe call of the recorder.
#![cfg_attr(unix, expect(unsafe_code, reason = "atexit"))]

use std::sync::Once;

/// Has `at_exit` called when `main` returns or somebody calls `exit`: once, whoever asks how often. Where the C library has no
/// room for it, an exit looks like a kill without a reason.
#[cfg(unix)]
pub(super) fn call_at_exit(at_exit: extern "C" fn()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `atexit` wants a function without arguments that does not unwind: an `extern "C"` one aborts before it
        // would. It stays mapped until it has been called: of a library that is closed, the C library calls what that
        // has registered as it is closed.
        unsafe { libc::atexit(at_exit) };
    });
}

#[cfg(not(unix))]
pub(super) fn call_at_exit(_: extern "C" fn()) {
    let _: fn() -> Once = Once::new;
}
