//! One of the two caches: values in the order they came, the oldest given away first.

use plimsoll::{Ask, Cache, ShrinkReport};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of one value.
pub(crate) const VALUE: usize = 16 << 10;

/// Values up to a bound that can be moved.
pub(crate) struct Store {
    values: Mutex<VecDeque<Vec<u8>>>,
    most: usize,
}

impl Store {
    /// An empty store of at most so many bytes.
    pub(crate) fn new(most_bytes: u64) -> Self {
        let most = usize::try_from(most_bytes / VALUE as u64).unwrap_or(usize::MAX);
        Store { values: Mutex::default(), most }
    }

    fn values(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one more value, in place of the oldest when it is full.
    pub(crate) fn put(&self) {
        let value = vec![1; VALUE];
        let mut values = self.values();
        if values.len() >= self.most {
            values.pop_front();
        }
        if self.most > 0 {
            values.push_back(value);
        }
    }
}

impl Cache for Store {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let mut values = self.values();
        let wanted = usize::try_from(ask.bytes).unwrap_or(usize::MAX).div_ceil(VALUE);
        let gone = wanted.min(values.len());
        drop(values.drain(..gone));
        ((gone * VALUE) as u64).into()
    }

    fn usage_bytes(&self) -> Option<u64> {
        Some((self.values().len() * VALUE) as u64)
    }
}
