//! A purge as the purge thread carries it out: a slice at a time, with a look between two of them at whether more is wanted.

use crate::policy::purge::{Manner, PurgeResult, Reading, Slice, Work, next_slice, pace};
use crate::source::{JemallocArenas, Thp, read_process};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many unused pages shall be kept, which may change while a purge is under way.
#[derive(Debug)]
pub(super) struct Keep(AtomicU64);

impl Keep {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Keep(AtomicU64::new(bytes)))
    }

    /// Relaxed here and below: a single figure that orders nothing.
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Everything is kept from now on: the purge ends with the slice it is at.
    pub(super) fn recall(&self) {
        self.set(u64::MAX);
    }

    pub(super) fn is_recalled(&self) -> bool {
        self.bytes() == u64::MAX
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many arenas were emptied and steps were made, for whoever watches that it moves.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU64);

impl Progress {
    /// Relaxed here and below: a single figure that orders nothing.
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn steps(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is to be done.
pub(super) struct PurgeJob {
    pub(super) manner: Manner,
    pub(super) keep: Arc<Keep>,
    pub(super) progress: Arc<Progress>,
    /// Where `/proc` and `/sys` are.
    pub(super) root: Arc<Path>,
}

/// What came of it.
pub(super) struct Purged {
    pub(super) result: PurgeResult,
    /// Active when it ended, in bytes.
    pub(super) active: u64,
    /// Whether the kernel makes huge pages of the heap unasked.
    pub(super) huge_pages: bool,
}

impl PurgeJob {
    /// `None` where jemalloc does not serve the heap.
    pub(super) fn run(&self) -> Option<Purged> {
        let arenas = JemallocArenas::open()?;
        let start = Instant::now();
        let before = self.reading(&arenas)?;
        let work = self.work(&arenas);
        let after = self.reading(&arenas)?;
        Some(Purged {
            result: PurgeResult::new(before, after, &work, start.elapsed()),
            active: after.pages.active,
            huge_pages: Thp::read(&self.root).is_always(),
        })
    }

    fn reading(&self, arenas: &JemallocArenas) -> Option<Reading> {
        let pages = arenas.pages()?;
        let process = read_process(&self.root);
        let anon = process.anon.map(|anon| anon.saturating_add(process.swap.unwrap_or(0)));
        Some(Reading { pages, anon })
    }

    /// Each arena at most once, so that it ends whatever other threads free.
    fn work(&self, arenas: &JemallocArenas) -> Work {
        let manner = if arenas.decays_on_demand() { self.manner } else { Manner::AtOnce };
        let mut work = Work::default();
        while let Some(slice) = next_slice(&arenas.dirty(), &work.arenas, self.keep.bytes(), manner)
        {
            match slice {
                Slice::Whole(chosen) => self.purge_whole(arenas, chosen, &mut work),
                Slice::Part { arena, dirty, down_to } => {
                    self.purge_part(arenas, arena, dirty, down_to, &mut work);
                }
            }
            // What is dirty is as of the last reading.
            arenas.pages();
        }
        work
    }

    /// Has an arena give its pages back in a short time instead of its usual one, until few enough are left.
    fn purge_part(
        &self,
        arenas: &JemallocArenas,
        arena: u32,
        dirty: u64,
        down_to: u64,
        work: &mut Work,
    ) {
        work.arenas.push(arena);
        let pace = pace(dirty);
        let usual = arenas.decay_millis(arena);
        let Some(usual) = usual.filter(|_| arenas.set_decay_time(arena, pace.in_all)) else {
            work.refused = true;
            return;
        };
        let give_up = Instant::now() + pace.in_all * 2;
        while self.is_unfinished(arenas, arena, down_to) && Instant::now() < give_up {
            std::thread::sleep(pace.step);
            arenas.decay(arena);
            self.progress.advance();
            work.slices += 1;
        }
        work.refused |= !arenas.set_decay_millis(arena, usual);
    }

    fn purge_whole(&self, arenas: &JemallocArenas, chosen: Vec<u32>, work: &mut Work) {
        for arena in &chosen {
            work.refused |= !arenas.purge(*arena);
            self.progress.advance();
        }
        work.arenas.extend(chosen);
        work.slices += 1;
    }

    fn is_unfinished(&self, arenas: &JemallocArenas, arena: u32, down_to: u64) -> bool {
        let dirty = arenas.pages().map_or(0, |pages| pages.dirty);
        let of_arena =
            arenas.dirty().iter().find(|other| other.index == arena).map_or(0, |a| a.dirty);
        dirty > self.keep.bytes() && of_arena > down_to
    }
}
