//! `State`: one alert's way: its cause begins, it fires, the cause goes, it is resolved.
//!
//! ```text
//! quiet --cause--> pending --lasted `hold`--> firing --gone for `keep`--> resolved, forgotten
//!                  pending --gone--> quiet
//! ```

use super::told::{Alert, Labels};
use crate::snapshot::Moment;
use std::time::{Duration, Instant};

/// One alert that may fire.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whether its cause is there.
    pub(super) cause: bool,
    /// Events in a row that would be one.
    pub(super) in_a_row: u32,
    /// Since when the cause has been there without a break.
    since: Option<Instant>,
    /// When it was last there.
    last: Option<Instant>,
    pub(super) firing: Option<Alert>,
}

impl State {
    /// The cause is there, if only for this moment.
    pub(super) fn note(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.last = Some(now);
    }

    /// What comes of it at `at`: an alert that begins to fire, made by `begin`, or one that is resolved.
    pub(super) fn advance(
        &mut self,
        at: Moment,
        (hold, keep): (Duration, Duration),
        begin: impl FnOnce() -> (Labels, Labels),
    ) -> Option<Alert> {
        if self.cause {
            self.note(at.instant);
        }
        let since = self.since?;
        if self.firing.is_none() && at.instant.saturating_duration_since(since) >= hold {
            let (labels, annotations) = begin();
            let starts_micros = at.wall_micros;
            let alert = Alert { labels, annotations, starts_micros, ends_micros: None };
            self.firing = Some(alert.clone());
            return Some(alert);
        }
        if self.cause {
            return None;
        }
        if self.firing.is_none() {
            self.since = None;
            return None;
        }
        self.resolve_if_gone(at, keep)
    }

    fn resolve_if_gone(&mut self, at: Moment, keep: Duration) -> Option<Alert> {
        let gone = at.instant.saturating_duration_since(self.last?);
        if gone < keep {
            return None;
        }
        self.resolve(at)
    }

    /// Resolves it whatever its cause.
    pub(super) fn resolve(&mut self, at: Moment) -> Option<Alert> {
        let alert = self.firing.take()?;
        *self = State::default();
        Some(Alert { ends_micros: Some(at.wall_micros.max(alert.starts_micros)), ..alert })
    }

    /// When something comes of it by time alone; never where that is beyond all clocks.
    pub(super) fn next(&self, hold: Duration, keep: Duration) -> Option<Instant> {
        match (&self.firing, self.cause) {
            (None, _) => self.since.and_then(|since| since.checked_add(hold)),
            (Some(_), true) => None,
            (Some(_), false) => self.last.and_then(|last| last.checked_add(keep)),
        }
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_quiet(&self) -> bool {
        self.firing.is_none() && self.since.is_none() && !self.cause && self.in_a_row == 0
    }
}
