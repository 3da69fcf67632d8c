//! A monitor's bell: woken when the approximate process total passes a line.

use super::BATCH;
use super::thread::process_total;
use crate::sync::current_thread;

/// Wakes the thread that claimed it, once, when the process's live bytes have grown past a line; until it is dropped.
///
/// Live bytes are those of the approximate process total: exact to within threads x [`BATCH`].
#[derive(Debug)]
pub(crate) struct WakeLine {
    bell: usize,
}

impl WakeLine {
    /// For the calling thread; `None` when as many are in use as there can be.
    pub(crate) fn claim() -> Option<Self> {
        let bell = process_total().belfry().claim(&current_thread())?;
        Some(WakeLine { bell })
    }

    /// Live bytes now, approximately.
    pub(crate) fn live_bytes() -> i64 {
        process_total().live()
    }

    /// Has the thread woken when live bytes have grown to `from + distance`; a batch above `from` at the nearest.
    pub(crate) fn arm(&self, from: i64, distance: u64) {
        let distance = i64::try_from(distance.max(BATCH)).unwrap_or(i64::MAX);
        process_total().arm(self.bell, from.saturating_add(distance));
    }

    /// Takes the line away.
    pub(crate) fn disarm(&self) {
        process_total().belfry().disarm(self.bell);
    }

    /// Whether the thread was to be woken since [`WakeLine::take_ring`] was last called.
    pub(crate) fn has_rung(&self) -> bool {
        process_total().belfry().bell(self.bell).is_some_and(|bell| bell.has_rung())
    }

    /// Whether the thread was to be woken since the last call.
    pub(crate) fn take_ring(&self) -> bool {
        process_total().belfry().bell(self.bell).is_some_and(|bell| bell.take_ring())
    }
}

impl Drop for WakeLine {
    fn drop(&mut self) {
        process_total().belfry().leave(self.bell);
    }
}
