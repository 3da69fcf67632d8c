//! A log subscriber runs on whatever thread speaks, the monitor's among them: whatever it asks of plimsoll, nothing may
//! wait for itself.
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "common/installed.rs"]
mod installed;

use plimsoll::{Budget, Monitor};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Asks everything, and stops the monitor when it hears of an eviction.
struct Nosy;

impl<S: tracing::Subscriber> Layer<S> for Nosy {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != plimsoll::LOG_TARGET {
            return;
        }
        HEARD.fetch_add(1, Ordering::SeqCst);
        let _ = plimsoll::metrics();
        let _ = plimsoll::health_check();
        let Some(monitor) = plimsoll::monitor() else { return };
        monitor.snapshot();
        monitor.events();
        if monitor.eviction_statistics().total_evictions > 0 {
            // On the monitor's own thread: an error and no wait, a stop and no join.
            let evicted = monitor.evict(1);
            assert!(evicted.is_err() || !monitor.is_running());
            let _ = plimsoll::stop_monitoring();
        }
    }
}

fn wait_until(what: &str, met: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if met() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never happened: {what}");
}

#[test]
fn a_subscriber_may_ask_evict_and_stop() {
    tracing_subscriber::registry().with(Nosy).init();
    let builder =
        || Monitor::builder().budget(Budget::Bytes(256 << 20)).interval(Duration::from_millis(2));
    let monitor = plimsoll::start_monitoring_with(builder()).unwrap();
    monitor.register("empty", |_: u64| 0).unwrap();
    // Freed nothing, or stopped by the subscriber just then: answered in any case.
    let _ = monitor.evict(1 << 20);
    wait_until("the subscriber stops the monitor", || !monitor.is_running());
    assert!(HEARD.load(Ordering::SeqCst) >= 3);
    let again = plimsoll::start_monitoring_with(builder()).unwrap();
    assert!(again.is_running());
    plimsoll::stop_monitoring().unwrap();
}
