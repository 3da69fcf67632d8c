//! A wall clock that jumps: this binary's own `clock_gettime`, in the C library's place.
//!
//! The monotonic clock is left alone: Linux promises that it does not jump, and std hands its readings to the kernel as
//! deadlines, which a shifted one would never reach.

use std::sync::atomic::{AtomicI64, Ordering};

/// Seconds by which the wall clock is off.
pub(crate) static WALL: AtomicI64 = AtomicI64::new(0);

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, at: *mut libc::timespec) -> i32 {
    // SAFETY: the kernel's own call, with the caller's promise about `at`.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, at) };
    if status == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written there.
        unsafe { (*at).tv_sec += WALL.load(Ordering::Relaxed) };
    }
    i32::from(status != 0).wrapping_neg()
}
