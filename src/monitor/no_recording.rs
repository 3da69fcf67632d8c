//! Without the feature `recorder`: nothing is recorded, and whoever asks for it is told so.

use super::settings::Settings;
use super::shared::Shared;
use super::wake::Wake;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::policy::budget::Resolved;
use crate::policy::health::Check;
use crate::policy::leak::LeakState;
use crate::snapshot::{Moment, Snapshot};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Tape;

#[derive(Default)]
pub(super) struct Begun {
    pub(super) tape: Tape,
    pub(super) news: Vec<EventKind>,
    pub(super) leak: Option<LeakState>,
}

impl Tape {
    pub(super) fn start(
        settings: &Settings,
        _: &Resolved,
        _: Moment,
        _: &Path,
        _: &Arc<Wake>,
    ) -> Result<Begun, Error> {
        let Some(path) = &settings.recorder else { return Ok(Begun::default()) };
        let expected = "left out: this build lacks plimsoll's feature `recorder`";
        let error = Error::setting("recorder", path.display(), expected);
        Err(settings.blame("recorder", error))
    }

    pub(super) fn event(&self, _: &Event) {}

    pub(super) fn look_after(&self) -> Option<Duration> {
        None
    }

    pub(super) fn note_unwinding(&self) {}

    pub(super) fn end(&self) {}

    pub(super) fn check(&self) -> Option<Check> {
        None
    }
}

impl Shared {
    pub(super) fn record_leak(&self) {}

    pub(super) fn record_tick(&self, _: &Snapshot, _: bool, _: Instant) {}
}
