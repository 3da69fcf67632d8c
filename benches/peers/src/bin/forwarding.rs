//! A wrapper that only forwards: the code is laid out differently from bare jemalloc's, and does the same. What it
//! differs by is the layout's luck, which no wrapper escapes.

use std::alloc::{GlobalAlloc, Layout};
use tikv_jemallocator::Jemalloc;

struct Forwarding;

// SAFETY: every method passes its arguments on to jemalloc's and returns its answer.
unsafe impl GlobalAlloc for Forwarding {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { Jemalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { Jemalloc.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        unsafe { Jemalloc.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOC: Forwarding = Forwarding;

fn main() {
    peers::run();
}
