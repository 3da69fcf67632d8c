//! The reserve between the limit and the budget: what the limit counts and the meter does not see.
//!
//! It starts as a guess and is learned from what is really held there: kernel memory, mapped code, other processes.
//! Page cache and reclaimable slabs are given up before anybody is killed, and need no reserve.

use crate::metric::Values;
use crate::policy::budget::Basis;
use crate::policy::usage::Meter;
use crate::source::Cgroup;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// Looks that are remembered: ten minutes, when there is one every five seconds.
const LOOKS: usize = 120;

/// Enough of them to raise the reserve by; it takes all of them to lower it.
const ENOUGH: usize = 24;

/// Time between two looks.
const BETWEEN: Duration = Duration::from_secs(5);

/// What is left between a limit and the budget. Fixed size, about a kilobyte.
#[derive(Clone, Debug)]
pub(crate) struct Reserve {
    limit: u64,
    bytes: u64,
    /// What was found, once it has been learned.
    learned: Option<u64>,
    looks: [u64; LOOKS],
    /// Looks since the reserve changed last.
    taken: usize,
    last_look: Option<Instant>,
}

impl Reserve {
    /// The guess for a limit.
    pub(crate) fn of(limit: u64) -> Self {
        let bytes = guess(limit);
        Reserve { limit, bytes, learned: None, looks: [0; LOOKS], taken: 0, last_look: None }
    }

    /// What is held back now.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What 95 of 100 looks found at most, when the reserve follows from it.
    pub(crate) fn learned(&self) -> Option<u64> {
        self.learned
    }

    /// Whether it is time for another look.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.last_look.is_none_or(|last| now.saturating_duration_since(last) >= BETWEEN)
    }

    /// Takes in one look at what the limit counts and the meter does not see; says whether the reserve changed.
    ///
    /// It follows the 95th percentile, from a quarter of the guess to a quarter of the limit, and only when that is
    /// well off and was seen often enough: a budget that moves all the time is none. An unknown figure teaches nothing.
    pub(crate) fn look(&mut self, unseen: Option<u64>, now: Instant) -> bool {
        self.last_look = Some(now);
        let Some(unseen) = unseen else { return false };
        if let Some(place) = self.looks.get_mut(self.taken % LOOKS) {
            *place = unseen;
        }
        self.taken += 1;
        let found = self.usual();
        let wanted = found.clamp(guess(self.limit) / 4, self.limit / 4);
        let changes = self.is_well_off(wanted);
        if changes {
            (self.bytes, self.learned, self.taken) = (wanted, Some(found), 0);
        }
        changes
    }

    fn is_well_off(&self, wanted: u64) -> bool {
        let needed = if wanted > self.bytes { ENOUGH } else { LOOKS };
        let band = (self.bytes / 4).max(self.limit / 100);
        self.taken >= needed && wanted.abs_diff(self.bytes) >= band.max(1)
    }

    /// The 95th percentile of the looks.
    fn usual(&self) -> u64 {
        let mut looks = self.looks;
        let known = looks.get_mut(..self.taken.min(LOOKS)).unwrap_or_default();
        let place = (known.len() * 95).div_ceil(100).saturating_sub(1);
        if known.is_empty() { 0 } else { *known.select_nth_unstable(place).1 }
    }
}

/// For the kernel's own charges and for what grows between two ticks, before anything is known.
fn guess(limit: u64) -> u64 {
    (limit / 10).clamp(64 * MIB, 512 * MIB).min(limit / 4)
}

/// What counts against the limit without being seen by the meter, and is not given up under pressure.
///
/// `None` where that is unknown, and for limits of the process's own, of which nobody else takes.
pub(crate) fn unseen(
    basis: Basis,
    meter: Meter,
    values: &Values,
    cgroup: &Cgroup,
    machine_in_use: Option<u64>,
) -> Option<u64> {
    let (held, seen) = match basis {
        Basis::Group => (held_by_group(cgroup)?, seen_of_group(cgroup)?),
        Basis::Process => (machine_in_use?, seen_of_process(values)?),
        Basis::AddressSpace | Basis::Data => return None,
    };
    let seen = if meter == Meter::Pressure { seen } else { values.usage_bytes()? };
    Some(held.saturating_sub(seen))
}

/// The charge less what the kernel drops first: page cache that nobody has mapped, and reclaimable slabs.
fn held_by_group(cgroup: &Cgroup) -> Option<u64> {
    let shmem = cgroup.shmem.unwrap_or(0);
    let kept = shmem.max(cgroup.file_mapped.unwrap_or(0));
    let dropped = cgroup.file?.saturating_sub(kept) + cgroup.slab_reclaimable.unwrap_or(0);
    Some(cgroup.charged?.saturating_sub(dropped))
}

/// What the pressure meter reads of a group.
fn seen_of_group(cgroup: &Cgroup) -> Option<u64> {
    let kernel = cgroup.kernel.unwrap_or(0).saturating_sub(cgroup.slab_reclaimable.unwrap_or(0));
    let rest = cgroup.shmem.unwrap_or(0) + cgroup.sock.unwrap_or(0);
    Some(cgroup.anon? + rest + kernel)
}

/// And of a process, as far as it is resident.
fn seen_of_process(values: &Values) -> Option<u64> {
    let parts = values.process_anon_bytes().zip(values.process_shmem_bytes());
    parts.map(|(anon, shmem)| anon + shmem).or(values.process_rss_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;

    const GIB: u64 = 1 << 30;

    /// Looks at `unseen` every five seconds; how many looks until the reserve changed.
    fn looks_until_change(
        reserve: &mut Reserve,
        clock: &mut Instant,
        unseen: u64,
    ) -> Option<usize> {
        (1..=500).find(|_| {
            *clock += BETWEEN;
            assert!(reserve.is_due(*clock));
            reserve.look(Some(unseen), *clock)
        })
    }

    #[test]
    fn it_starts_as_a_tenth_within_bounds() {
        for (limit, expected) in [
            (100 * GIB, 512 * MIB),
            (GIB, GIB / 10),
            (512 * MIB, 64 * MIB),
            (128 * MIB, 32 * MIB),
            (0, 0),
        ] {
            assert_eq!(Reserve::of(limit).bytes(), expected, "of {limit}");
        }
    }

    #[test]
    fn it_is_raised_after_two_minutes_and_lowered_after_ten() {
        let (mut reserve, mut clock) = (Reserve::of(GIB), Instant::now());
        assert_eq!(looks_until_change(&mut reserve, &mut clock, 200 * MIB), Some(ENOUGH));
        assert_eq!((reserve.bytes(), reserve.learned()), (200 * MIB, Some(200 * MIB)));
        assert_eq!(looks_until_change(&mut reserve, &mut clock, 50 * MIB), Some(LOOKS));
        assert_eq!(reserve.bytes(), 50 * MIB);
    }

    #[test]
    fn it_stays_within_a_quarter_of_the_guess_and_a_quarter_of_the_limit() {
        let (mut reserve, mut clock) = (Reserve::of(GIB), Instant::now());
        looks_until_change(&mut reserve, &mut clock, 0);
        assert_eq!((reserve.bytes(), reserve.learned()), (GIB / 40, Some(0)));
        looks_until_change(&mut reserve, &mut clock, u64::MAX);
        assert_eq!(reserve.bytes(), GIB / 4);
    }

    #[test]
    fn noise_and_what_is_rare_change_nothing() {
        let (mut reserve, mut clock) = (Reserve::of(GIB), Instant::now());
        let near = GIB / 10 + GIB / 10 / 5;
        assert_eq!(looks_until_change(&mut reserve, &mut clock, near), None, "within a quarter");
        for look in 0..2000 {
            clock += BETWEEN;
            let unseen = if look % 25 == 0 { GIB } else { GIB / 10 };
            assert!(!reserve.look(Some(unseen), clock), "four of a hundred are above");
        }
        assert!(!reserve.is_due(clock + BETWEEN / 2));
    }

    #[test]
    fn page_cache_needs_no_reserve_and_the_kernels_memory_does() {
        let cgroup = Cgroup {
            charged: Some(1000),
            anon: Some(300),
            file: Some(500),
            shmem: Some(50),
            file_mapped: Some(120),
            kernel: Some(150),
            slab_reclaimable: Some(40),
            sock: Some(10),
            ..Cgroup::default()
        };
        let unseen =
            |cgroup| unseen(Basis::Group, Meter::Pressure, &Values::unknown(), &cgroup, None);
        // 1000 less 380 of unmapped cache and 40 of slabs is held, of which the meter sees 300 + 50 + 10 + 110.
        assert_eq!(unseen(cgroup), Some(580 - 470));
        let v1 = Cgroup { kernel: None, sock: None, slab_reclaimable: None, ..cgroup };
        assert_eq!(unseen(v1), Some(620 - 350), "v1 says nothing of the kernel's memory");
        assert_eq!(unseen(Cgroup { charged: None, ..cgroup }), None);
    }

    #[test]
    fn of_the_machines_memory_others_need_their_part() {
        let mut values = Values::unknown();
        let unseen = |values: &Values, meter| {
            unseen(Basis::Process, meter, values, &Cgroup::default(), Some(1000))
        };
        assert_eq!(unseen(&values, Meter::Pressure), None);
        values.set(Field::Anon, Some(200));
        values.set(Field::Shmem, Some(10));
        values.set(Field::Usage, Some(77));
        assert_eq!(unseen(&values, Meter::Pressure), Some(790));
        assert_eq!(unseen(&values, Meter::LiveBytes), Some(923));
        let own = super::unseen(
            Basis::AddressSpace,
            Meter::Pressure,
            &values,
            &Cgroup::default(),
            Some(1000),
        );
        assert_eq!(own, None);
    }
}
