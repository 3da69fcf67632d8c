//! When to say again that an emergency lasts: bounded, however long it does.

use crate::level::Level;
use std::time::{Duration, Instant};

/// The first time that it is said again, and never sooner after the last.
const FIRST: Duration = Duration::from_secs(10);

/// Each time waits twice as long as the one before, up to this: some fifteen times an hour.
const LONGEST: Duration = Duration::from_secs(300);

/// An emergency that lasts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Notices {
    lasting: Option<Lasting>,
}

#[derive(Clone, Copy, Debug)]
struct Lasting {
    since: Instant,
    said: Instant,
    pause: Duration,
}

impl Notices {
    /// How long the emergency has lasted, when that should be said. Its beginning is news by itself.
    pub(crate) fn observe(&mut self, level: Level, now: Instant) -> Option<Duration> {
        if level != Level::Critical {
            self.lasting = None;
            return None;
        }
        let begun = Lasting { since: now, said: now, pause: FIRST };
        let lasting = self.lasting.get_or_insert(begun);
        if now.saturating_duration_since(lasting.said) < lasting.pause {
            return None;
        }
        lasting.said = now;
        lasting.pause = lasting.pause.saturating_mul(2).min(LONGEST);
        Some(now.saturating_duration_since(lasting.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_emergency_is_said_a_few_times() {
        let (mut notices, start) = (Notices::default(), Instant::now());
        let mut said = Vec::new();
        for tick in 0..36_000u64 {
            let now = start + Duration::from_millis(tick * 100);
            said.extend(notices.observe(Level::Critical, now).map(|lasted| lasted.as_secs()));
        }
        assert_eq!(said[..6], [10, 30, 70, 150, 310, 610]);
        assert_eq!(said.len(), 15);
    }

    #[test]
    fn only_an_emergency_lasts_and_each_begins_anew() {
        let (mut notices, start) = (Notices::default(), Instant::now());
        let mut at = |second, level| notices.observe(level, start + Duration::from_secs(second));
        assert_eq!(at(0, Level::Warning), None);
        assert_eq!(at(500, Level::Warning), None);
        assert_eq!(at(501, Level::Critical), None);
        assert_eq!(at(511, Level::Critical), Some(Duration::from_secs(10)));
        assert_eq!(at(512, Level::Warning), None);
        assert_eq!(at(540, Level::Critical), None);
        assert_eq!(at(549, Level::Critical), None);
        assert_eq!(at(550, Level::Critical), Some(Duration::from_secs(10)));
    }
}
