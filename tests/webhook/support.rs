//! What the tests share: a monitor over live bytes with one rule, and waiting with an end.

use crate::receiver::{Receiver, Request};
use plimsoll::{AlertRule, AlertWhen::Above, Budget, Builder, Meter, Monitor};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const BUDGET: u64 = 256 << 20;

/// Live bytes are the process's: one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fires above half of the budget, and is resolved at once below it.
pub(crate) fn half() -> AlertRule {
    let rule = AlertRule::metric("usage_percent", Above(50.0)).named("Half").keep_secs(0);
    rule.summary("{value} % are used")
}

pub(crate) fn builder(url: impl Into<String>) -> Builder {
    Monitor::builder()
        .budget(Budget::Bytes(BUDGET))
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(5))
        .without_default_alerts()
        .alert(half())
        .webhook(url)
}

/// More than half of the budget, and less than any threshold.
pub(crate) fn ballast() -> Vec<u8> {
    vec![0; usize::try_from(BUDGET * 6 / 10).unwrap()]
}

/// Waits until `met` gives something; a test that waits for ever is reported as such.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut met: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < give_up, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the receiver's `count`-th request and gives it.
#[track_caller]
pub(crate) fn request(receiver: &Receiver, count: usize) -> Request {
    eventually("a request", || receiver.requests().get(count - 1).cloned())
}

/// The statuses of the alerts of a message.
pub(crate) fn statuses(message: &Value) -> Vec<&str> {
    let alerts = message["alerts"].as_array().unwrap();
    alerts.iter().map(|alert| alert["status"].as_str().unwrap()).collect()
}

/// The messages of all errors so far.
pub(crate) fn errors(monitor: &Monitor) -> Vec<String> {
    let error = |event: plimsoll::Event| match event.kind {
        plimsoll::EventKind::Error { error_message, .. } => Some(error_message),
        _ => None,
    };
    monitor.events().into_iter().filter_map(error).collect()
}
