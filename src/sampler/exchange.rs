//! How an object comes into the sample, changes its size and leaves: given out page-aligned, so that who frees it need
//! only look up what is page-aligned.
//!
//! The record of an object is there before its address is given out, and gone before its address is given back: no two
//! objects share an address in the table.
#![expect(unsafe_code, reason = "asks the inner allocator on behalf of GlobalAlloc")]

use super::bucket::Record;
use super::state::{Sampling, State, chance, count, is_mapped, state};
use crate::counters;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

/// What every sampled object's address is a multiple of. Whatever the size of the system's pages: it is a mark.
const PAGE: usize = 4096;

/// Whether the object at `ptr` may be in the sample.
///
/// PERF: asked in every free. Where no profile was ever started, what is page-aligned costs a load and a branch more; the first
/// object of each of jemalloc's slabs is.
#[inline(always)]
pub(crate) fn may_be_sampled(ptr: *mut u8) -> bool {
    ptr.addr() & (PAGE - 1) == 0 && is_mapped()
}

/// The object in the sample, if that can be: the same, or another in its place.
///
/// # Safety
/// `ptr` is an object of `layout` that `inner` has just given out, zeroed if `zeroed`, and nobody has it yet.
pub(crate) unsafe fn sample<A: GlobalAlloc>(
    inner: &A,
    ptr: *mut u8,
    layout: Layout,
    zeroed: bool,
    mean: u64,
) -> *mut u8 {
    let Some(sampling) = Sampling::begin(mean) else { return ptr };
    // One that is page-aligned as it is, is exchanged too: a resize would keep it so only if it was asked for.
    // SAFETY: the caller's promise is passed on.
    match unsafe { entered_anew(&sampling, inner, layout, zeroed) } {
        None => ptr,
        Some(new) => {
            // SAFETY: an object of `layout` of the inner allocator's, which nobody has.
            unsafe { inner.dealloc(ptr, layout) };
            sampling.count(layout.size(), true);
            new
        }
    }
}

/// A page-aligned object of the size of `layout`, in the table; `None`, and counted, where that cannot be.
///
/// # Safety
/// `layout` is one that `inner` may be asked for.
unsafe fn entered_anew<A: GlobalAlloc>(
    sampling: &Sampling<'_>,
    inner: &A,
    layout: Layout,
    zeroed: bool,
) -> Option<*mut u8> {
    let lost = &sampling.state.lost;
    let aligned = page_aligned(layout)?;
    // SAFETY: of the size of `layout`, which is not zero by the caller's promise.
    let new = unsafe { if zeroed { inner.alloc_zeroed(aligned) } else { inner.alloc(aligned) } };
    if new.is_null() {
        count(&lost.refused);
        return None;
    }
    let record = sampling.record(layout.size(), aligned.align());
    if !sampling.state.table.insert(address(new), &record) {
        count(&lost.table_full);
        // SAFETY: given out above with this layout.
        unsafe { inner.dealloc(new, aligned) };
        return None;
    }
    Some(new)
}

/// Takes an object out of the sample that is about to be freed; the layout with which the inner allocator must be told.
///
/// # Safety
/// `ptr` is an object of `layout` that was given out by the `Plimsoll` which calls this.
#[inline]
pub(crate) unsafe fn forget(ptr: *mut u8, layout: Layout) -> Layout {
    match state().and_then(|state| state.table.take(address(ptr), layout.size() as u64)) {
        // SAFETY: the inner allocator was asked with this size, which is the record's too, and this alignment.
        Some(record) => unsafe { asked(&record, layout.size()) },
        None => layout,
    }
}

/// The object with its new size, in the sample or not; null, and unchanged, where the inner allocator refuses.
/// `hit`: its growth is in the sample, with this mean.
///
/// # Safety
/// As [`GlobalAlloc::realloc`] of the `Plimsoll` which calls this, whose inner allocator is `inner`.
pub(crate) unsafe fn resize<A: GlobalAlloc>(
    inner: &A,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
    hit: Option<u64>,
) -> *mut u8 {
    if may_be_sampled(ptr)
        && let Some(state) = state()
    {
        // SAFETY: the caller's promise is passed on.
        if let Some(moved) = unsafe { resize_known(state, inner, ptr, layout, new_size, hit) } {
            return moved;
        }
    }
    if let Some(sampling) = hit.and_then(Sampling::begin) {
        // SAFETY: the caller's promise is passed on; what is hit grows.
        if let Some(moved) = unsafe { grow_into(&sampling, inner, ptr, layout, new_size) } {
            return moved;
        }
    }
    // SAFETY: the caller's promise is passed on; the object is as the inner allocator was asked for it.
    unsafe { inner.realloc(ptr, layout, new_size) }
}

/// Growth that brings an object into the sample; `None` where that cannot be, with nothing changed.
///
/// # Safety
/// As `resize`; the object is not in the sample, and `new_size` not below its size.
unsafe fn grow_into<A: GlobalAlloc>(
    sampling: &Sampling<'_>,
    inner: &A,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
) -> Option<*mut u8> {
    let new_layout = Layout::from_size_align(new_size, layout.align()).ok()?;
    // SAFETY: `new_size` is not zero by the caller's promise.
    let new = unsafe { entered_anew(sampling, inner, new_layout, false) }?;
    // SAFETY: both are objects of at least so many bytes, and different ones.
    unsafe { ptr::copy_nonoverlapping(ptr, new, layout.size()) };
    // SAFETY: the caller's promise; its bytes are in the new one.
    unsafe { inner.dealloc(ptr, layout) };
    sampling.count(new_size.saturating_sub(layout.size()), false);
    Some(new)
}

/// A resize of an object that has a record; `None` where it has none.
///
/// # Safety
/// As `resize`; `ptr` is page-aligned.
unsafe fn resize_known<A: GlobalAlloc>(
    state: &State,
    inner: &A,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
    hit: Option<u64>,
) -> Option<*mut u8> {
    let size = layout.size() as u64;
    let record = state.table.find(address(ptr), size)?;
    // SAFETY: as in `forget`.
    let asked = unsafe { asked(&record, layout.size()) };
    if Layout::from_size_align(new_size, asked.align()).is_err() {
        return Some(ptr::null_mut());
    }
    // Before the record is taken out: from then on a place must be certain, wherever the object comes to lie.
    let Some(berth) = state.table.reserve() else {
        count(&state.lost.table_full);
        // SAFETY: the caller's promise; the object was asked for with `asked`.
        return Some(unsafe { leave_sample(state, inner, ptr, asked, layout, new_size) });
    };
    state.table.take(address(ptr), size);
    // SAFETY: the object is of `asked`, and `new_size` can be had with its alignment; not zero by the caller's promise.
    let moved = unsafe { inner.realloc(ptr, asked, new_size) };
    if moved.is_null() {
        state.table.moor(&berth, address(ptr), &record);
    } else {
        state.table.moor(&berth, address(moved), &resized(&record, new_size, hit));
    }
    Some(moved)
}

/// A record as it is after the resize.
///
/// Growth that is hit belongs to where it happens, and the object with it. An object that shrinks stays in the sample with
/// the ratio of its chances, so that its chance is that of its size, whatever its history.
fn resized(record: &Record, new_size: usize, hit: Option<u64>) -> Record {
    let size = new_size as u64;
    let growth = usize::try_from(size.saturating_sub(record.size)).unwrap_or(usize::MAX);
    if let Some(sampling) = hit.and_then(Sampling::begin) {
        sampling.count(growth, false);
        return Record { align_log2: record.align_log2, ..sampling.record(new_size, 1) };
    }
    let stays = size >= record.size
        || counters::random() * chance(record.size, record.mean) <= chance(size, record.mean);
    Record { size, site: record.site.filter(|_| stays), ..*record }
}

/// A resize for which no place in the table is certain: the object leaves the sample, by a copy. Null, and nothing has
/// changed, where the inner allocator refuses.
///
/// # Safety
/// As `resize`; the object has a record, and was asked for with `asked`.
unsafe fn leave_sample<A: GlobalAlloc>(
    state: &State,
    inner: &A,
    ptr: *mut u8,
    asked: Layout,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    // SAFETY: the caller of `realloc` promises that this is a layout; not of zero bytes.
    let new = unsafe { inner.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
    if !new.is_null() {
        // SAFETY: both are objects of at least so many bytes, and different ones.
        unsafe { ptr::copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
        state.table.take(address(ptr), layout.size() as u64);
        // SAFETY: the caller's promise; its bytes are in the new one.
        unsafe { inner.dealloc(ptr, asked) };
    }
    new
}

fn address(ptr: *mut u8) -> u64 {
    ptr.addr() as u64
}

/// `layout` with the alignment of a page at least; `None` where no object can be so large.
fn page_aligned(layout: Layout) -> Option<Layout> {
    layout.align_to(PAGE).ok()
}

/// How the inner allocator was asked for an object of `size`.
///
/// # Safety
/// It was asked with this size, and the alignment of the record.
unsafe fn asked(record: &Record, size: usize) -> Layout {
    // SAFETY: by the caller's promise these made a layout before.
    unsafe { Layout::from_size_align_unchecked(size, 1 << record.align_log2) }
}
