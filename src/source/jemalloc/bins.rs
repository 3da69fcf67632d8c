//! What jemalloc's bins and large extents hold: what the counts are audited against.

use super::{command, looked_up, number, of_all_arenas, serves_the_heap, size};
use crate::source::Holdings;
use tikv_jemalloc_ctl::{epoch, epoch_mib};

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
