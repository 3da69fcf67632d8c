//! Floors: the lowest figure of each epoch, when what comes and goes has gone.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A figure at its lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    pub(crate) bytes: u64,
    /// Live objects at that moment; `None` where they are not counted.
    pub(crate) objects: Option<u64>,
}

/// By how much a figure changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) bytes: i64,
    /// `None` where one of the two is unknown.
    pub(super) objects: Option<i64>,
    /// Epochs that it took.
    pub(super) epochs: u32,
}

impl Change {
    /// From a floor to that of so many epochs later.
    pub(super) fn between(before: Floor, after: Floor, epochs: u32) -> Self {
        let objects = before.objects.zip(after.objects);
        let objects = objects.map(|(before, after)| difference(before, after));
        Change { bytes: difference(before.bytes, after.bytes), objects, epochs }
    }

    /// Bytes an epoch.
    pub(super) fn rate(self) -> f64 {
        self.bytes as f64 / f64::from(self.epochs.max(1))
    }

    pub(super) fn and(self, next: Change) -> Self {
        let objects = self.objects.zip(next.objects);
        Change {
            bytes: self.bytes.saturating_add(next.bytes),
            objects: objects.map(|(these, those)| these.saturating_add(those)),
            epochs: self.epochs.saturating_add(next.epochs),
        }
    }
}

fn difference(before: u64, after: u64) -> i64 {
    after.cast_signed().saturating_sub(before.cast_signed())
}

/// Epochs of one length, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epochs {
    length: Duration,
    start: Duration,
    floor: Option<Floor>,
    /// Epochs without a floor since the last that had one.
    missed: u32,
}

impl Epochs {
    pub(super) fn new(length: Duration, start: Duration) -> Self {
        Epochs { length, start, floor: None, missed: 0 }
    }

    /// Takes in a figure, `None` while it is unknown, and gives the floor of the epoch that has ended by then, with how many
    /// epochs later that is than the floor before it.
    ///
    /// An epoch in which nothing was known has no floor: the next is compared with the one before it.
    pub(super) fn observe(&mut self, at: Duration, figure: Option<Floor>) -> Option<(Floor, u32)> {
        let into = at.checked_sub(self.start)?;
        let ended = if into >= self.length { self.end(into) } else { None };
        let lower = |floor: &Floor| figure.is_none_or(|figure| floor.bytes <= figure.bytes);
        self.floor = self.floor.filter(lower).or(figure);
        ended
    }

    /// The next begins where it would have begun if there had been ticks all the time.
    fn end(&mut self, into: Duration) -> Option<(Floor, u32)> {
        let length = self.length.as_nanos().max(1);
        let ended = into.as_nanos() / length;
        self.start += Duration::from_nanos_u128(ended * length);
        let later = u32::try_from(ended - 1).unwrap_or(u32::MAX);
        let floor = self.floor.take();
        let epochs = self.missed.saturating_add(1);
        self.missed = if floor.is_some() { later } else { epochs.saturating_add(later) };
        Some((floor?, epochs))
    }
}
