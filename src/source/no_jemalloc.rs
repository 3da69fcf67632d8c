//! In jemalloc's place where it is not built in: nothing is known of it, and nothing can be purged.

use super::{Holdings, Jemalloc, Slots};

/// None to be had.
pub(super) enum JemallocSource {}

impl JemallocSource {
    pub(super) fn open() -> Option<Self> {
        None
    }

    pub(super) fn read(&self) -> Jemalloc {
        match *self {}
    }
}

/// None to be had either.
pub(super) enum JemallocSlots {}

impl JemallocSlots {
    pub(super) fn open() -> Option<Self> {
        None
    }

    pub(super) fn read(&self) -> Option<Slots> {
        match *self {}
    }
}

pub(crate) fn purge_all() -> bool {
    false
}

/// None to be had either.
pub(crate) enum JemallocBins {}

impl JemallocBins {
    pub(crate) fn open() -> Option<Self> {
        None
    }

    pub(crate) fn flush_this_threads_cache(&self) -> bool {
        match *self {}
    }

    pub(crate) fn read(&self) -> Option<Holdings> {
        match *self {}
    }
}
