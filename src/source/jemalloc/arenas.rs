//! jemalloc's unused pages arena by arena, and giving them back.

use super::{
    command, flag, looked_up, number, of_all_arenas, serves_the_heap, set_signed, signed, size,
};
use crate::source::{Arena, Pages};
use std::time::Duration;
use tikv_jemalloc_ctl::{epoch, epoch_mib};

/// The names, looked up once.
#[derive(Clone, Copy)]
pub(crate) struct JemallocArenas {
    epoch: epoch_mib,
    number: [usize; 2],
    dirty: [usize; 4],
    all_dirty: [usize; 4],
    all_active: [usize; 4],
    /// Pages that were ever given back, by whomever.
    all_purged: [usize; 4],
    purge: [usize; 3],
    decay: [usize; 3],
    decay_time: [usize; 3],
    background: [usize; 1],
    page: u64,
}

impl JemallocArenas {
    /// `None` when this jemalloc serves nobody, or was built without statistics.
    pub(crate) fn open() -> Option<Self> {
        serves_the_heap().then(Self::look_up)?
    }

    fn look_up() -> Option<Self> {
        Some(JemallocArenas {
            epoch: epoch::mib().ok()?,
            number: looked_up(b"arenas.narenas\0")?,
            dirty: looked_up(b"stats.arenas.0.pdirty\0")?,
            all_dirty: of_all_arenas(b"stats.arenas.0.pdirty\0")?,
            all_active: of_all_arenas(b"stats.arenas.0.pactive\0")?,
            all_purged: of_all_arenas(b"stats.arenas.0.dirty_purged\0")?,
            purge: looked_up(b"arena.0.purge\0")?,
            decay: looked_up(b"arena.0.decay\0")?,
            decay_time: looked_up(b"arena.0.dirty_decay_ms\0")?,
            background: looked_up(b"background_thread\0")?,
            page: size(&looked_up::<2>(b"arenas.page\0")?)?,
        })
    }

    /// Has jemalloc gather its statistics anew (tens to hundreds of microseconds), then reads its pages.
    pub(crate) fn pages(&self) -> Option<Pages> {
        self.epoch.advance().ok()?;
        Some(Pages {
            dirty: self.bytes(&self.all_dirty)?,
            active: self.bytes(&self.all_active)?,
            purged: self.bytes(&self.all_purged)?,
        })
    }

    /// The arenas that have dirty pages, as of the last [`JemallocArenas::pages`].
    pub(crate) fn dirty(&self) -> Vec<Arena> {
        let arenas = number(&self.number).unwrap_or(0);
        let arena = |index| Some(Arena { index, dirty: self.dirty_of(index)? });
        (0..arenas).filter_map(arena).filter(|arena| arena.dirty > 0).collect()
    }

    /// `None` for an arena that was never used.
    fn dirty_of(&self, arena: u32) -> Option<u64> {
        let mut name = self.dirty;
        name[2] = usize::try_from(arena).ok()?;
        self.bytes(&name)
    }

    fn bytes(&self, pages: &[usize]) -> Option<u64> {
        size(pages)?.checked_mul(self.page)
    }

    /// Gives every dirty and muzzy page of an arena back to the system; false when jemalloc refused.
    pub(crate) fn purge(&self, arena: u32) -> bool {
        command(&of_arena(self.purge, arena))
    }

    /// Whether [`JemallocArenas::decay`] does anything: with background threads it is left to them.
    pub(crate) fn decays_on_demand(&self) -> bool {
        flag(&self.background) == Some(false)
    }

    /// Gives back what an arena should have given back by now: the longest unused pages first.
    pub(crate) fn decay(&self, arena: u32) -> bool {
        command(&of_arena(self.decay, arena))
    }

    /// In which time an arena gives back what is not used again; at once for 0, never for -1.
    pub(crate) fn decay_millis(&self, arena: u32) -> Option<i64> {
        signed(&of_arena(self.decay_time, arena))
    }

    /// Changes that time. All the arena's unused pages then count as unused from now on.
    pub(crate) fn set_decay_millis(&self, arena: u32, millis: i64) -> bool {
        set_signed(&of_arena(self.decay_time, arena), millis)
    }

    /// [`JemallocArenas::set_decay_millis`] by a duration.
    pub(crate) fn set_decay_time(&self, arena: u32, time: Duration) -> bool {
        i64::try_from(time.as_millis()).is_ok_and(|millis| self.set_decay_millis(arena, millis))
    }
}

fn of_arena(mut name: [usize; 3], arena: u32) -> [usize; 3] {
    // A `usize` holds a `u32` wherever jemalloc can be built.
    name[1] = arena as usize;
    name
}
