//! Pure judgement: history and a moment in, a decision out. No clock, no I/O, no globals.

pub(crate) mod allocator;
pub(crate) mod brake;
pub(crate) mod budget;
pub(crate) mod eviction;
pub(crate) mod forecast;
pub(crate) mod grown;
pub(crate) mod headroom;
pub(crate) mod health;
pub(crate) mod meter;
pub(crate) mod notice;
pub(crate) mod purge;
pub(crate) mod reserve;
pub(crate) mod slope;
pub(crate) mod step;
pub(crate) mod stuck;
pub(crate) mod threshold;
pub(crate) mod trend;
pub(crate) mod usage;
pub(crate) mod wall;
pub(crate) mod warning;
pub(crate) mod watch;
pub(crate) mod window;
