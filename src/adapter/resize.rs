//! What caches whose capacity can be changed have in common: they shrink by a lower capacity, slice by slice.

use super::unit::Unit;
use crate::cache::{Ask, ShrinkReport};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A cache whose capacity can be changed, in its own units.
pub(super) trait Resize {
    /// Bytes it gives up under one hold of its locks; more is given up in several.
    const SLICE: u64;

    fn held(&self) -> u64;

    /// From now on holds at most so much, and evicts what is more at once; says whether it could.
    fn resize(&self, capacity: u64) -> bool;
}

/// A cache with the capacity it was made for and the one in force.
#[derive(Debug)]
pub(super) struct Resizing<C> {
    cache: C,
    unit: Unit,
    made_for: u64,
    /// Relaxed: read and set by one thread at a time.
    capacity: AtomicU64,
}

impl<C: Resize> Resizing<C> {
    pub(super) fn new(cache: C, made_for: u64, unit: Unit) -> Self {
        Resizing { cache, unit, made_for, capacity: AtomicU64::new(made_for) }
    }

    pub(super) fn usage_bytes(&self) -> u64 {
        self.unit.to_bytes(self.cache.held())
    }

    pub(super) fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        self.lower_to(self.capacity_for(ceiling), None)
    }

    /// Never above what it was made for.
    fn capacity_for(&self, ceiling: Option<u64>) -> u64 {
        ceiling.map_or(self.made_for, |bytes| within(self.unit, bytes).min(self.made_for))
    }

    /// With a ceiling, that is the capacity from now on; without one, the capacity is as before when it has shrunk.
    pub(super) fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let (before, capacity) = (self.cache.held(), self.capacity.load(Ordering::Relaxed));
        let wanted = before.saturating_sub(self.unit.to_reach(ask.bytes)).min(capacity);
        self.lower_to(wanted, Some(ask.deadline));
        match ask.ceiling {
            Some(_) => self.lower_to(self.capacity_for(ask.ceiling), Some(ask.deadline)),
            None => self.lower_to(capacity, None),
        };
        self.unit.to_bytes(before.saturating_sub(self.cache.held())).into()
    }

    /// Sets the capacity, and evicts on the way there slice by slice, as far as it gets by `deadline`.
    fn lower_to(&self, capacity: u64, deadline: Option<Instant>) -> bool {
        let slice = within(self.unit, C::SLICE).max(1);
        let steps = steps(self.cache.held(), capacity, slice);
        steps.take_while(|_| !is_over(deadline)).all(|step| {
            self.capacity.store(step, Ordering::Relaxed);
            self.cache.resize(step)
        })
    }
}

/// The most units that `bytes` hold.
fn within(unit: Unit, bytes: u64) -> u64 {
    bytes / unit.0
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// From `held` down to `capacity`, which comes last and always.
fn steps(held: u64, capacity: u64, slice: u64) -> impl Iterator<Item = u64> {
    let last = (capacity, None);
    let next = move |above: u64| match above.checked_sub(slice) {
        Some(step) if step > capacity => (step, Some(step)),
        _ => last,
    };
    std::iter::successors(Some(next(held)), move |(_, above)| above.map(next)).map(|(step, _)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;
    use std::time::Duration;

    #[test]
    fn a_capacity_is_lowered_in_slices_and_raised_at_once() {
        let all = |held, capacity| steps(held, capacity, 10).collect::<Vec<_>>();
        assert_eq!(all(45, 20), [35, 25, 20]);
        assert_eq!(all(40, 20), [30, 20]);
        assert_eq!(all(20, 20), [20]);
        assert_eq!(all(5, 20), [20]);
        assert_eq!(all(5, 0), [0]);
    }

    #[test]
    fn ceilings_are_rounded_down() {
        assert_eq!((within(Unit::entries_of(100), 299), within(Unit::BYTES, 299)), (2, 299));
    }

    /// Holds 100 MiB in entries of 1 MiB.
    struct Model(AtomicU64);

    impl Resize for Model {
        const SLICE: u64 = 8 << 20;

        fn held(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn resize(&self, capacity: u64) -> bool {
            self.0.fetch_min(capacity, Ordering::Relaxed);
            true
        }
    }

    fn model() -> Resizing<Model> {
        Resizing::new(Model(AtomicU64::new(100)), 200, Unit::entries_of(1 << 20))
    }

    fn ask(ceiling: Option<u64>, time: Duration) -> Ask {
        let (level, deadline) = (Level::Critical, Instant::now() + time);
        Ask { bytes: 30 << 20, ceiling, level, deadline }
    }

    #[test]
    fn an_ask_leaves_the_ceiling_it_names_or_the_one_there_was() {
        let capacity = |cache: &Resizing<Model>| cache.capacity.load(Ordering::Relaxed);
        let long = Duration::from_secs(60);
        let cache = model();
        assert_eq!(cache.shrink(&ask(None, long)).freed_bytes, 30 << 20);
        assert_eq!((cache.usage_bytes(), capacity(&cache)), (70 << 20, 200));
        cache.shrink(&ask(Some(60 << 20), long));
        assert_eq!((cache.usage_bytes(), capacity(&cache)), (40 << 20, 60));
        assert!(cache.set_ceiling(Some(u64::MAX)));
        assert_eq!(capacity(&cache), 200, "what it was made for");
    }

    #[test]
    fn after_the_deadline_nothing_more_is_given_up() {
        for ceiling in [None, Some(60 << 20)] {
            assert_eq!(model().shrink(&ask(ceiling, Duration::ZERO)).freed_bytes, 0);
        }
    }
}
