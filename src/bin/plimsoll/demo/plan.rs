//! `Plan`: how much of what by when, so that all of it fits into the time there is.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// What the demo may use.
pub(super) const BUDGET: u64 = 192 * MIB;
/// What is leaked by the end: with the program itself the budget is nearly used up by then.
const LEAKED: f64 = 0.90;
/// What the cache holds from early on, until it is asked for it. With it the first threshold is crossed past half time.
const CACHED: f64 = 0.25;
/// By then it is full: what grows afterwards is the leak.
const FULL: f64 = 0.15;

/// What is done in the time there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) lasts: Duration,
    /// Between two snapshots.
    pub(super) interval: Duration,
    /// Of which a leak takes eight.
    pub(super) leak_window: Duration,
}

impl Plan {
    pub(super) fn of(lasts: Duration) -> Self {
        let leak_window = (lasts / 30).max(Duration::from_secs(1));
        Plan { lasts, interval: leak_window / 10, leak_window }
    }

    fn share(&self, elapsed: Duration) -> f64 {
        (elapsed.as_secs_f64() / self.lasts.as_secs_f64()).min(1.0)
    }

    /// What is to be leaked by then, in bytes: steadily.
    pub(super) fn leaked(&self, elapsed: Duration) -> u64 {
        (BUDGET as f64 * LEAKED * self.share(elapsed)) as u64
    }

    /// What is to be cached by then, in bytes, if nobody asked for it back.
    pub(super) fn cached(&self, elapsed: Duration) -> u64 {
        (BUDGET as f64 * CACHED * (self.share(elapsed) / FULL).min(1.0)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_fits_into_the_time_there_is() {
        for seconds in [15, 45, 600] {
            let plan = Plan::of(Duration::from_secs(seconds));
            // Eight rises, and as many floors before the last of them, and half again for two profiles to agree.
            assert!(plan.leak_window * 12 <= plan.lasts, "{seconds} s");
            assert!(plan.interval * 8 <= plan.leak_window, "{seconds} s");
            assert!(plan.leaked(plan.lasts) < BUDGET, "{seconds} s");
            assert_eq!(plan.leaked(plan.lasts * 2), plan.leaked(plan.lasts));
        }
    }
}
