//! Pure judgement: history and a moment in, a decision out. No clock, no I/O, no globals.

pub(crate) mod budget;
pub(crate) mod eviction;
pub(crate) mod grown;
pub(crate) mod health;
pub(crate) mod meter;
pub(crate) mod purge;
pub(crate) mod threshold;
pub(crate) mod trend;
pub(crate) mod warning;
