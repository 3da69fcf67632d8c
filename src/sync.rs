//! Atomics and statics from `std`, or from loom when the interleavings are being explored.
//!
//! Everything the counters share between threads comes through here, so that the models check the very
//! code that ships (`RUSTFLAGS="--cfg loom" cargo test --release --lib model`).

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64};

pub(crate) use std::sync::atomic::Ordering;

/// For what a thread shares with its own signal handlers and nobody else: never loom's, whose schedules have none.
pub(crate) use std::sync::atomic::AtomicI64 as OwnI64;

/// What comes before is done before what comes after, as the thread's own signal handlers see it. The compiler keeps the
/// order; the processor has nothing to do.
#[inline(always)]
pub(crate) fn signal_fence() {
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// The value of a counter, read by the only thread that ever writes it.
///
/// A plain relaxed load in the shipped code. In a model it is loom's unsynchronised read: loom 0.7
/// remembers only the last access to an object, so an atomic load right before the owner's store would hide
/// the reader's earlier load, and the interleavings that matter would never be tried.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn own(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(loom)]
#[expect(unsafe_code, reason = "loom's unsynchronised read, in models only")]
pub(crate) fn own(counter: &AtomicU64) -> u64 {
    // SAFETY: single-writer counters are written by the calling thread alone.
    unsafe { counter.unsync_load() }
}

/// Declares a process-wide value: a plain `static`, or loom's per-execution one in a model.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        static $name: $ty = $init;
        #[cfg(loom)]
        loom::lazy_static! {
            static ref $name: $ty = $init;
        }
    };
}
pub(crate) use global;
