//! Without the feature `recorder`: nothing is recorded, and whoever asks for it is told so.

use super::settings::Settings;
use super::shared::Shared;
use super::wake::Wake;
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::policy::budget::Resolved;
use crate::policy::health::Check;
use crate::snapshot::{Moment, Snapshot};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Tape;

impl Tape {
    pub(super) fn start(
        settings: &Settings,
        _: &Resolved,
        _: Moment,
        _: &Path,
        _: &Arc<Wake>,
    ) -> Result<(Self, Vec<EventKind>), Error> {
        let Some(path) = &settings.recorder else { return Ok((Tape, Vec::new())) };
        let expected = "left out: this build lacks plimsoll's feature `recorder`";
        let error = Error::setting("recorder", path.display(), expected);
        Err(settings.blame("recorder", error))
    }

    pub(super) fn event(&self, _: &Event) {}

    pub(super) fn leak(&self, _: impl FnOnce() -> Vec<u8>) {}

    pub(super) fn leak_before(&self) -> Option<&[u8]> {
        None
    }

    pub(super) fn wants_look(&self) -> bool {
        false
    }

    pub(super) fn note_unwinding(&self) {}

    pub(super) fn end(&self) {}

    pub(super) fn check(&self) -> Option<Check> {
        None
    }
}

impl Shared {
    pub(super) fn record_tick(&self, _: &Snapshot, _: bool, _: Instant) {}
}
