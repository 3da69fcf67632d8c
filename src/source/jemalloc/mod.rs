//! jemalloc by its controls (`mallctl`): its figures, what its bins hold and have room for, its unused pages, its options.
//!
//! ```text
//! figures.rs   what lies between the counts and RSS
//! headroom.rs  free slots by size class, and how many were taken
//! bins.rs      what its bins hold: what the counts are audited against
//! arenas.rs    unused pages arena by arena, and giving them back
//! options.rs   what its options came to, and the two that can be set
//! ```
#![expect(unsafe_code, reason = "mallctl by number has no types")]

mod arenas;
mod bins;
mod figures;
mod headroom;
mod options;

pub(crate) use arenas::JemallocArenas;
pub(crate) use bins::JemallocBins;
pub(super) use figures::JemallocSource;
pub(super) use headroom::JemallocSlots;
pub(crate) use options::{options, set_background_purge, set_dirty_decay};

use std::ffi::{CStr, c_char};
use std::hint::black_box;
use tikv_jemalloc_ctl::{raw, thread};

/// jemalloc's index for "all arenas together".
const ALL_ARENAS: usize = 4096;

fn of_all_arenas<const LENGTH: usize>(name: &[u8]) -> Option<[usize; LENGTH]> {
    let mut mib = looked_up(name)?;
    *mib.get_mut(2)? = ALL_ARENAS;
    Some(mib)
}

fn looked_up<const LENGTH: usize>(name: &[u8]) -> Option<[usize; LENGTH]> {
    let mut mib = [0; LENGTH];
    raw::name_to_mib(name, &mut mib).ok()?;
    Some(mib)
}

/// A figure that jemalloc has as a `size_t`.
fn size(name: &[usize]) -> Option<u64> {
    // SAFETY: any bits are a `usize`; jemalloc refuses a length that is not its value's.
    let figure: usize = unsafe { raw::read_mib(name) }.ok()?;
    u64::try_from(figure).ok()
}

/// A figure that jemalloc has as an `unsigned`.
fn number(name: &[usize]) -> Option<u32> {
    // SAFETY: any bits are a `u32`; jemalloc refuses a length that is not its value's.
    unsafe { raw::read_mib(name) }.ok()
}

/// A figure that jemalloc has as an `ssize_t`.
fn signed(name: &[usize]) -> Option<i64> {
    // SAFETY: any bits are an `isize`; jemalloc refuses a length that is not its value's.
    let figure: isize = unsafe { raw::read_mib(name) }.ok()?;
    i64::try_from(figure).ok()
}

/// A figure that jemalloc has as a `bool`.
fn flag(name: &[usize]) -> Option<bool> {
    // SAFETY: any bits are a `u8`, which is as long as C's `bool`; jemalloc refuses another length.
    let flag: u8 = unsafe { raw::read_mib(name) }.ok()?;
    Some(flag != 0)
}

/// A text of jemalloc's, copied; `None` also where it has none.
fn text(name: &[usize]) -> Option<String> {
    // SAFETY: only called for names whose value is a `const char *`; jemalloc refuses a length that is not its value's.
    let text: *const c_char = unsafe { raw::read_mib(name) }.ok()?;
    if text.is_null() {
        return None;
    }
    // SAFETY: jemalloc's texts end in a zero and are never freed: constants, or the environment as the process got it.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

fn set_flag(name: &[usize], value: bool) -> bool {
    // SAFETY: jemalloc refuses a length that is not its value's; a `bool` is any of C's.
    unsafe { raw::write_mib(name, value) }.is_ok()
}

fn set_signed(name: &[usize], value: i64) -> bool {
    let Ok(value) = isize::try_from(value) else { return false };
    // SAFETY: jemalloc refuses a length that is not its value's, and a value that is out of its range.
    unsafe { raw::write_mib(name, value) }.is_ok()
}

/// Has jemalloc do something that takes and gives no value; false when it refused.
fn command(name: &[usize]) -> bool {
    let (nothing, no_length) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: a complete MIB; without places for values jemalloc reads and writes none.
    let answer = unsafe {
        tikv_jemalloc_sys::mallctlbymib(name.as_ptr(), name.len(), nothing, no_length, nothing, 0)
    };
    answer == 0
}

/// Whether the program's heap is this jemalloc's: allocates once and looks at its count of this thread's bytes.
fn serves_the_heap() -> bool {
    let Ok(bytes) = thread::allocatedp::read() else { return false };
    let before = bytes.get();
    drop(black_box(Box::new(black_box(0u64))));
    bytes.get() != before
}
