//! Inner allocators that watch what they are told, and objects that know what is in them.
#![expect(unsafe_code, reason = "an allocator by hand")]

use super::layout;
use crate::allocator::Plimsoll;
use crate::sampler::is_in_sample;
use parking_lot::Mutex;
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Knows with which layout each object was asked for, and ends the test where it comes back with another.
pub(super) struct Strict {
    pub(super) objects: Mutex<BTreeMap<usize, Layout>>,
    pub(super) refuses: AtomicBool,
    pub(super) aligned: AtomicUsize,
}

impl Strict {
    pub(super) const fn new() -> Self {
        Strict {
            objects: Mutex::new(BTreeMap::new()),
            refuses: AtomicBool::new(false),
            aligned: AtomicUsize::new(0),
        }
    }

    fn given(&self, ptr: *mut u8, layout: Layout) -> *mut u8 {
        if !ptr.is_null() {
            self.aligned.fetch_add(usize::from(layout.align() >= 4096), Ordering::Relaxed);
            let before = self.objects.lock().insert(ptr.addr(), layout);
            assert_eq!(before, None, "an object was freed past us");
        }
        ptr
    }

    fn taken(&self, ptr: *mut u8, layout: Layout) {
        assert!(!is_in_sample(ptr, layout.size()), "{ptr:?} comes back while it is in the sample");
        let known = self.objects.lock().remove(&ptr.addr());
        assert_eq!(known, Some(layout), "{ptr:?} comes back with another layout");
    }

    fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }
}

// SAFETY: forwards to System with the very arguments.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        self.given(unsafe { System.alloc(layout) }, layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        self.given(unsafe { System.alloc_zeroed(layout) }, layout)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.taken(ptr, layout);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        self.taken(ptr, layout);
        // SAFETY: the caller's promise.
        let moved = unsafe { System.realloc(ptr, layout, new_size) };
        self.given(moved, Layout::from_size_align(new_size, layout.align()).unwrap())
    }
}

/// An object of a test's, which knows what is in it.
pub(super) struct Object<'a> {
    pub(super) alloc: &'a Plimsoll<Strict>,
    pub(super) ptr: *mut u8,
    pub(super) layout: Layout,
}

impl<'a> Object<'a> {
    pub(super) fn new(alloc: &'a Plimsoll<Strict>, layout: Layout, zeroed: bool) -> Self {
        // SAFETY: not of zero bytes.
        let ptr = unsafe { if zeroed { alloc.alloc_zeroed(layout) } else { alloc.alloc(layout) } };
        assert!(!ptr.is_null() && ptr.addr().is_multiple_of(layout.align()));
        let object = Object { alloc, ptr, layout };
        assert!(!zeroed || object.bytes().iter().all(|byte| *byte == 0), "not zeroed");
        object.fill();
        object
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: written by `fill`, or zeroed.
        unsafe { std::slice::from_raw_parts(self.ptr, self.layout.size()) }
    }

    pub(super) fn is_in_sample(&self) -> bool {
        is_in_sample(self.ptr, self.layout.size())
    }

    pub(super) fn fill(&self) {
        // SAFETY: an object of so many bytes, nobody else's.
        unsafe { self.ptr.write_bytes((self.layout.size() % 251) as u8, self.layout.size()) };
    }

    pub(super) fn resize(&mut self, new_size: usize) {
        let (old, mark) = (self.layout.size(), (self.layout.size() % 251) as u8);
        // SAFETY: an object of this layout; not to zero bytes.
        self.ptr = unsafe { self.alloc.realloc(self.ptr, self.layout, new_size) };
        self.layout = Layout::from_size_align(new_size, self.layout.align()).unwrap();
        assert!(!self.ptr.is_null() && self.ptr.addr().is_multiple_of(self.layout.align()));
        // SAFETY: the first bytes were written before.
        let kept = unsafe { std::slice::from_raw_parts(self.ptr, old.min(new_size)) };
        assert!(kept.iter().all(|byte| *byte == mark), "what was in it is not");
        self.fill();
    }
}

// SAFETY: one owner at a time, and an allocator that any thread may call.
unsafe impl Send for Object<'_> {}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        let mark = (self.layout.size() % 251) as u8;
        assert!(self.bytes().iter().all(|byte| *byte == mark), "somebody wrote into it");
        // SAFETY: an object of this layout.
        unsafe { self.alloc.dealloc(self.ptr, self.layout) }
    }
}

/// An inner allocator that itself allocates for each request, from one that is sampled too.
pub(super) struct Needy {
    pub(super) notes: Plimsoll<System>,
    pub(super) sampled: AtomicUsize,
}

// SAFETY: forwards to System with the very arguments.
unsafe impl GlobalAlloc for Needy {
    unsafe fn alloc(&self, request: Layout) -> *mut u8 {
        // SAFETY: an object of this layout, not written to.
        unsafe {
            let note = self.notes.alloc(layout(40, 8));
            // Only a sample is asked for like this.
            let counts = request.align() == 4096 && is_in_sample(note, 40);
            self.sampled.fetch_add(usize::from(counts), Ordering::Relaxed);
            self.notes.dealloc(note, layout(40, 8));
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(request) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Gives out the beginning of a chunk that comes from another allocator.
pub(super) struct Arena {
    pub(super) chunk: *mut u8,
}

// SAFETY: gives out one object, smaller than the chunk, at a time.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.align() <= 4096 && layout.size() < 5000);
        self.chunk
    }

    unsafe fn dealloc(&self, _: *mut u8, layout: Layout) {
        assert_eq!(layout, self::layout(64, 8), "not what it was asked for");
    }
}
