//! Figures for others' collectors: OpenTelemetry on a caller's meter and by a push, and the `metrics` facade.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

mod collector;
mod facade;
mod names;
mod otel;
mod push;

use plimsoll::{Budget, Builder, Meter, Monitor};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One recorder and one heap: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ticks once and then not for a day, so that figures stay what they are.
fn builder() -> Builder {
    let day = Duration::from_secs(24 * 3600);
    Monitor::builder().budget(Budget::Bytes(256 << 20)).meter(Meter::LiveBytes).interval(day)
}

/// Waits until `met` gives something; a test that waits for ever is reported as such.
#[track_caller]
fn eventually<T>(what: &str, mut met: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < give_up, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
