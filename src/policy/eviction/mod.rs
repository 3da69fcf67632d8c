//! Who is asked for memory, for how much, and when nobody is. Pure: figures, answers and the time go in, asks come out.
//!
//! ```text
//! terms.rs       how a cache wants to be treated, and what it said of itself
//! need.rs        how much is wanted: down to below the line at which the level is left
//! candidate.rs   which cache is asked next, and for how much
//! episode.rs     one eviction: asks, answers, strikes, and its end
//! record.rs      what is remembered of a cache: its yield, its honesty, its ceiling, what it was asked
//! planner.rs     from tick to tick: begin an eviction, let it settle, give up for a while
//! regrowth.rs    ceilings raised again when the load has gone
//! rehearsal.rs   what would be asked of whom, without asking
//! quarantine.rs  how long a cache that panicked or hung is left alone
//! ```
//!
//! A decision can be followed from top to bottom: `Planner::consider` finds a need and a cache that may be asked,
//! `Episode::next` picks the cache and the bytes, `Episode::answered` takes in what was *measured*, and
//! `Planner::consider` looks, when things have settled, at how far the usage fell for it.

mod candidate;
mod episode;
mod need;
mod planner;
mod quarantine;
mod record;
mod regrowth;
mod rehearsal;
mod terms;

pub(crate) use episode::{Answer, Episode, Scope};
pub(crate) use need::succeeded;
pub(crate) use planner::{Decision, GivenUp, Planner, Situation, givable};
pub(crate) use quarantine::Quarantine;
pub(crate) use record::{Record, Records};
pub(crate) use regrowth::Raise;
pub(crate) use rehearsal::rehearse;
pub use terms::Priority;
pub(crate) use terms::{CacheId, Terms, View};
