//! The sampler of a build without the feature `profile`: nothing is in a sample.
#![expect(unsafe_code, reason = "the same signatures as with the feature")]

use std::alloc::{GlobalAlloc, Layout};

#[inline(always)]
pub(crate) const fn is_running() -> bool {
    false
}

#[inline(always)]
pub(crate) const fn object_hit(_: u64) -> Option<u64> {
    None
}

#[inline(always)]
pub(crate) const fn growth_hit(_: u64) -> Option<u64> {
    None
}

#[inline(always)]
pub(crate) const fn may_be_sampled(_: *mut u8) -> bool {
    false
}

#[inline(always)]
pub(crate) unsafe fn sample<A: GlobalAlloc>(
    _: &A,
    ptr: *mut u8,
    _: Layout,
    _: bool,
    _: u64,
) -> *mut u8 {
    ptr
}

#[inline(always)]
pub(crate) unsafe fn forget(_: *mut u8, layout: Layout) -> Layout {
    layout
}

/// # Safety
/// As [`GlobalAlloc::realloc`].
#[inline(always)]
pub(crate) unsafe fn resize<A: GlobalAlloc>(
    inner: &A,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
    _: Option<u64>,
) -> *mut u8 {
    // SAFETY: the caller's promise is passed on.
    unsafe { inner.realloc(ptr, layout, new_size) }
}
