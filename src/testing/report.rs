//! What happened on a plant.

use crate::level::Level;
use std::time::Duration;

/// One ask.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AskReport {
    /// The cache's name.
    pub cache: String,
    /// Bytes that it was asked for.
    pub bytes: u64,
    /// What it was told that it may hold afterwards.
    pub ceiling: Option<u64>,
    /// Bytes that it gave.
    pub given_bytes: u64,
    /// Bytes that it claimed.
    pub claimed_bytes: u64,
    /// Whether it panicked or did not answer in time.
    pub failed: bool,
}

/// One automatic eviction.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EpisodeReport {
    /// Virtual time since the plant was made.
    pub at: Duration,
    /// The level that called for it.
    pub level: Level,
    /// What was wanted.
    pub need_bytes: u64,
    /// Who was asked for what, in order.
    pub asks: Vec<AskReport>,
}

impl EpisodeReport {
    /// What all caches gave together.
    pub fn given_bytes(&self) -> u64 {
        self.asks.iter().map(|ask| ask.given_bytes).sum()
    }
}
