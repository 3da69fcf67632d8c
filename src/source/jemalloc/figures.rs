//! jemalloc's own figures: what lies between the counts and RSS.

use super::{looked_up, of_all_arenas, serves_the_heap, size};
use crate::source::Jemalloc;
use tikv_jemalloc_ctl::{epoch, epoch_mib, stats};

/// The names, looked up once.
pub(in crate::source) struct JemallocSource {
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
    pub(in crate::source) fn open() -> Option<Self> {
        serves_the_heap().then(Self::look_up)?
    }

    fn look_up() -> Option<Self> {
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
            page: size(&looked_up::<2>(b"arenas.page\0")?)?,
        })
    }

    /// Has jemalloc gather its statistics anew (the cost of a snapshot: tens to hundreds of microseconds), then reads them.
    pub(in crate::source) fn read(&self) -> Jemalloc {
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
        size(name)?.checked_mul(self.page)
    }
}
