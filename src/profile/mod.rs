//! The heap profile: what was live at one moment, by the place that allocated it, estimated from samples.

mod difference;
mod estimate;
mod gather;
mod heap;
mod key;
mod mapping;
mod naming;
mod paths;
mod profiler;
mod program_file;
mod sampling;
mod symbol;

pub use difference::SiteGrowth;
pub use estimate::Estimate;
pub use heap::{Function, HeapProfile, Location, LostSamples, ProfileSite};
pub use mapping::Mapping;
pub(crate) use naming::Owner;
#[cfg(all(feature = "cli", feature = "recorder"))]
pub(crate) use paths::complete_by;
pub use profiler::HeapProfiler;
#[cfg(all(feature = "cli", feature = "recorder"))]
pub(crate) use program_file::{Segments, build_id_of};
pub use sampling::Sampling;
#[cfg_attr(not(feature = "recorder"), allow(unused_imports, reason = "the recorder asks"))]
pub(crate) use symbol::is_naming;
#[cfg(all(feature = "cli", feature = "recorder"))]
pub(crate) use symbol::{MOST_ADDRESSES, MOST_INLINED, shorten};
