//! Atomics and statics from `std`, or from loom when the interleavings are being explored.
//!
//! Everything the counters share between threads comes through here, so that the models check the very
//! code that ships (`RUSTFLAGS="--cfg loom" cargo test --release --lib model`).

#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU64},
    thread::{Thread, current as current_thread},
};

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU64},
    thread::{Thread, current as current_thread},
};

pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(feature = "profile", loom))]
pub(crate) use loom::sync::atomic::fence;
#[cfg(all(feature = "profile", not(loom)))]
pub(crate) use std::sync::atomic::fence;

/// For what a thread shares with its own signal handlers and nobody else: never loom's, whose schedules have none.
pub(crate) use std::sync::atomic::AtomicI64 as OwnI64;

/// What comes before is done before what comes after, as the thread's own signal handlers see it. The compiler keeps the
/// order; the processor has nothing to do.
#[inline(always)]
pub(crate) fn signal_fence() {
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// A cell whose accesses loom can watch: they happen within a closure.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
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
