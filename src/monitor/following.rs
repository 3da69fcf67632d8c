//! What a surface with a thread of its own needs: to be woken by ticks and events, and to say what it could not do.

use super::Handle;
use super::shared::Shared;
use super::wake::Wake;
use crate::event::EventKind;
use crate::ledger::SourceLine;
use crate::snapshot::Moment;
use std::sync::Arc;
use std::time::Duration;

#[cfg_attr(
    not(all(feature = "webhook", feature = "metrics", feature = "otlp")),
    allow(dead_code, reason = "only surfaces ask")
)]
impl Handle {
    /// From now on every tick and every event wakes whoever sleeps there, and looks for itself what there is.
    pub(crate) fn wake_by_news(&self, sleeper: Arc<Wake>) {
        self.shared.followers.lock().push(sleeper);
    }

    /// For how long the monitor has not ticked, and for how long that is still in order; `None` before the first tick.
    pub(crate) fn silence(&self, now: Moment) -> Option<(Duration, Duration)> {
        let vitals = self.shared.vitals(now.instant);
        Some((vitals.silent_for?, vitals.silence_limit))
    }

    /// Tells of something that a surface could not do.
    pub(crate) fn report_error(&self, message: impl Into<String>) {
        self.shared.emit(EventKind::error("monitoring_error", message));
    }

    /// Memory that only the user knows of, as of the last tick.
    pub(crate) fn sources(&self) -> Vec<SourceLine> {
        self.shared.figures.sources()
    }
}

impl Shared {
    /// Wakes those who follow. Allocates nothing.
    pub(super) fn wake_followers(&self) {
        self.followers.lock().iter().for_each(|follower| follower.notify());
    }
}
