//! How others wake the monitor's thread: a word of reasons and an unpark.
//!
//! An allocation that does so rings a bell instead (`counters/bell.rs`), which outlives the monitor.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;
use std::time::Instant;

/// Wakes one thread, which calls [`Wake::attend`] first.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    sleeper: OnceLock<Thread>,
    pending: AtomicBool,
}

impl Wake {
    /// Names the calling thread as the one that sleeps here.
    pub(crate) fn attend(&self) {
        // A second call would be a second monitor thread; there is none.
        let _ = self.sleeper.set(std::thread::current());
        // With the one in `notify`: either the notifier sees the sleeper, or the sleeper sees the notification.
        fence(Ordering::SeqCst);
    }

    /// Wakes the sleeper, or keeps it from falling asleep.
    ///
    /// Release, paired with the acquire in `sleep_until`: what was written before is seen by the woken thread.
    pub(crate) fn notify(&self) {
        self.pending.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Whether the calling thread is the one that sleeps here.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.sleeper.get().is_some_and(|sleeper| sleeper.id() == std::thread::current().id())
    }

    /// Sleeps until `deadline`, until somebody notifies, or until it is unparked by somebody who made `rang` true.
    pub(crate) fn sleep_until(&self, deadline: Instant, rang: impl Fn() -> bool) {
        while !self.pending.swap(false, Ordering::Acquire) && !rang() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_notification_before_the_sleep_is_not_lost() {
        let wake = Wake::default();
        wake.attend();
        wake.notify();
        wake.sleep_until(Instant::now() + Duration::from_secs(3600), || false);
    }

    #[test]
    fn a_bell_that_has_rung_ends_the_sleep_and_leaves_the_notification() {
        let wake = Wake::default();
        wake.attend();
        wake.sleep_until(Instant::now() + Duration::from_secs(3600), || true);
        wake.notify();
        wake.sleep_until(Instant::now() + Duration::from_secs(3600), || false);
    }

    #[test]
    fn a_sleeper_is_woken_and_a_deadline_ends_the_sleep() {
        let wake = Arc::new(Wake::default());
        let sleeper = {
            let wake = wake.clone();
            std::thread::spawn(move || {
                wake.attend();
                wake.sleep_until(Instant::now() + Duration::from_secs(3600), || false);
                wake.sleep_until(Instant::now() + Duration::from_millis(1), || false);
            })
        };
        wake.notify();
        sleeper.join().expect("the sleeper wakes");
    }
}
