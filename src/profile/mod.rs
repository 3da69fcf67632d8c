//! The heap profile: what was live at one moment, by the place that allocated it, estimated from samples.

mod difference;
mod estimate;
mod gather;
mod heap;
mod key;
mod mapping;
mod naming;
mod profiler;
mod sampling;
mod symbol;

pub use difference::SiteGrowth;
pub use estimate::Estimate;
pub use heap::{Function, HeapProfile, Location, LostSamples, ProfileSite};
pub use mapping::Mapping;
#[cfg(all(feature = "cli", feature = "recorder"))]
pub(crate) use mapping::build_id_of;
pub(crate) use naming::Owner;
pub use profiler::HeapProfiler;
pub use sampling::Sampling;
#[cfg_attr(not(feature = "recorder"), allow(unused_imports, reason = "the recorder asks"))]
pub(crate) use symbol::is_naming;
