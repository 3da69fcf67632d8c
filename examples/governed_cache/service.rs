//! The service: a request in, the right value out.

use crate::store::{Store, Tally};
use crate::value::{Kind, LABEL, TILE};
use serde::Serialize;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Label(u32),
    Tile(u32),
}

/// Both caches.
pub(crate) struct Service {
    pub(crate) labels: Arc<Store>,
    pub(crate) tiles: Arc<Store>,
    /// How many of each there are.
    pub(crate) keys: Keys,
}

/// How many values there are of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub(crate) labels: u32,
    pub(crate) tiles: u32,
}

impl Keys {
    /// Half of `bytes` are labels, half are tiles.
    fn of(bytes: u64) -> Self {
        let keys = |kind: Kind| (bytes / 2 / kind.usual_bytes()).clamp(1, u32::MAX.into()) as u32;
        Keys { labels: keys(LABEL), tiles: keys(TILE) }
    }
}

/// How both caches have done so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Tallies {
    labels: Tally,
    tiles: Tally,
}

impl Service {
    /// Whose values would come to `working_set` bytes, if all were kept.
    pub(crate) fn new(working_set: u64) -> Self {
        let keys = Keys::of(working_set);
        let [labels, tiles] = [(LABEL, keys.labels), (TILE, keys.tiles)]
            .map(|(kind, values)| Arc::new(Store::new(kind, values)));
        Service { labels, tiles, keys }
    }

    /// Whether the answer to `request` was right.
    pub(crate) fn answer(&self, request: Request) -> bool {
        match request {
            Request::Label(key) => LABEL.is_of(key, &self.labels.get(key)),
            Request::Tile(key) => TILE.is_of(key, &self.tiles.get(key)),
        }
    }

    pub(crate) fn tallies(&self) -> Tallies {
        Tallies { labels: self.labels.tally(), tiles: self.tiles.tally() }
    }
}
