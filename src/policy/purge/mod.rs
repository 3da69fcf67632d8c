//! Giving unused pages back to the system: when, how many, in which order, and what came of it.
//!
//! ```text
//! need.rs        whether to purge, and how many pages to keep
//! demand.rs      what the program takes into use within 30 s
//! slice.rs       which arenas come next
//! standstill.rs  when one that no longer moves is given up
//! under_way.rs   what counts as in use meanwhile
//! result.rs      what a purge measured
//! guess.rs       whether it kept the right number of pages
//! yields.rs      whether the system got anything back, and when to stop trying
//! ```

mod demand;
mod guess;
mod need;
mod result;
mod slice;
mod standstill;
mod under_way;
mod yields;

pub(crate) use demand::Demand;
pub(crate) use guess::Guesses;
pub(crate) use need::{Need, Situation, Wanted};
pub use result::PurgeResult;
pub(crate) use result::{Reading, Work};
pub(crate) use slice::{Manner, Slice, next_slice, pace};
pub(crate) use standstill::Standstill;
pub(crate) use under_way::{Held, UnderWay};
pub use yields::PoorYield;
pub(crate) use yields::{Suspension, Yields};
