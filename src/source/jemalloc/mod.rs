//! jemalloc by its controls (`mallctl`): its figures, what its bins hold and have room for, and a purge.
//!
//! ```text
//! figures.rs   what lies between the counts and RSS
//! headroom.rs  free slots by size class, and how many were taken
//! bins.rs      what its bins hold: what the counts are audited against
//! ```
#![expect(unsafe_code, reason = "mallctl by number has no types")]

mod bins;
mod figures;
mod headroom;

pub(crate) use bins::JemallocBins;
pub(super) use figures::JemallocSource;
pub(super) use headroom::JemallocSlots;

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

/// Gives the dirty and muzzy pages of all arenas back to the system; false when jemalloc refused.
pub(crate) fn purge_all() -> bool {
    let Some(mut name) = looked_up::<3>(b"arena.0.purge\0") else { return false };
    name[1] = ALL_ARENAS;
    command(&name)
}
