//! In jemalloc's place where it is not built in: nothing is known of it, and nothing can be purged.

use super::{AllocatorOptions, Arena, Holdings, Jemalloc, Pages, Slots};
use std::time::Duration;

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

/// Nor these.
#[derive(Clone, Copy)]
pub(crate) enum JemallocArenas {}

impl JemallocArenas {
    pub(crate) fn open() -> Option<Self> {
        None
    }

    pub(crate) fn pages(&self) -> Option<Pages> {
        match *self {}
    }

    pub(crate) fn dirty(&self) -> Vec<Arena> {
        match *self {}
    }

    pub(crate) fn purge(&self, _: u32) -> bool {
        match *self {}
    }

    pub(crate) fn decays_on_demand(&self) -> bool {
        match *self {}
    }

    pub(crate) fn decay(&self, _: u32) -> bool {
        match *self {}
    }

    pub(crate) fn decay_millis(&self, _: u32) -> Option<i64> {
        match *self {}
    }

    pub(crate) fn set_decay_millis(&self, _: u32, _: i64) -> bool {
        match *self {}
    }

    pub(crate) fn set_decay_time(&self, _: u32, _: Duration) -> bool {
        match *self {}
    }
}

pub(crate) fn options() -> Option<AllocatorOptions> {
    None
}

pub(crate) fn set_background_purge(_: bool) -> Option<bool> {
    None
}

pub(crate) fn set_dirty_decay(_: i64) -> Option<i64> {
    None
}
