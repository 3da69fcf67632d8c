//! In the album's place where the heap profile is not built in.

use crate::snapshot::Snapshot;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Album;

impl Album {
    pub(super) fn new(_: &Path) -> Self {
        Album
    }

    pub(super) fn look(&self, _: &Snapshot, _: Instant) {}

    pub(super) fn event(&self, _: &str) {}

    pub(super) fn complaint(&self) -> Option<(PathBuf, io::Error)> {
        None
    }

    pub(super) fn stop(&self) {}
}
