//! A tick for whoever asks, when the last one is too long ago.

use crate::monitor::Handle;
use std::time::Duration;

/// Has the monitor tick, when that is longer ago than a second, and waits a moment for it: what is as of the last tick
/// shall be as of now.
pub(super) async fn freshen(handle: &Handle) {
    let before = handle.ticks();
    if !handle.look_if_older(Duration::from_secs(1)) {
        return;
    }
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if handle.ticks() != before {
            return;
        }
    }
}
