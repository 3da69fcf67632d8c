//! jemalloc's own figures, by `mallctl`: what the counts are audited against, and what lies between them and RSS.
#![expect(unsafe_code, reason = "mallctl by number has no types")]

use super::{Holdings, Jemalloc};
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
        size(name)?.checked_mul(self.page)
    }
}

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

impl Holdings {
    /// Adds a size class. Classes come rising, so that the caches are taken to hold as many small objects as there are:
    /// `cached_left` is what those before could not hold.
    fn add(&mut self, size: u64, held: u64, cached_left: &mut u64) {
        self.objects = self.objects.saturating_add(held);
        self.bytes = self.bytes.saturating_add(size.saturating_mul(held));
        let cached = cached_left.checked_div(size).unwrap_or(0).min(held);
        self.cached_objects_at_most += cached;
        *cached_left -= cached * size;
    }
}

/// The names of what bins and large extents hold, looked up once.
pub(crate) struct JemallocBins {
    epoch: epoch_mib,
    bins: Classes,
    large: Classes,
    threads: [usize; 4],
    thread_bytes: [usize; 4],
    cached: [usize; 4],
    /// Freed, and kept from being used again for a while where jemalloc is told to.
    stashed: [usize; 4],
    flush: [usize; 3],
}

/// Size classes of one kind, by their index: how large an object is, and how many are held.
struct Classes {
    number: u32,
    size: [usize; 4],
    held: [usize; 6],
}

impl Classes {
    fn look_up(number_name: &[u8], size_name: &[u8], held_name: &[u8]) -> Option<Self> {
        Some(Classes {
            number: number(&looked_up::<2>(number_name)?)?,
            size: looked_up(size_name)?,
            held: of_all_arenas(held_name)?,
        })
    }

    /// (size, objects held) of each class, rising; `None` in it for one that cannot be read.
    fn held(&self) -> impl Iterator<Item = Option<(u64, u64)>> {
        (0..self.number as usize).map(|class| {
            let (mut of, mut held) = (self.size, self.held);
            (of[2], held[4]) = (class, class);
            Some((size(&of)?, size(&held)?))
        })
    }
}

impl JemallocBins {
    /// `None` when this jemalloc serves nobody, or was built without statistics.
    pub(crate) fn open() -> Option<Self> {
        serves_the_heap().then(Self::look_up)?
    }

    fn look_up() -> Option<Self> {
        Some(JemallocBins {
            epoch: epoch::mib().ok()?,
            bins: Classes::look_up(
                b"arenas.nbins\0",
                b"arenas.bin.0.size\0",
                b"stats.arenas.0.bins.0.curregs\0",
            )?,
            large: Classes::look_up(
                b"arenas.nlextents\0",
                b"arenas.lextent.0.size\0",
                b"stats.arenas.0.lextents.0.curlextents\0",
            )?,
            threads: of_all_arenas(b"stats.arenas.0.nthreads\0")?,
            thread_bytes: of_all_arenas(b"stats.arenas.0.internal\0")?,
            cached: of_all_arenas(b"stats.arenas.0.tcache_bytes\0")?,
            stashed: of_all_arenas(b"stats.arenas.0.tcache_stashed_bytes\0")?,
            flush: looked_up(b"thread.tcache.flush\0")?,
        })
    }

    /// Empties the calling thread's cache; false when it has none.
    pub(crate) fn flush_this_threads_cache(&self) -> bool {
        command(&self.flush)
    }

    /// Has jemalloc gather its statistics anew, then reads them; allocates nothing.
    pub(crate) fn read(&self) -> Option<Holdings> {
        self.epoch.advance().ok()?;
        let mut holdings = Holdings {
            threads: number(&self.threads)?.into(),
            thread_bytes: size(&self.thread_bytes)?,
            cached_bytes: size(&self.cached)?.checked_add(size(&self.stashed)?)?,
            ..Holdings::default()
        };
        let mut cached_left = holdings.cached_bytes;
        for class in self.bins.held().chain(self.large.held()) {
            let (size, held) = class?;
            holdings.add(size, held, &mut cached_left);
        }
        Some(holdings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_bytes_are_as_many_objects_as_small_ones_are_held() {
        let (mut holdings, mut cached_left) = (Holdings::default(), 1000);
        for (size, held) in [(8, 10), (16, 50), (32, 0), (64, 100), (128, 100)] {
            holdings.add(size, held, &mut cached_left);
        }
        assert_eq!((holdings.objects, holdings.bytes), (260, 80 + 800 + 6400 + 12_800));
        assert_eq!(holdings.cached_objects_at_most, 10 + 50 + 1);
        assert_eq!(cached_left, 1000 - 80 - 800 - 64);
    }
}
