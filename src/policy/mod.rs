//! Pure judgement: history and a moment in, a decision out. No clock, no I/O, no globals.
//!
//! A decision, from what was read to who is asked:
//!
//! ```text
//! budget/        how much may be used           limits, a reserve that is learned, where it comes from
//! usage/         how much is used               an interval; the pressure in it; which figure is held against the budget
//! forecast/      where it is going              slopes with their intervals, steps, time to the budget
//! threshold.rs   which level that is            up at once, down one at a time
//! watch/         a tick's judgement             the three above, the wall, a level that is stuck, what to say again
//! eviction/      who is asked for how much      need, candidate, episode, record, regrowth; Planner::consider begins it
//! purge/         which pages are given back     need, slice by slice, what it yielded
//! leak/          whether it leaks              floors that rise again and again, and who grew
//! brake.rs       who may grow meanwhile         a ramp between prompt and emergency
//! ```
//!
//! and what is said of it: `grown.rs` what grew, `baseline.rs` from where, `warning.rs` what could be done, `health.rs` and
//! `allocator.rs` what is not well, `trend.rs` the growth over the user's own window.

pub(crate) mod allocator;
pub(crate) mod baseline;
pub(crate) mod brake;
pub(crate) mod budget;
pub(crate) mod eviction;
pub(crate) mod forecast;
pub(crate) mod grown;
pub(crate) mod health;
pub(crate) mod leak;
pub(crate) mod purge;
pub(crate) mod threshold;
pub(crate) mod trend;
pub(crate) mod usage;
pub(crate) mod warning;
pub(crate) mod watch;
