//! Raw objects, asked for and given back by the four calls themselves: no container decides anything.
//!
//! The compiler may leave out an allocation that nobody looks at, refusals included, hence the black boxes.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::ptr::NonNull;

/// The program's global allocator, as a value.
pub(crate) struct Global;

// SAFETY: forwards to the global allocator.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::realloc(ptr, layout, new_size) }
    }
}

/// One object. It must be resized and freed with the allocator that gave it; dropping it leaks it.
#[derive(Debug)]
pub(crate) struct Block {
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block is the only pointer to its memory.
unsafe impl Send for Block {}

/// `size` bytes with the alignment of a word.
pub(crate) fn words(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

impl Block {
    /// `None` when the request is refused.
    pub(crate) fn new(from: &impl GlobalAlloc, layout: Layout) -> Option<Self> {
        // SAFETY: no layout of these tests is of zero size.
        let ptr = NonNull::new(black_box(unsafe { from.alloc(layout) }))?;
        Some(Block { ptr, layout })
    }

    pub(crate) fn zeroed(from: &impl GlobalAlloc, layout: Layout) -> Option<Self> {
        // SAFETY: no layout of these tests is of zero size.
        let ptr = NonNull::new(black_box(unsafe { from.alloc_zeroed(layout) }))?;
        Some(Block { ptr, layout })
    }

    /// False when the request is refused: the block stays as it was.
    pub(crate) fn resize(&mut self, with: &impl GlobalAlloc, new_size: usize) -> bool {
        // SAFETY: the block came from `with`, with this layout; the new size is not zero.
        let moved = unsafe { with.realloc(self.ptr.as_ptr(), self.layout, new_size) };
        let Some(moved) = NonNull::new(moved) else { return false };
        let layout = Layout::from_size_align(new_size, self.layout.align()).expect("a layout");
        *self = Block { ptr: moved, layout };
        true
    }

    pub(crate) fn free(self, to: &impl GlobalAlloc) {
        // SAFETY: the block came from `to`, with this layout, and is used up here.
        unsafe { to.dealloc(self.ptr.as_ptr(), self.layout) };
    }

    /// Leaves it live for good; says how many bytes that are.
    pub(crate) fn keep(self) -> i64 {
        signed(self.layout.size())
    }

    pub(crate) fn size(&self) -> usize {
        self.layout.size()
    }

    pub(crate) fn is_aligned(&self) -> bool {
        self.ptr.addr().get().is_multiple_of(self.layout.align())
    }

    pub(crate) fn fill(&mut self, byte: u8) {
        // SAFETY: the block's own memory, all of it.
        unsafe { self.ptr.as_ptr().write_bytes(byte, self.layout.size()) };
    }

    /// Whether the first `len` bytes are all `byte`. They must have been written.
    pub(crate) fn starts_with(&self, len: usize, byte: u8) -> bool {
        assert!(len <= self.layout.size());
        // SAFETY: within the block's own memory; written by the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), len) };
        bytes.iter().all(|&found| found == byte)
    }
}

pub(crate) fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("a size")
}

/// Change in live objects and bytes of the process since `start`.
pub(crate) fn live_since(start: plimsoll::Counts) -> (i64, i64) {
    let delta = plimsoll::counts() - start;
    (delta.live_objects, delta.live_bytes)
}

/// The counts once the standard library has made what it makes once: from here on figures are exact.
pub(crate) fn start() -> plimsoll::Counts {
    std::thread::spawn(|| std::thread::current().id()).join().expect("a thread");
    plimsoll::counts()
}
