//! The alarm: allocations wake the monitor when the usage may have reached the next threshold, long before its interval.

use crate::counters::WakeLine;
use crate::policy::threshold::{Threshold, Thresholds};
use std::time::{Duration, Instant};

/// Ticks that an alarm calls for come no closer than this: a tick costs about a tenth of it.
const CLOSEST: Duration = Duration::from_millis(1);

/// Beyond this an alarm is forgotten, and the interval is all there is.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// When the monitor is to be woken by allocations, and when it is to look again since it was.
#[derive(Debug)]
pub(super) struct Alarm {
    /// `None` when too many monitors have one: then the interval is all there is.
    line: Option<WakeLine>,
    /// Live bytes when the tick under way began: what grows while it reads is growth beyond what it reads.
    start: i64,
    pace: Pace,
}

impl Alarm {
    /// Wakes the calling thread, until it is dropped.
    pub(super) fn claim() -> Self {
        Alarm { line: WakeLine::claim(), start: 0, pace: Pace::default() }
    }

    /// Whether the sleep is over.
    pub(super) fn has_rung(&self) -> bool {
        self.line.as_ref().is_some_and(WakeLine::has_rung)
    }

    /// Whether a tick is called for now. Asked before each: what is armed after it counts from here.
    pub(super) fn calls(&mut self, now: Instant) -> bool {
        self.start = WakeLine::live_bytes();
        if self.line.as_ref().is_some_and(WakeLine::take_ring) {
            self.pace.rang(now);
        }
        self.pace.is_due(now)
    }

    /// When to ask again, if that is before `deadline`.
    pub(super) fn deadline(&self, deadline: Instant) -> Instant {
        self.pace.next.map_or(deadline, |next| next.min(deadline))
    }

    /// To be called when `distance_bytes` more are used; `None`: no more.
    ///
    /// Set at three quarters of it, since live bytes understate: jemalloc rounds up by as much as a quarter. Where they
    /// do not, the next line is at three quarters of the rest, and six or so later nothing of it is left.
    pub(super) fn arm(&self, distance_bytes: Option<u64>) {
        let Some(line) = &self.line else { return };
        match distance_bytes {
            Some(distance) => line.arm(self.start, distance - distance / 4),
            None => line.disarm(),
        }
    }
}

/// How far `usage` is from the next threshold above it; `None` when it is above them all.
pub(super) fn distance(usage: u64, thresholds: &Thresholds, budget: u64) -> Option<u64> {
    let lines = Threshold::ALL.map(|threshold| thresholds.bytes(threshold, budget));
    lines.into_iter().find(|line| *line > usage).map(|line| line - usage)
}

/// When ticks are due after an alarm: at once, and then at pauses that double.
///
/// Memory counts as used when it is touched, which may be long after it was allocated, and then nobody rings.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    next: Option<Instant>,
    pause: Duration,
}

impl Pace {
    fn rang(&mut self, now: Instant) {
        self.next = Some(self.last.map_or(now, |last| now.max(last + CLOSEST)));
        self.pause = CLOSEST;
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next.is_some_and(|next| now >= next);
        if due {
            self.last = Some(now);
            self.pause *= 2;
            self.next = (self.pause <= LONGEST_PAUSE).then(|| now + self.pause);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_to_the_next_threshold_above() {
        let distance = |usage| distance(usage, &Thresholds::default(), 1000);
        let distances = [0, 799, 800, 929, 930, 979, 980, 2000].map(distance);
        let expected = [Some(800), Some(1), Some(130), Some(1), Some(50), Some(1), None, None];
        assert_eq!(distances, expected);
    }

    /// The milliseconds at which ticks are due when alarms come at `alarms`, looked at every millisecond.
    fn due(alarms: &[u64], until: u64) -> Vec<u64> {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let looked = |millis: &u64| {
            let now = start + Duration::from_millis(*millis);
            if alarms.contains(millis) {
                pace.rang(now);
            }
            pace.is_due(now)
        };
        (0..until).filter(looked).collect()
    }

    #[test]
    fn without_an_alarm_nothing_is_due() {
        assert!(due(&[], 100).is_empty());
    }

    #[test]
    fn an_alarm_is_due_at_once_and_then_at_pauses_that_double() {
        assert_eq!(due(&[10], 100), [10, 12, 16, 24, 40, 72]);
    }

    #[test]
    fn alarms_are_due_a_millisecond_apart_at_the_closest() {
        assert_eq!(due(&[0, 1, 2, 3], 6), [0, 1, 2, 3, 5]);
        let (now, mut pace) = (Instant::now(), Pace::default());
        pace.rang(now);
        assert!(pace.is_due(now));
        pace.rang(now + CLOSEST / 2);
        assert_eq!((pace.is_due(now + CLOSEST / 2), pace.next), (false, Some(now + CLOSEST)));
    }

    #[test]
    fn an_alarm_is_forgotten_in_the_end() {
        // 2 + 4 + ... + 8192 ms after it.
        assert_eq!(due(&[0], 60_000).last(), Some(&16_382));
    }
}
