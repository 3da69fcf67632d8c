//! How much is used, as an interval: what the kernel cannot drop, and all that it charges. In between lies the pressure.
//!
//! ```text
//!   low        anonymous, shared, socket and kernel memory          the kernel cannot drop it
//! - purgeable  unused pages, as far as purges have given back       a purge returns it
//! - reusable   free slots, as far as their size class is wanted     the next allocations fill it
//! = pressure                                                        what the levels go by
//!
//!   high       low + page cache                                     what the kernel stops at the limit
//! ```

mod headroom;
mod meter;

pub use meter::Meter;

use crate::policy::budget::Basis;
use crate::source::{Cgroup, Process, Readings, Slots};
use headroom::Demand;
use serde::Serialize;
use std::time::Instant;

/// So near the limit, in percent, free slots are no room any more: what is wanted next may be of another size.
pub(crate) const NEAR_PERCENT: f64 = 95.0;

/// What is used at one moment, in bytes, as an interval with the pressure inside.
///
/// From `/proc/self/status`, the control group's `memory.stat` and jemalloc's statistics; as exact as the kernel's own
/// batches, and at most a second old. Whose memory it is follows from the budget: that of the control group whose limit
/// was found, else the process's. `None` is unknown.
///
/// ```
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// let usage = monitor.usage();
/// if let (Some(low), Some(high)) = (usage.low_bytes, usage.high_bytes) {
///     assert!(low <= high);
/// }
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// What the kernel cannot drop.
    pub low_bytes: Option<u64>,
    /// All that is charged, or resident and swapped out.
    pub high_bytes: Option<u64>,
    /// What is left of `low_bytes` without the next two.
    pub pressure_bytes: Option<u64>,
    /// Unused pages of jemalloc's that a purge would give back, by the yield of the purges so far.
    pub purgeable_bytes: u64,
    /// Free slots in jemalloc's slabs that the demand of the last 30 seconds would fill; 0 near the limit.
    pub reusable_bytes: u64,
    /// Where the kernel stops, or the operating system ends.
    pub limit_bytes: Option<u64>,
    /// `low_bytes` in percent of the limit, nothing subtracted.
    pub proximity_percent: Option<f64>,
    /// Which share of unused pages the last purges gave back, from 0 to 1.
    pub purge_yield: f64,
    /// Exact live bytes at that moment: from here on the rest is moved by their change.
    pub live_bytes: Option<u64>,
}

impl Usage {
    /// The same when the live bytes have become `live_now`: what they change is used, or free, at once.
    #[must_use]
    pub fn moved_to(self, live_now: u64) -> Self {
        let Some(change) = self.live_bytes.and_then(|then| live_now.checked_signed_diff(then))
        else {
            return self;
        };
        let moved = |bytes: Option<u64>| bytes.map(|bytes| bytes.saturating_add_signed(change));
        let low_bytes = moved(self.low_bytes);
        Usage {
            low_bytes,
            high_bytes: moved(self.high_bytes),
            pressure_bytes: moved(self.pressure_bytes),
            proximity_percent: percent(low_bytes, self.limit_bytes),
            live_bytes: Some(live_now),
            ..self
        }
    }
}

impl Usage {
    /// What must go before the kernel's wall is no longer near; nothing where there is none.
    pub(crate) fn beyond_wall(&self) -> u64 {
        let near = |limit: u64| (limit as f64 * (NEAR_PERCENT - 1.0) / 100.0) as u64;
        let beyond = self.low_bytes.zip(self.limit_bytes);
        beyond.map_or(0, |(low, limit)| low.saturating_sub(near(limit)))
    }
}

/// The memory that a limit counts, by what counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    low: u64,
    high: u64,
}

/// Whose memory is held against what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Against {
    pub(crate) basis: Basis,
    pub(crate) limit: Option<u64>,
}

/// Makes usages of readings; knows what purges yield, which slots are wanted, and when the control group was last read.
#[derive(Debug)]
pub(crate) struct Gauge {
    purge_yield: f64,
    demand: Demand,
    reusable: u64,
    sample: Option<Sample>,
}

/// The control group's parts when they were read, and what of the process was resident then.
#[derive(Clone, Copy, Debug)]
struct Sample {
    parts: Cgroup,
    resident: u64,
}

impl Gauge {
    pub(crate) fn new() -> Self {
        Gauge { purge_yield: 1.0, demand: Demand::new(), reusable: 0, sample: None }
    }

    /// Takes in jemalloc's free slots; what is reusable counts until they are read again.
    pub(crate) fn slots(&mut self, slots: &Slots, now: Instant) {
        self.reusable = self.demand.observe(slots, now);
    }

    /// Takes in how much of what purges give back reaches the system, as a share.
    pub(crate) fn set_purge_yield(&mut self, share: f64) {
        self.purge_yield = share.clamp(0.0, 1.0);
    }

    /// The usage that `readings` show.
    pub(crate) fn read(&mut self, readings: &Readings, against: Against) -> Usage {
        let live_bytes = readings.counts.as_ref().map(crate::counters::Counts::live_bytes);
        let known = Usage {
            limit_bytes: against.limit,
            purge_yield: self.purge_yield,
            live_bytes,
            ..Usage::default()
        };
        let Some(Bounds { low, high }) = self.bounds(readings, against.basis) else { return known };
        let proximity_percent = percent(Some(low), against.limit);
        let near = proximity_percent.is_some_and(|percent| percent >= NEAR_PERCENT);
        let purgeable_bytes = self.purgeable(readings, against.basis).min(low);
        let reusable_bytes = if near { 0 } else { self.reusable.min(low - purgeable_bytes) };
        Usage {
            low_bytes: Some(low),
            high_bytes: Some(high),
            pressure_bytes: Some(low - purgeable_bytes - reusable_bytes),
            purgeable_bytes,
            reusable_bytes,
            proximity_percent,
            ..known
        }
    }

    fn bounds(&mut self, readings: &Readings, basis: Basis) -> Option<Bounds> {
        let process = &readings.process;
        let one = |bytes: Option<u64>| bytes.map(|bytes| Bounds { low: bytes, high: bytes });
        match basis {
            Basis::Process => of_process(process),
            // Where the group does not tell, the process is what is known of it.
            Basis::Group => self.of_group(readings).or_else(|| of_process(process)),
            Basis::AddressSpace => one(process.virtual_size),
            Basis::Data => one(process.data),
        }
    }

    /// The group's parts are read once a second. In between they move with what the process has resident.
    fn of_group(&mut self, readings: &Readings) -> Option<Bounds> {
        let parts = Cgroup { charged: None, ..readings.cgroup };
        let low = cannot_be_dropped(&parts)?;
        let now = resident(&readings.process);
        let sample = self.sample.filter(|sample| sample.parts == parts);
        self.sample = sample.or_else(|| now.map(|resident| Sample { parts, resident }));
        let since = sample.and_then(|sample| now?.checked_signed_diff(sample.resident));
        let low = low.saturating_add_signed(since.unwrap_or(0));
        // The charge is exact and of this moment; the parts lag behind it, and may add up to more.
        let high = readings.cgroup.charged.unwrap_or(low);
        Some(Bounds { low: low.min(high), high })
    }

    fn purgeable(&self, readings: &Readings, basis: Basis) -> u64 {
        let jemalloc = &readings.jemalloc;
        let dirty = jemalloc.dirty.unwrap_or(0);
        if matches!(basis, Basis::AddressSpace | Basis::Data) {
            // No purge returns address space; but what is mapped and unused is taken before anything new is mapped.
            let kept = [jemalloc.muzzy, jemalloc.retained].map(|bytes| bytes.unwrap_or(0));
            return kept.into_iter().fold(dirty, u64::saturating_add);
        }
        // Dirty pages that were never touched are not resident: what is active and resident stays in any case.
        let active = jemalloc.active.unwrap_or(0);
        let idle = resident(&readings.process).map_or(dirty, |held| held.saturating_sub(active));
        ((dirty as f64 * self.purge_yield) as u64).min(idle)
    }
}

/// Files are not in it: the kernel drops them. Where the kinds are unknown, all that is resident.
fn resident(process: &Process) -> Option<u64> {
    let shmem = process.shmem.unwrap_or(0);
    process.anon.map(|anon| anon.saturating_add(shmem)).or(process.rss)
}

fn of_process(process: &Process) -> Option<Bounds> {
    let swap = process.swap.unwrap_or(0);
    let low = resident(process)?.saturating_add(swap);
    let high = process.rss.map_or(low, |rss| rss.saturating_add(swap).max(low));
    Some(Bounds { low, high })
}

/// Anonymous, shared and socket memory, and the kernel's own that it cannot drop; version 1 tells of the first two only.
fn cannot_be_dropped(parts: &Cgroup) -> Option<u64> {
    let known = |bytes: Option<u64>| bytes.unwrap_or(0);
    let kernel = known(parts.kernel).saturating_sub(known(parts.slab_reclaimable));
    let rest = [known(parts.shmem), known(parts.sock), kernel];
    Some(rest.into_iter().fold(parts.anon?, u64::saturating_add))
}

fn percent(bytes: Option<u64>, limit: Option<u64>) -> Option<f64> {
    Some(bytes? as f64 * 100.0 / limit.filter(|limit| *limit > 0)? as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;
    use crate::source::SlotClass;
    use std::time::Duration;

    const PROCESS: Against = Against { basis: Basis::Process, limit: None };

    fn group(limit: u64) -> Against {
        Against { basis: Basis::Group, limit: Some(limit) }
    }

    fn readings() -> Readings {
        let mut readings = Readings::default();
        (readings.process.rss, readings.process.anon) = (Some(200), Some(100));
        (readings.process.shmem, readings.process.swap) = (Some(5), Some(7));
        (readings.process.virtual_size, readings.process.data) = (Some(9000), Some(700));
        readings.cgroup.charged = Some(900);
        readings.cgroup.anon = Some(300);
        readings
    }

    fn read(readings: &Readings, against: Against) -> Usage {
        Gauge::new().read(readings, against)
    }

    #[test]
    fn a_process_uses_what_is_resident_and_what_is_swapped_out() {
        let usage = read(&readings(), PROCESS);
        assert_eq!((usage.low_bytes, usage.high_bytes), (Some(112), Some(207)));
        assert_eq!(usage.pressure_bytes, Some(112));
        assert_eq!(usage.proximity_percent, None, "no limit is known");
        let mut without_kinds = readings();
        (without_kinds.process.anon, without_kinds.process.shmem) = (None, None);
        assert_eq!(read(&without_kinds, PROCESS).low_bytes, Some(207));
        assert_eq!(read(&Readings::default(), PROCESS).low_bytes, None);
    }

    #[test]
    fn a_group_uses_what_the_kernel_cannot_drop_and_at_most_its_charge() {
        let mut readings = readings();
        assert_eq!(read(&readings, group(1000)).low_bytes, Some(300), "version 1 tells no more");
        readings.cgroup.shmem = Some(20);
        readings.cgroup.sock = Some(3);
        (readings.cgroup.kernel, readings.cgroup.slab_reclaimable) = (Some(50), Some(30));
        readings.cgroup.swap = Some(5000);
        let usage = read(&readings, group(1000));
        assert_eq!((usage.low_bytes, usage.high_bytes), (Some(343), Some(900)));
        assert_eq!(usage.proximity_percent, Some(34.3), "swap is not what the limit counts");
        readings.cgroup.slab_reclaimable = Some(80);
        assert_eq!(read(&readings, group(1000)).low_bytes, Some(323), "never less than nothing");
        readings.cgroup.anon = None;
        assert_eq!(read(&readings, group(1000)).low_bytes, Some(112), "the process at least");
    }

    #[test]
    fn parts_that_add_up_to_more_than_the_charge_alarm_nobody() {
        let mut readings = readings();
        (readings.cgroup.file, readings.cgroup.anon) = (Some(950), Some(400));
        readings.cgroup.charged = Some(380);
        let usage = read(&readings, group(1000));
        assert_eq!((usage.low_bytes, usage.high_bytes), (Some(380), Some(380)));
    }

    #[test]
    fn between_two_readings_of_the_group_its_usage_moves_with_the_process() {
        let (mut gauge, mut readings) = (Gauge::new(), readings());
        assert_eq!(gauge.read(&readings, group(1000)).low_bytes, Some(300));
        readings.process.anon = Some(160);
        assert_eq!(gauge.read(&readings, group(1000)).low_bytes, Some(360));
        readings.process.anon = Some(40);
        readings.cgroup.charged = Some(880);
        assert_eq!(gauge.read(&readings, group(1000)).low_bytes, Some(240));
        readings.cgroup.anon = Some(241);
        assert_eq!(gauge.read(&readings, group(1000)).low_bytes, Some(241), "read anew");
    }

    #[test]
    fn between_two_ticks_all_moves_with_the_live_bytes() {
        let mut readings = readings();
        readings.counts = Some(Counts { alloc_bytes_total: 80, ..Counts::default() });
        let usage = read(&readings, group(600));
        let later = usage.moved_to(140);
        assert_eq!((later.low_bytes, later.high_bytes), (Some(360), Some(960)));
        assert_eq!((later.pressure_bytes, later.proximity_percent), (Some(360), Some(60.0)));
        assert_eq!(later.moved_to(80), usage, "there and back");
        assert_eq!(usage.moved_to(0).low_bytes, Some(220));
        let uncounted = Usage { live_bytes: None, ..usage };
        assert_eq!(uncounted.moved_to(140), uncounted);
    }

    #[test]
    fn address_space_is_what_the_limit_on_it_counts() {
        let mut readings = readings();
        let of =
            |readings: &Readings, basis| read(readings, Against { basis, limit: Some(10_000) });
        readings.jemalloc.retained = Some(100);
        (readings.jemalloc.dirty, readings.jemalloc.muzzy) = (Some(40), Some(2));
        let space = of(&readings, Basis::AddressSpace);
        assert_eq!((space.low_bytes, space.high_bytes), (Some(9000), Some(9000)));
        assert_eq!(space.pressure_bytes, Some(9000 - 142), "mapped, and used before more is");
        assert_eq!(of(&readings, Basis::Data).pressure_bytes, Some(700 - 142));
    }

    #[test]
    fn unused_pages_are_no_pressure_as_far_as_purges_give_them_back() {
        let (mut gauge, mut readings) = (Gauge::new(), readings());
        readings.jemalloc.dirty = Some(30);
        assert_eq!(gauge.read(&readings, PROCESS).pressure_bytes, Some(82));
        readings.jemalloc.active = Some(95);
        let usage = gauge.read(&readings, PROCESS);
        assert_eq!(usage.pressure_bytes, Some(102), "dirty pages that were never resident");
        readings.jemalloc.active = Some(0);
        gauge.set_purge_yield(0.25);
        assert_eq!(gauge.read(&readings, PROCESS).purgeable_bytes, 7);
        gauge.set_purge_yield(7.0);
        assert!(gauge.purge_yield <= 1.0);
    }

    #[test]
    fn free_slots_that_are_wanted_are_no_pressure_until_the_limit_is_near() {
        let (mut gauge, start) = (Gauge::new(), Instant::now());
        let slots = |taken_total| {
            let mut slots = Slots::default();
            slots.0[3] = SlotClass { size: 10, free: 4, taken_total };
            slots
        };
        gauge.slots(&slots(0), start);
        gauge.slots(&slots(100), start + Duration::from_secs(1));
        let usage = gauge.read(&readings(), group(1000));
        assert_eq!((usage.reusable_bytes, usage.pressure_bytes), (40, Some(260)));
        let near = gauge.read(&readings(), group(315));
        assert_eq!((near.reusable_bytes, near.pressure_bytes), (0, Some(300)));
        let little = Gauge { reusable: 5000, ..gauge }.read(&readings(), group(1000));
        assert_eq!(little.pressure_bytes, Some(0), "never less than nothing");
    }
}
