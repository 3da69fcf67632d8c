//! How long a cache that panicked or hung is left alone.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// Left alone until a moment; the next time for twice as long, up to an hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quarantine {
    until: Instant,
    length: Duration,
}

impl Quarantine {
    /// A minute, or twice the `last`.
    pub(crate) fn after(last: Option<Quarantine>, now: Instant) -> Self {
        let length = last.map_or(FIRST, |last| (last.length * 2).min(LONGEST));
        Quarantine { until: now + length, length }
    }

    pub(crate) fn holds(&self, now: Instant) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarantine_doubles_up_to_an_hour() {
        let (mut last, start) = (None, Instant::now());
        for length in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            let quarantine = Quarantine::after(last, start);
            assert!(quarantine.holds(start + Duration::from_secs(length - 1)));
            assert!(!quarantine.holds(start + Duration::from_secs(length)));
            last = Some(quarantine);
        }
    }
}
