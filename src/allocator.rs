//! `Plimsoll<A>`: any allocator, counted. Forwards every call and books what happened.
//!
//! The hot path of a call is a thread-local subtraction, a branch on its sign, a thread-local load and two adds to memory.
//! What it costs in instructions is counted by `benches/instructions`.
#![expect(unsafe_code, reason = "GlobalAlloc")]

use crate::counters::{self, Counts, Operation};
use crate::limit::{Limit, Wall};
use crate::sampler;
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
#[derive(Debug)]
pub struct Plimsoll<A = DefaultAllocator> {
    inner: A,
    wall: Wall,
}

impl<A: Default> Default for Plimsoll<A> {
    fn default() -> Self {
        Plimsoll::new(A::default())
    }
}

impl<A> Plimsoll<A> {
    /// Wraps `inner`.
    pub const fn new(inner: A) -> Self {
        Plimsoll { inner, wall: Wall::none() }
    }

    /// Refuses requests that would take the process's live bytes above `limit`. Off unless called: then a resize to a
    /// larger size costs a load and a branch more, and whatever else is allocated is not looked at for it on its way.
    ///
    /// A refused request is answered with null, as by an allocator that is out of memory, and changes no count but
    /// [`limit_refusals`](crate::limit_refusals): `Vec::try_reserve` gives an error; `Vec::push`, `Box::new` and all that
    /// cannot fail end the process by [`handle_alloc_error`](std::alloc::handle_alloc_error). An existing object that cannot
    /// grow stays as it was. Frees and shrinking are never refused. What of the limit is held back for whom says [`Limit`].
    /// The wrapped allocator is asked first, and given back at once what is refused; growth it is not asked for.
    ///
    /// Exact to within [`BATCH`](crate::BATCH) bytes per thread: a thread is looked at in every half batch that it allocates,
    /// and at every request of half a batch or more. Requests that are made at once do not pass together where there is
    /// room for one. The limit is on requested bytes, as [`counts`](crate::counts) has them: what the allocator needs
    /// besides, stacks and mappings are not among them.
    ///
    /// ```
    /// use plimsoll::{Limit, Plimsoll};
    ///
    /// #[global_allocator]
    /// static ALLOC: Plimsoll = Plimsoll::jemalloc().with_limit(Limit::bytes(64 << 20).reserve(4 << 20));
    ///
    /// fn main() {
    ///     let mut upload: Vec<u8> = Vec::new();
    ///     assert!(upload.try_reserve_exact(50 << 20).is_ok());
    ///     assert!(upload.try_reserve_exact(61 << 20).is_err());
    ///     assert!(plimsoll::counts().live_bytes() <= 60 << 20);
    /// }
    /// ```
    #[must_use]
    pub const fn with_limit(mut self, limit: Limit) -> Self {
        self.wall = Wall::at(limit);
        self
    }

    /// Changes the limit from now on; `None` lifts it. One that is below what is live already refuses all growth until
    /// enough was freed.
    pub fn set_limit(&self, limit: Option<Limit>) {
        self.wall.set(limit);
    }

    /// The limit in force; `None` without one.
    pub fn limit(&self) -> Option<Limit> {
        self.wall.limit()
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
        unsafe { self.booked(self.inner.alloc(layout), layout, false) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { self.booked(self.inner.alloc_zeroed(layout), layout, true) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let is_due = !counters::book(Operation::Free(bytes(layout.size())));
        if is_due || sampler::may_be_sampled(ptr) {
            // SAFETY: the caller's promise about `ptr` and `layout` is passed on.
            return unsafe { self.freed_slowly(ptr, layout, is_due) };
        }
        // SAFETY: the caller's promise about `ptr` and `layout` is passed on; the object is in no sample.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Growth is looked at before the inner call, where there is a wall, or where it may come into the sample: the call
        // could not be taken back.
        let is_watched = new_size > layout.size() && (self.wall.is_up() || sampler::is_running());
        if is_watched || sampler::may_be_sampled(ptr) {
            // SAFETY: the caller's promise is passed on.
            return unsafe { self.resized_carefully(ptr, layout, new_size) };
        }
        // SAFETY: the caller's promise about `ptr`, `layout` and `new_size` is passed on; the object is in no sample.
        let moved = unsafe { self.inner.realloc(ptr, layout, new_size) };
        if !moved.is_null() {
            book_resize(resize(bytes(layout.size()), bytes(new_size)));
        }
        moved
    }
}

#[inline(always)]
fn resize(old: u64, new: u64) -> Operation {
    if new >= old { Operation::Grow(new - old) } else { Operation::Shrink(old - new) }
}

/// Books a resize that has happened.
#[inline(always)]
fn book_resize(operation: Operation) {
    if !counters::book(operation) {
        counters::book_slowly(operation);
    }
}

/// PERF: a call that the compiler takes to be rare, so that what succeeds does not jump over what failed.
#[cold]
#[inline(never)]
fn refused() -> *mut u8 {
    std::ptr::null_mut()
}

impl<A: GlobalAlloc> Plimsoll<A> {
    /// The answer of the inner allocator, booked if it is an object.
    ///
    /// # Safety
    /// `ptr` is null or the inner allocator's, of `layout`, zeroed if `zeroed`, and nobody else has it.
    #[inline(always)]
    unsafe fn booked(&self, ptr: *mut u8, layout: Layout, zeroed: bool) -> *mut u8 {
        if ptr.is_null() {
            return refused();
        }
        if !counters::book(Operation::Alloc(bytes(layout.size()))) {
            // SAFETY: the caller's promise is passed on.
            return unsafe { self.booked_slowly(ptr, layout, zeroed) };
        }
        ptr
    }

    /// What could not be booked at once: given back, and null, where it would pass the limit; another in its place, where
    /// it is in the sample.
    ///
    /// # Safety
    /// As `booked`; `ptr` is not null.
    #[cold]
    #[inline(never)]
    unsafe fn booked_slowly(&self, ptr: *mut u8, layout: Layout, zeroed: bool) -> *mut u8 {
        let operation = Operation::Alloc(bytes(layout.size()));
        let hit = sampler::object_hit(bytes(layout.size()));
        match self.ceiling(layout.size()) {
            None => counters::book_slowly(operation),
            Some(ceiling) if counters::admit(operation, ceiling) => {
                counters::book_admitted(operation);
            }
            Some(_) => {
                // SAFETY: by the caller's promise an object of this layout that nobody has.
                unsafe { self.inner.dealloc(ptr, layout) };
                return std::ptr::null_mut();
            }
        }
        match hit {
            // SAFETY: the caller's promise is passed on.
            Some(mean) => unsafe { sampler::sample(&self.inner, ptr, layout, zeroed, mean) },
            None => ptr,
        }
    }

    /// A resize to a larger size that is watched, or one of an object that may be in the sample.
    ///
    /// # Safety
    /// As [`GlobalAlloc::realloc`].
    #[cold]
    #[inline(never)]
    unsafe fn resized_carefully(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let operation = resize(bytes(layout.size()), bytes(new_size));
        let growth = operation.net_bytes().max(0).cast_unsigned();
        let is_due = growth > 0 && !counters::has_left_for(operation);
        let ceiling = self.ceiling(new_size).filter(|_| is_due);
        if ceiling.is_some_and(|ceiling| !counters::admit(operation, ceiling)) {
            return std::ptr::null_mut();
        }
        let hit = if is_due { sampler::growth_hit(growth) } else { None };
        // SAFETY: the caller's promise is passed on.
        let moved = unsafe { sampler::resize(&self.inner, ptr, layout, new_size, hit) };
        match (moved.is_null(), ceiling.is_some()) {
            (true, true) => counters::retract(operation),
            (true, false) => {}
            (false, true) => counters::book_admitted(operation),
            // What was asked of the countdown is not to be taken off it again.
            (false, false) if is_due => counters::book_slowly(operation),
            (false, false) => book_resize(operation),
        }
        moved
    }

    /// How many bytes may be live with one of `size` that the calling thread asks for; `None` without a limit.
    ///
    /// A thread that panics has none: refused while the standard library prints its trace it would hang there, on the lock
    /// that it holds itself.
    fn ceiling(&self, size: usize) -> Option<u64> {
        let ceiling = self.wall.ceiling(bytes(size), counters::may_use_reserve())?;
        (!std::thread::panicking()).then_some(ceiling)
    }

    /// A free at which something is due, or of what may be in the sample. Out of line with the inner call, so that the hot
    /// path has nothing to keep across a call.
    ///
    /// # Safety
    /// As [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    unsafe fn freed_slowly(&self, ptr: *mut u8, layout: Layout, is_due: bool) {
        if is_due {
            counters::book_slowly(Operation::Free(bytes(layout.size())));
        }
        let asked = match sampler::may_be_sampled(ptr) {
            // SAFETY: the caller's promise about `ptr` and `layout` is passed on.
            true => unsafe { sampler::forget(ptr, layout) },
            false => layout,
        };
        // SAFETY: the caller's promise about `ptr`, which the inner allocator was asked for like this.
        unsafe { self.inner.dealloc(ptr, asked) }
    }
}

#[cfg(all(test, feature = "profile", not(loom)))]
mod tests;
