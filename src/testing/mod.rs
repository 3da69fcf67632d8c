//! A simulated process for the tests of eviction hooks: a virtual clock, memory that grows as told, caches that behave as
//! told, and the very level tracker and planner that the monitor runs.
//!
//! Nothing here sleeps or allocates what it talks of: an hour under load takes milliseconds. What is simulated is the process
//! and the clock; what is judged is your cache.
//!
//! ```
//! use plimsoll::testing::{Plant, SimulatedCache};
//! use plimsoll::{CacheSpec, Level};
//! use std::time::Duration;
//!
//! const MIB: u64 = 1 << 20;
//! let mut plant = Plant::new(1000 * MIB);
//! let pages = SimulatedCache::holding(300 * MIB).refills(20 * MIB);
//! plant.register(CacheSpec::new("pages").from(Level::Caution), pages.clone());
//! plant.hold(400 * MIB);
//! plant.run(Duration::from_secs(600));
//! // It refills by 20 MiB a second, and is held all the same.
//! assert!(plant.peak_usage_bytes() < 830 * MIB);
//! assert!(plant.episodes().len() < 10, "a ceiling holds it, not one eviction after the other");
//! ```
//!
//! ```text
//! plant.rs       the process: what it holds, how time passes, who is asked
//! registered.rs  a cache on it
//! cache.rs       SimulatedCache: honest, lying, refusing, refilling, hanging, panicking
//! report.rs      what happened
//! root.rs        a root directory with the kernel's files, for a real monitor
//! ```

mod cache;
mod plant;
mod registered;
mod report;
mod root;

pub use cache::SimulatedCache;
pub use plant::Plant;
pub use report::{AskReport, EpisodeReport};
pub use root::FakeRoot;
