//! Inner allocators that misbehave on purpose or tell what they were asked.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Refuses every n-th request; frees always work.
pub(crate) struct Refusing<A> {
    inner: A,
    /// 0: refuses nothing.
    every: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
}

impl<A> Refusing<A> {
    pub(crate) const fn new(inner: A) -> Self {
        let [every, requests, refused] = [const { AtomicU64::new(0) }; 3];
        Refusing { inner, every, requests, refused }
    }

    pub(crate) fn refuse_every(&self, nth: u64) {
        self.every.store(nth, Ordering::SeqCst);
        self.requests.store(0, Ordering::SeqCst);
        self.refused.store(0, Ordering::SeqCst);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    fn unless_refused(&self, request: impl FnOnce(&A) -> *mut u8) -> *mut u8 {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let every = self.every.load(Ordering::SeqCst);
        if every != 0 && number.is_multiple_of(every) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return null_mut();
        }
        request(&self.inner)
    }
}

// SAFETY: forwards to the inner allocator, or returns null, which is always allowed.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Refusing<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.unless_refused(|inner| unsafe { inner.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.unless_refused(|inner| unsafe { inner.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.unless_refused(|inner| unsafe { inner.realloc(ptr, layout, new_size) })
    }
}

/// A call as the inner allocator got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Alloc(Layout),
    AllocZeroed(Layout),
    Dealloc(Layout),
    Realloc(Layout, usize),
}

/// Notes the last call, and what had been counted when it came.
pub(crate) struct Spying<A> {
    inner: A,
    last: Mutex<Option<(Call, plimsoll::Counts)>>,
}

impl<A> Spying<A> {
    pub(crate) const fn new(inner: A) -> Self {
        Spying { inner, last: Mutex::new(None) }
    }

    pub(crate) fn last(&self) -> Option<(Call, plimsoll::Counts)> {
        *self.last.lock().expect("no holder panics")
    }

    fn note(&self, call: Call) {
        *self.last.lock().expect("no holder panics") = Some((call, plimsoll::counts()));
    }
}

// SAFETY: forwards to the inner allocator.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Spying<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(Call::Alloc(layout));
        // SAFETY: the caller's promise.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note(Call::AllocZeroed(layout));
        // SAFETY: the caller's promise.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.note(Call::Dealloc(layout));
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.note(Call::Realloc(layout, new_size));
        // SAFETY: the caller's promise.
        unsafe { self.inner.realloc(ptr, layout, new_size) }
    }
}

const ARENA_BYTES: usize = 1 << 20;

/// Hands out one static arena again and again and keeps nothing: the only allocator here that a signal may
/// interrupt anywhere. Its memory is never used, so it may be given to several at once.
pub(crate) struct Reentrant {
    arena: [AtomicU64; ARENA_BYTES / 8],
    used: AtomicUsize,
}

impl Reentrant {
    pub(crate) const fn new() -> Self {
        Reentrant {
            arena: [const { AtomicU64::new(0) }; ARENA_BYTES / 8],
            used: AtomicUsize::new(0),
        }
    }
}

// SAFETY: the arena is static and large enough for every request these tests make of it; nobody writes through the
// pointers, so that they overlap harms nothing.
unsafe impl GlobalAlloc for Reentrant {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let step = layout.size().next_multiple_of(8);
        let at = self.used.fetch_add(step, Ordering::Relaxed) % (ARENA_BYTES / 2);
        if layout.align() > 8 || step > ARENA_BYTES / 2 {
            return null_mut();
        }
        self.arena.get(at / 8).map_or(null_mut(), |word| word.as_ptr().cast())
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, ptr: *mut u8, _: Layout, _: usize) -> *mut u8 {
        ptr
    }
}

/// Grants whatever is asked for and has none of it: its pointers are never followed. For sizes that no machine has.
pub(crate) struct Imaginary;

// SAFETY: pointers are aligned as the layout says; nobody reads or writes through them.
unsafe impl GlobalAlloc for Imaginary {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        std::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        std::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, ptr: *mut u8, _: Layout, _: usize) -> *mut u8 {
        ptr
    }
}
