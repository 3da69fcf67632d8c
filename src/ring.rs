//! The last N snapshots, in memory that is taken once.

use crate::snapshot::Snapshot;

/// A fixed number of snapshots; a new one takes the place of the oldest. Costs 336 bytes each.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Vec<Snapshot>,
    capacity: usize,
    /// Where the next snapshot goes once the ring is full: the place of the oldest.
    oldest: usize,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        Ring { slots: Vec::with_capacity(capacity), capacity, oldest: 0 }
    }

    /// Keeps `snapshot`; allocates nothing.
    pub(crate) fn push(&mut self, snapshot: Snapshot) {
        if self.slots.len() < self.capacity {
            self.slots.push(snapshot);
        } else if let Some(slot) = self.slots.get_mut(self.oldest) {
            *slot = snapshot;
            self.oldest = (self.oldest + 1) % self.capacity;
        }
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Snapshot> + Clone {
        let (newer, older) = self.slots.split_at(self.oldest.min(self.slots.len()));
        older.iter().chain(newer)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::time::Duration;

    fn at(second: u64) -> Snapshot {
        Snapshot::new(Moment::now(), Duration::from_secs(second), &Readings::default())
    }

    fn seconds(ring: &Ring) -> Vec<u64> {
        ring.iter().map(|snapshot| snapshot.uptime().as_secs()).collect()
    }

    #[test]
    fn the_newest_push_out_the_oldest_in_order() {
        let mut ring = Ring::new(3);
        assert_eq!(ring.len(), 0);
        for second in 1..=8 {
            ring.push(at(second));
            let first = second.saturating_sub(2).max(1);
            assert_eq!(seconds(&ring), (first..=second).collect::<Vec<_>>());
        }
        assert_eq!((ring.len(), ring.capacity()), (3, 3));
    }

    #[test]
    fn a_day_of_snapshots_stays_under_a_megabyte() {
        assert!(2880 * size_of::<Snapshot>() < 1_000_000);
    }
}
