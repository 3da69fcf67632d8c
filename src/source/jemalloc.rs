//! jemalloc's own figures, by `mallctl`: what the counts are audited against, and what lies between them and RSS.
#![expect(unsafe_code, reason = "mallctl by number has no types")]

use super::Jemalloc;
use std::hint::black_box;
use tikv_jemalloc_ctl::{epoch, epoch_mib, raw, stats, thread};

/// jemalloc's index for "all arenas together".
const ALL_ARENAS: usize = 4096;

/// The names, looked up once.
pub(super) struct JemallocSource {
    epoch: epoch_mib,
    allocated: stats::allocated_mib,
    active: stats::active_mib,
    metadata: stats::metadata_mib,
    resident: stats::resident_mib,
    mapped: stats::mapped_mib,
    retained: stats::retained_mib,
    dirty: [usize; 4],
    muzzy: [usize; 4],
    page: u64,
}

impl JemallocSource {
    /// `None` when this jemalloc serves nobody, or was built without statistics.
    pub(super) fn open() -> Option<Self> {
        serves_the_heap().then(Self::look_up)?
    }

    fn look_up() -> Option<Self> {
        // SAFETY: `arenas.page` is a `size_t`.
        let page: usize = unsafe { raw::read(b"arenas.page\0") }.ok()?;
        Some(JemallocSource {
            epoch: epoch::mib().ok()?,
            allocated: stats::allocated::mib().ok()?,
            active: stats::active::mib().ok()?,
            metadata: stats::metadata::mib().ok()?,
            resident: stats::resident::mib().ok()?,
            mapped: stats::mapped::mib().ok()?,
            retained: stats::retained::mib().ok()?,
            dirty: of_all_arenas(b"stats.arenas.0.pdirty\0")?,
            muzzy: of_all_arenas(b"stats.arenas.0.pmuzzy\0")?,
            page: u64::try_from(page).ok()?,
        })
    }

    /// Has jemalloc gather its statistics anew (the cost of a snapshot: tens to hundreds of microseconds), then reads them.
    pub(super) fn read(&self) -> Jemalloc {
        if self.epoch.advance().is_err() {
            return Jemalloc::default();
        }
        let bytes = |figure: tikv_jemalloc_ctl::Result<usize>| figure.ok()?.try_into().ok();
        Jemalloc {
            allocated: bytes(self.allocated.read()),
            active: bytes(self.active.read()),
            metadata: bytes(self.metadata.read()),
            resident: bytes(self.resident.read()),
            mapped: bytes(self.mapped.read()),
            retained: bytes(self.retained.read()),
            dirty: self.pages(&self.dirty),
            muzzy: self.pages(&self.muzzy),
        }
    }

    fn pages(&self, name: &[usize; 4]) -> Option<u64> {
        // SAFETY: `stats.arenas.<i>.pdirty` and `.pmuzzy` are `size_t`.
        let pages: usize = unsafe { raw::read_mib(name) }.ok()?;
        u64::try_from(pages).ok()?.checked_mul(self.page)
    }
}

fn of_all_arenas(name: &[u8]) -> Option<[usize; 4]> {
    let mut mib = [0; 4];
    raw::name_to_mib(name, &mut mib).ok()?;
    mib[2] = ALL_ARENAS;
    Some(mib)
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
    let mut mib = [0; 3];
    if raw::name_to_mib(b"arena.0.purge\0", &mut mib).is_err() {
        return false;
    }
    mib[1] = ALL_ARENAS;
    // SAFETY: a complete MIB of `arena.<i>.purge`, which takes and gives no value.
    let answer = unsafe {
        tikv_jemalloc_sys::mallctlbymib(
            mib.as_ptr(),
            mib.len(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        )
    };
    answer == 0
}
