//! What everybody writes first: two global atomics, relaxed.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tikv_jemallocator::Jemalloc;

struct Naive;

static OBJECTS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn add(bytes: usize) {
    OBJECTS.fetch_add(1, Relaxed);
    BYTES.fetch_add(bytes, Relaxed);
}

fn take(bytes: usize) {
    OBJECTS.fetch_sub(1, Relaxed);
    BYTES.fetch_sub(bytes, Relaxed);
}

// SAFETY: every method passes its arguments on to jemalloc's and returns its answer.
unsafe impl GlobalAlloc for Naive {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        unsafe { Jemalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        take(layout.size());
        unsafe { Jemalloc.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        BYTES.fetch_add(new_size.wrapping_sub(layout.size()), Relaxed);
        unsafe { Jemalloc.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOC: Naive = Naive;

fn main() {
    peers::run();
}
