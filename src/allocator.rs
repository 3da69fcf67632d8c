//! `Plimsoll<A>`: any allocator, counted. Forwards every call and books what happened.
//!
//! The hot path of a call is a thread-local subtraction, a branch on its sign, a thread-local load and two adds to memory.
//! What it costs in instructions is counted by `benches/instructions`.
#![expect(unsafe_code, reason = "GlobalAlloc")]

use crate::counters::{self, Counts, Operation};
use std::alloc::{GlobalAlloc, Layout};

// Where jemalloc can be built: the condition of its dependencies in Cargo.toml. Miri cannot run C code.
#[cfg(any(
    not(feature = "jemalloc"),
    miri,
    target_env = "msvc",
    target_os = "fuchsia",
    target_os = "redox",
    target_family = "wasm"
))]
use std::alloc::System as Inner;
#[cfg(not(any(
    not(feature = "jemalloc"),
    miri,
    target_env = "msvc",
    target_os = "fuchsia",
    target_os = "redox",
    target_family = "wasm"
)))]
use tikv_jemallocator::Jemalloc as Inner;

/// The allocator inside [`Plimsoll`] unless another is named: jemalloc with the feature `jemalloc` and where it can be
/// built (not with MSVC, for WebAssembly, Fuchsia or Redox, nor under Miri), else the system's.
pub type DefaultAllocator = Inner;

/// A global allocator that counts live objects and requested bytes, and forwards everything to `A`.
///
/// The counts ([`counts`](crate::counts)) are one set per process: exact while no thread is inside the allocator,
/// never negative while threads run. An object is a successful allocation not yet freed; `realloc` keeps it. A
/// failed request changes nothing. Not seen: memory that does not come through Rust's global allocator (C code,
/// `mmap`, stacks, what the standard library takes from the system).
///
/// ```
/// #[global_allocator]
/// static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// fn main() {
///     let text = String::from("counted");
///     assert!(ALLOC.counts().live_objects() >= 1);
///     drop(text);
/// }
/// ```
///
/// Any allocator will do:
///
/// ```
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOC: plimsoll::Plimsoll<System> = plimsoll::Plimsoll::new(System);
/// # fn main() { assert!(ALLOC.counts().live_objects() > 0); }
/// ```
#[derive(Debug, Default)]
pub struct Plimsoll<A = DefaultAllocator> {
    inner: A,
}

impl<A> Plimsoll<A> {
    /// Wraps `inner`.
    pub const fn new(inner: A) -> Self {
        Plimsoll { inner }
    }

    /// The process's counts: the same figures as [`plimsoll::counts()`](crate::counts).
    pub fn counts(&self) -> Counts {
        counters::counts()
    }

    /// The wrapped allocator.
    pub const fn inner(&self) -> &A {
        &self.inner
    }
}

#[cfg(feature = "jemalloc")]
impl Plimsoll {
    /// Wraps jemalloc; the system's allocator where jemalloc cannot be built (see [`DefaultAllocator`]).
    pub const fn jemalloc() -> Self {
        Plimsoll::new(Inner)
    }
}

// A `usize` is at most 64 bits wide on every platform Rust has.
const fn bytes(size: usize) -> u64 {
    size as u64
}

// SAFETY: every method passes its arguments to the inner allocator's method of the same name and returns its
// answer, so `A`'s own promise of `GlobalAlloc` is kept; bookings touch only plimsoll's own counters and cannot unwind.
//
// An allocation is booked when it has succeeded, and before anybody can hand it on: a total never has to be taken back.
// A free is booked before the inner call, before anybody else can be given the same address. A resize is booked when
// it has happened.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Plimsoll<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        booked(unsafe { self.inner.alloc(layout) }, layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        booked(unsafe { self.inner.alloc_zeroed(layout) }, layout)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if !counters::book(Operation::Free(bytes(layout.size()))) {
            // SAFETY: the caller's promise about `ptr` and `layout` is passed on.
            return unsafe { self.freed_slowly(ptr, layout) };
        }
        // SAFETY: the caller's promise about `ptr` and `layout` is passed on.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise about `ptr`, `layout` and `new_size` is passed on.
        let moved = unsafe { self.inner.realloc(ptr, layout, new_size) };
        if !moved.is_null() {
            let operation = resize(bytes(layout.size()), bytes(new_size));
            if !counters::book(operation) {
                counters::book_slowly(operation);
            }
        }
        moved
    }
}

/// The answer of the inner allocator, booked if it is an object.
#[inline(always)]
fn booked(ptr: *mut u8, layout: Layout) -> *mut u8 {
    let operation = Operation::Alloc(bytes(layout.size()));
    if !ptr.is_null() && !counters::book(operation) {
        counters::book_slowly(operation);
    }
    ptr
}

#[inline(always)]
fn resize(old: u64, new: u64) -> Operation {
    if new >= old { Operation::Grow(new - old) } else { Operation::Shrink(old - new) }
}

impl<A: GlobalAlloc> Plimsoll<A> {
    /// Out of line with the inner call, so that the hot path has nothing to keep across a call.
    ///
    /// # Safety
    /// As [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    unsafe fn freed_slowly(&self, ptr: *mut u8, layout: Layout) {
        counters::book_slowly(Operation::Free(bytes(layout.size())));
        // SAFETY: the caller's promise about `ptr` and `layout` is passed on.
        unsafe { self.inner.dealloc(ptr, layout) }
    }
}
