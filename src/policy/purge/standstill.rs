//! When a purge that no longer moves is given up.

use std::time::{Duration, Instant};

/// No step takes so long: an arena of hundreds of GiB is emptied sooner.
const LONGEST: Duration = Duration::from_secs(60);

/// Since when a purge has not made a step, as seen now and then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standstill {
    steps: u64,
    since: Instant,
}

impl Standstill {
    pub(crate) fn new(now: Instant) -> Self {
        Standstill { steps: 0, since: now }
    }

    /// Whether a purge that has done so many `steps` has stood still for too long.
    pub(crate) fn is_too_long(&mut self, steps: u64, now: Instant) -> bool {
        if steps != self.steps {
            *self = Standstill { steps, since: now };
        }
        now >= self.deadline()
    }

    /// When it will be.
    pub(crate) fn deadline(&self) -> Instant {
        self.since + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_a_minute() {
        let start = Instant::now();
        let mut standstill = Standstill::new(start);
        let mut is_too_long =
            |steps, second| standstill.is_too_long(steps, start + Duration::from_secs(second));
        assert!(!is_too_long(0, 59));
        assert!(!is_too_long(1, 59), "one is done");
        assert!(!is_too_long(1, 118));
        assert!(is_too_long(1, 119));
        assert!(!is_too_long(2, 4000), "it moves, however late that is seen");
    }
}
