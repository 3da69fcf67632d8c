//! A tick for whoever asks, when the last one is too long ago; and the health, when it is one's turn.

use crate::error::Error;
use crate::export::report::HealthReport;
use crate::monitor::Handle;
use std::time::{Duration, Instant};

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

/// The health, after those who asked before: that two ask at a time is no finding. Checks that have not returned for two
/// seconds are.
pub(super) async fn health(handle: &Handle) -> Result<HealthReport, Error> {
    freshen(handle).await;
    for _ in 0..400 {
        if let Some(report) = handle.health_check_in_turn().await? {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    handle.health_check_async().await
}

/// Less than the five seconds within which a question over HTTP is answered.
const LOOKING: Duration = Duration::from_millis(3500);

/// Waits for what the heap profile says has grown, for at most 3.5 seconds: the program's names are read for it.
pub(super) async fn look_closely(handle: &Handle) {
    if !handle.look_closely() {
        return;
    }
    let end = Instant::now() + LOOKING;
    while !handle.has_looked() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
