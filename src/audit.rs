//! `Audit`: the count held against what jemalloc's own bins and large extents hold, and every object between the two
//! explained.

use crate::counters::{self, Counts};
use crate::probe;
use crate::source::{Holdings, JemallocBins};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Readings taken at most until one is quiet and explained; each costs some ten microseconds, more where there are many threads.
const READINGS: usize = 3;

/// What is not explained must be found so often again, so far apart.
const CONFIRMATIONS: usize = 4;
const SETTLING: Duration = Duration::from_millis(2);

/// What an [`Audit`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// jemalloc holds what is counted, and as much more as its thread caches and their memory come to; or something
    /// moved meanwhile, and nothing proves the contrary.
    Explained,
    /// jemalloc holds objects that were not counted: somebody calls it past the global allocator, C code for instance,
    /// or some were missed. In a forked child also what lay in the caches of threads that it does not have.
    MoreThanCounted,
    /// jemalloc holds fewer objects than are counted as live: the count is wrong, or a part of it comes from another
    /// allocator, as when a second `Plimsoll` wraps one.
    FewerThanCounted,
}

/// The least and the most that a figure can have been: the same where nothing moved while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// At least.
    pub least: i64,
    /// At most.
    pub most: i64,
}

/// The exact count held against jemalloc's own statistics of what its bins and large extents hold.
///
/// jemalloc has no count of objects as such. Its bins hold, besides what is live, what sits in thread caches to be given out
/// again, and the memory of those caches themselves, one object for each thread that uses it. Their bytes are known,
/// their objects only at most; in bytes there is the rounding to size classes besides.
///
/// Figures are jemalloc's, as of one epoch (or two, where somebody else has it gather its statistics meanwhile), and the
/// wrapper's, read before and after it: an interval while threads allocate, exact while none does. Costs 14 microseconds
/// with one thread, 60 with 64, and some milliseconds where what is not explained must be found again; allocates nothing
/// between the readings.
///
/// ```
/// # #[cfg(feature = "jemalloc")]
/// # {
/// use plimsoll::{Audit, Plimsoll, Verdict};
///
/// #[global_allocator]
/// static ALLOC: Plimsoll = Plimsoll::jemalloc();
///
/// let audit = Audit::take().expect("jemalloc is the inner allocator");
/// assert_ne!(audit.verdict, Verdict::FewerThanCounted, "{audit}");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// Whether the calling thread's cache was emptied first.
    pub flushed: bool,
    /// Live objects by our count.
    pub counted_objects: Interval,
    /// Live bytes by our count, as requested.
    pub counted_bytes: Interval,
    /// Objects in all bins and large extents.
    pub jemalloc_objects: u64,
    /// Their bytes, in size classes.
    pub jemalloc_bytes: u64,
    /// How many objects more jemalloc holds than are counted.
    pub difference_objects: Interval,
    /// How many bytes more.
    pub difference_bytes: Interval,
    /// Threads that use jemalloc: each has one object, the memory of its cache, that nobody asked for.
    pub threads: u64,
    /// The bytes of these objects.
    pub thread_bytes: u64,
    /// Bytes in the caches of all threads, in size classes; roughly while threads allocate.
    pub cached_bytes: u64,
    /// The most objects these can be.
    pub cached_objects_at_most: u64,
    /// Bytes that live objects have beyond what was asked for them; `None` while threads allocate, or where the
    /// difference is not explained.
    pub rounding_bytes: Option<i64>,
}

impl Audit {
    /// Compares the two as they are, thread caches included.
    ///
    /// `None` where [`Plimsoll`](crate::Plimsoll) is not the global allocator, or jemalloc not inside it or built
    /// without statistics.
    pub fn take() -> Option<Self> {
        Audit::best(false)
    }

    /// Compares the two after the calling thread's cache has been emptied. With no other thread alive, nothing is left
    /// in caches then, and the difference is known to the object. Other threads' caches cannot be emptied from here.
    ///
    /// The calling thread's next allocations are slower until its cache has filled again. `None` as for [`Audit::take`].
    ///
    /// ```
    /// # #[cfg(feature = "jemalloc")]
    /// # {
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// let audit = plimsoll::Audit::take_flushed().expect("jemalloc is the inner allocator");
    /// println!("{audit}");
    /// assert!(audit.flushed);
    /// # }
    /// ```
    pub fn take_flushed() -> Option<Self> {
        Audit::best(true)
    }

    fn best(flush: bool) -> Option<Self> {
        let bins = probe::is_installed().then(JemallocBins::open)??;
        let found = Audit::most_telling(|| Audit::once(&bins, flush))?;
        if found.verdict == Verdict::Explained {
            return Some(found);
        }
        Audit::confirmed(found, || {
            std::thread::sleep(SETTLING);
            // What the cache is left with since is explained as all caches are.
            Audit::once(&bins, false).map(|again| Audit { flushed: found.flushed, ..again })
        })
    }

    /// What is not explained is believed when nothing moves for some milliseconds, in jemalloc's caches neither: a thread
    /// may stand in the middle of a flush or of a `realloc`, with jemalloc's part of it done and ours not, or some of
    /// jemalloc's figures read before it and some after.
    fn confirmed(found: Self, mut again: impl FnMut() -> Option<Self>) -> Option<Self> {
        let mut last = found;
        for _ in 0..CONFIRMATIONS {
            let next = again()?;
            if next.verdict == Verdict::Explained {
                return Some(next);
            }
            let moved = next != last;
            last = next;
            if moved && !last.proves_too_few() {
                last.verdict = Verdict::Explained;
                last.rounding_bytes = None;
                return Some(last);
            }
        }
        Some(last)
    }

    /// Another thread may stand between its booking and jemalloc's: it is let on, and asked again.
    fn most_telling(mut take: impl FnMut() -> Option<Self>) -> Option<Self> {
        let mut best = take()?;
        for _ in 1..READINGS {
            if best.weight() == (true, true) {
                break;
            }
            std::thread::yield_now();
            let again = take()?;
            if again.weight() >= best.weight() {
                best = again;
            }
        }
        Some(best)
    }

    /// What a reading is worth: quiet ones say most, and to be explained takes more than not to be.
    fn weight(&self) -> (bool, bool) {
        (self.is_quiet(), self.verdict == Verdict::Explained)
    }

    fn once(bins: &JemallocBins, flush: bool) -> Option<Self> {
        let flushed = flush && bins.flush_this_threads_cache();
        let before = counters::counts();
        let holdings = bins.read()?;
        Some(Audit::of(flushed, &before, &holdings, &counters::counts()))
    }

    /// Totals only grow: what was live in between is at least what had been allocated before, less what has been freed by
    /// now, and at most the reverse. The bins are read one after the other, and an object that is resized meanwhile may
    /// be in both of its bins, or in neither.
    fn of(flushed: bool, before: &Counts, holdings: &Holdings, after: &Counts) -> Self {
        let resized = signed(after.realloc_total.wrapping_sub(before.realloc_total));
        let counted_objects = Interval {
            least: net(before.alloc_objects_total, after.free_objects_total) - resized,
            most: net(after.alloc_objects_total, before.free_objects_total) + resized,
        };
        let counted_bytes = Interval {
            least: net(before.alloc_bytes_total, after.free_bytes_total),
            most: net(after.alloc_bytes_total, before.free_bytes_total),
        };
        let mut audit = Audit {
            verdict: Verdict::Explained,
            flushed,
            counted_objects,
            counted_bytes,
            jemalloc_objects: holdings.objects,
            jemalloc_bytes: holdings.bytes,
            difference_objects: counted_objects.up_to(holdings.objects),
            difference_bytes: counted_bytes.up_to(holdings.bytes),
            threads: holdings.threads,
            thread_bytes: holdings.thread_bytes,
            cached_bytes: holdings.cached_bytes,
            cached_objects_at_most: holdings.cached_objects_at_most,
            rounding_bytes: None,
        };
        audit.verdict = audit.judge();
        audit.rounding_bytes = Some(audit.unexplained_bytes())
            .filter(|_| audit.is_quiet() && audit.verdict == Verdict::Explained);
        audit
    }

    /// Whether nothing moved while it was read.
    fn is_quiet(&self) -> bool {
        self.counted_objects.is_exact() && self.counted_bytes.is_exact()
    }

    fn judge(&self) -> Verdict {
        // Where jemalloc is told to have no thread caches, they have no memory either.
        let caches = if self.thread_bytes == 0 { 0 } else { self.threads };
        let explained = signed(caches.saturating_add(self.cached_objects_at_most));
        if self.proves_too_few() || self.is_quiet() && self.unexplained_bytes() < 0 {
            Verdict::FewerThanCounted
        // While threads allocate, caches are filled between the reading of a cache and that of its bin: no upper bound.
        } else if self.is_quiet() && self.difference_objects.least > explained {
            Verdict::MoreThanCounted
        } else {
            Verdict::Explained
        }
    }

    /// Fewer objects than are live, whatever moved meanwhile.
    fn proves_too_few(&self) -> bool {
        self.difference_objects.most < 0
    }

    /// What neither the caches nor their memory account for: rounding, if all is well.
    fn unexplained_bytes(&self) -> i64 {
        self.difference_bytes.most - signed(self.thread_bytes) - signed(self.cached_bytes)
    }
}

impl Interval {
    fn is_exact(self) -> bool {
        self.least == self.most
    }

    /// From here to `held`.
    fn up_to(self, held: u64) -> Self {
        Interval { least: signed(held) - self.most, most: signed(held) - self.least }
    }
}

/// Live figures from totals that wrap round.
fn net(allocated: u64, freed: u64) -> i64 {
    allocated.wrapping_sub(freed).cast_signed()
}

/// Of what fits into memory.
fn signed(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return write!(f, "{}", self.least);
        }
        write!(f, "{} to {}", self.least, self.most)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Explained => "explained",
            Verdict::MoreThanCounted => {
                "not explained: jemalloc is called past the count, or objects were missed"
            }
            Verdict::FewerThanCounted => {
                "not explained: the count is too high, or a part of it is not from this jemalloc"
            }
        })
    }
}

/// One line: both figures, the difference, what it is made of, and the verdict.
impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let caches = if self.flushed { "this thread's cache emptied" } else { "caches included" };
        write!(
            f,
            "counted {} objects, {} bytes; jemalloc holds {} and {}, {caches}; {} objects and {} bytes more: ",
            self.counted_objects,
            self.counted_bytes,
            self.jemalloc_objects,
            self.jemalloc_bytes,
            self.difference_objects,
            self.difference_bytes,
        )?;
        write!(
            f,
            "the memory of thread caches is {} objects of {} bytes together, in the caches are {} bytes and at most {} \
             objects",
            self.threads, self.thread_bytes, self.cached_bytes, self.cached_objects_at_most
        )?;
        if let Some(rounding) = self.rounding_bytes {
            write!(f, ", {rounding} bytes of rounding to size classes")?;
        }
        write!(f, "; {}", self.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(objects: u64, bytes: u64) -> Counts {
        Counts { alloc_objects_total: objects, alloc_bytes_total: bytes, ..Counts::default() }
    }

    /// Three threads' caches of 1000 bytes each, 160 bytes in them.
    fn holdings(objects: u64, bytes: u64) -> Holdings {
        let (threads, thread_bytes, cached_bytes, cached_objects_at_most) = (3, 3000, 160, 10);
        Holdings { objects, bytes, threads, thread_bytes, cached_bytes, cached_objects_at_most }
    }

    /// At rest, with 100 objects of 5000 bytes counted.
    fn audit(objects: u64, bytes: u64) -> Audit {
        Audit::of(false, &counts(100, 5000), &holdings(objects, bytes), &counts(100, 5000))
    }

    #[test]
    fn caches_and_their_memory_explain_a_difference() {
        let found = audit(113, 8200);
        assert_eq!(found.verdict, Verdict::Explained);
        assert_eq!(found.difference_objects, Interval { least: 13, most: 13 });
        assert_eq!(found.difference_bytes, Interval { least: 3200, most: 3200 });
        assert_eq!(found.rounding_bytes, Some(40));
        assert_eq!(audit(100, 8160).verdict, Verdict::Explained, "caches may be empty of objects");
    }

    #[test]
    fn too_few_objects_or_bytes_are_found_and_too_many_objects() {
        assert_eq!(audit(99, 9000).verdict, Verdict::FewerThanCounted);
        assert_eq!(audit(103, 8159).verdict, Verdict::FewerThanCounted);
        assert_eq!(audit(114, 9000).verdict, Verdict::MoreThanCounted);
        assert_eq!(audit(114, 9000).rounding_bytes, None);
    }

    /// What is told after `found` when the next readings are `again`, and how many of them were taken.
    fn confirmed(found: Audit, again: &[Audit]) -> (Verdict, usize) {
        let mut taken = 0;
        let told = Audit::confirmed(found, || {
            taken += 1;
            again.get(taken - 1).copied()
        });
        (told.expect("readings enough").verdict, taken)
    }

    #[test]
    fn what_is_not_explained_is_told_when_nothing_moves() {
        let (fewer, explained) = (audit(103, 8159), audit(113, 8200));
        assert_eq!(confirmed(fewer, &[fewer; 4]), (Verdict::FewerThanCounted, 4));
        assert_eq!(confirmed(fewer, &[fewer, explained]), (Verdict::Explained, 2));
        let moved = audit(103, 8158);
        assert_eq!(confirmed(fewer, &[fewer, moved]), (Verdict::Explained, 2));
        let more = audit(114, 9000);
        assert_eq!(confirmed(more, &[more; 4]), (Verdict::MoreThanCounted, 4));
        assert_eq!(confirmed(more, &[audit(115, 9000)]), (Verdict::Explained, 1));
    }

    #[test]
    fn fewer_objects_than_are_live_are_told_whatever_moves() {
        let again = [audit(98, 9000), audit(97, 9000), audit(96, 9000), audit(95, 9000)];
        assert_eq!(confirmed(audit(99, 9000), &again), (Verdict::FewerThanCounted, 4));
    }

    #[test]
    fn without_thread_caches_their_memory_explains_nothing() {
        let none = Holdings { objects: 101, bytes: 5000, threads: 3, ..Holdings::default() };
        let found = Audit::of(false, &counts(100, 5000), &none, &counts(100, 5000));
        assert_eq!(found.verdict, Verdict::MoreThanCounted);
    }

    #[test]
    fn what_moves_meanwhile_makes_an_interval() {
        let before = Counts { free_objects_total: 10, free_bytes_total: 100, ..counts(110, 5100) };
        let after = Counts { free_objects_total: 14, free_bytes_total: 180, ..counts(112, 5200) };
        let of = |holdings| Audit::of(false, &before, &holdings, &after);
        let found = of(holdings(100, 8200));
        assert_eq!(found.counted_objects, Interval { least: 96, most: 102 });
        assert_eq!(found.counted_bytes, Interval { least: 4920, most: 5100 });
        assert_eq!(found.difference_objects, Interval { least: -2, most: 4 });
        assert_eq!((found.verdict, found.rounding_bytes), (Verdict::Explained, None));
        assert_eq!(of(holdings(96, 8200)).verdict, Verdict::Explained);
        assert_eq!(of(holdings(95, 8200)).verdict, Verdict::FewerThanCounted);
        assert_eq!(of(holdings(500, 8200)).verdict, Verdict::Explained, "caches are being filled");
        let resized = Counts { realloc_total: 1, ..after };
        let in_neither_bin = Audit::of(false, &before, &holdings(95, 8200), &resized);
        assert_eq!(in_neither_bin.verdict, Verdict::Explained);
        assert_eq!(in_neither_bin.counted_objects, Interval { least: 95, most: 103 });
        let bytes_moved = Audit::of(
            false,
            &before,
            &holdings(113, 8200),
            &Counts { alloc_bytes_total: 5200, ..before },
        );
        assert_eq!(bytes_moved.rounding_bytes, None);
    }

    #[test]
    fn what_is_found_must_be_found_again_to_be_believed() {
        let noisy = |objects, bytes| {
            Audit::of(false, &counts(100, 5000), &holdings(objects, bytes), &counts(101, 5100))
        };
        let (well, fewer) = (audit(113, 8200), audit(99, 8200));
        let (busy, busy_fewer) = (noisy(113, 8200), noisy(99, 8200));
        assert_eq!(busy_fewer.verdict, Verdict::FewerThanCounted);
        let told = |readings: &[Audit]| {
            let mut left = readings.iter().copied();
            let told = Audit::most_telling(|| left.next());
            (told, left.count())
        };
        assert_eq!(
            told(&[well, fewer, fewer]),
            (Some(well), 2),
            "quiet and explained: no more readings"
        );
        assert_eq!(told(&[fewer, well, fewer]), (Some(well), 1), "a thread stood in between");
        assert_eq!(told(&[busy, well, busy]), (Some(well), 1), "a quiet one says more");
        assert_eq!(told(&[busy, fewer, fewer, well]), (Some(fewer), 1), "three at most");
        assert_eq!(told(&[fewer, busy, busy_fewer]), (Some(fewer), 0), "quiet before busy");
        assert_eq!(told(&[busy_fewer, busy, busy_fewer]), (Some(busy), 0));
        assert_eq!(told(&[busy_fewer, busy_fewer, busy_fewer]), (Some(busy_fewer), 0));
        assert_eq!(told(&[fewer]), (None, 0), "a reading that cannot be taken again");
    }

    #[test]
    fn totals_may_wrap_round() {
        let wrapped = Counts {
            alloc_objects_total: 50,
            free_objects_total: 50u64.wrapping_sub(100),
            alloc_bytes_total: 2000,
            free_bytes_total: 2000u64.wrapping_sub(5000),
            ..Counts::default()
        };
        let found = Audit::of(false, &wrapped, &holdings(113, 8200), &wrapped);
        assert_eq!(found, audit(113, 8200));
    }

    #[test]
    fn it_reads_as_one_line() {
        assert_eq!(
            audit(113, 8200).to_string(),
            "counted 100 objects, 5000 bytes; jemalloc holds 113 and 8200, caches included; 13 objects and 3200 bytes \
             more: the memory of thread caches is 3 objects of 3000 bytes together, in the caches are 160 bytes and at \
             most 10 objects, 40 bytes of rounding to size classes; explained"
        );
    }
}
