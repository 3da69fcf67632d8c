//! A load line for the heap of a Rust process: exact live objects and bytes at almost no cost, a budget they are held
//! against, and what happens as it fills.
//!
//! ```
//! use plimsoll::{Monitor, Plimsoll};
//! use std::sync::{Arc, Mutex};
//!
//! #[global_allocator]
//! static ALLOC: Plimsoll = Plimsoll::jemalloc();
//!
//! fn main() -> Result<(), plimsoll::Error> {
//!     let pages = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
//!     let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
//!     monitor.register("pages", {
//!         let pages = pages.clone();
//!         move |bytes: u64| {
//!             let mut pages = pages.lock().unwrap();
//!             let keep = pages.len() - pages.len().min(bytes.div_ceil(4096) as usize);
//!             (pages.drain(keep..).count() * 4096) as u64
//!         }
//!     })?;
//!     pages.lock().unwrap().extend((0..100).map(|_| vec![0; 4096]));
//!
//!     println!("{} live objects", plimsoll::counts().live_objects());
//!     println!("{}", monitor.ledger());
//!     let result = monitor.evict(64 * 4096)?;
//!     assert_eq!(result.memory_freed_bytes, Some(64 * 4096)); // measured, not believed
//!     Ok(())
//! }
//! ```
//!
//! # What is exact
//! Live objects and requested bytes of everything that goes through Rust's global allocator, read while no thread is inside
//! it; read while threads run, they are never negative. Totals, and what a [`Region`] measures on one thread, likewise.
//! Everything else says what it is: see [`METRICS`] for every figure's unit, exactness and source.
//!
//! # What it cannot see
//! Memory that does not come through Rust's global allocator: C code, `mmap`, stacks, and what the standard library takes
//! from the system by itself. The [`Ledger`] shows how much that is. In builds without optimisation, and on
//! processors other than x86-64 in any build, a signal handler that allocates may make a thread's count inexact.
//!
//! # What it costs
//! Some 12 instructions per allocation and free together, no lock prefix, no shared cache line; 128 bytes per
//! thread that ran at once; a monitor that sleeps 30 seconds between snapshots of some 100 microseconds.
//!
//! # Features
//! `jemalloc` (default): jemalloc as the inner allocator, its figures in every snapshot, purges. `stats_alloc`: counts from
//! a [`StatsAlloc`](https://docs.rs/stats_alloc). `log`: a ready `tracing` layer that writes JSON lines.
//! `moka`, `moka_future`, `quick_cache`, `foyer`, `lru`: a cache of that crate as a [`Cache`].
//! `http`: a server with dashboard, JSON, health and events. `prometheus`: its text. `mcp`: tools for agents. `otel`, `otlp`,
//! `metrics`: figures for OpenTelemetry and the `metrics` facade. `webhook`, `tls`: alerts. `cli`: the program `plimsoll`.
//! `profile`: a sampling heap profile. `recorder`: a file that survives the process. `testing`: a simulated process for tests of
//! caches. `full`: all of these but `tls` and `plug_in`.
//! `plug_in`: for a library that is opened at run time and brings its own jemalloc; costs every allocation some instructions.
#![deny(unsafe_code)]

// README's programs, so that they cannot rot.
#[cfg(all(doctest, feature = "http", feature = "jemalloc"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "profile", feature = "jemalloc"))]
#[doc = include_str!("../docs/authors.md")]
struct ForAuthors;

// In the order of the flow: each imports only from those above it (see ARCHITECTURE.md; `tests/tidy.rs` holds it).
mod mebibyte;

mod error;
mod sync;

mod block_on;

mod counters;

mod limit;

#[cfg_attr(not(feature = "profile"), path = "sampler/off.rs")]
mod sampler;

mod allocator;
mod probe;
mod region;

mod source;

mod audit;

mod level;
mod metric;
mod setting;
mod snapshot;

mod ledger;
mod ring;

#[cfg(feature = "profile")]
mod profile;

mod policy;

mod cache;
mod own;

#[cfg(any(feature = "foyer", feature = "lru", feature = "moka", feature = "quick_cache"))]
mod adapter;

mod eviction;

mod event;

#[cfg(feature = "webhook")]
mod alert;

#[cfg(feature = "recorder")]
mod recorder;

mod export;

mod monitor;

mod surface;

mod start;

mod global;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "foyer")]
pub use adapter::Foyer;
#[cfg(any(feature = "lru", feature = "quick_cache"))]
pub use adapter::Locked;
#[cfg(feature = "lru")]
pub use adapter::LockedLru;
#[cfg(feature = "moka")]
pub use adapter::Moka;
#[cfg(feature = "moka_future")]
pub use adapter::MokaFuture;
#[cfg(feature = "quick_cache")]
pub use adapter::{LockedQuickCache, QuickCache};
#[cfg(feature = "webhook")]
pub use alert::{AlertRule, AlertSeverity, AlertWhen};
pub use allocator::{DefaultAllocator, Plimsoll};
pub use audit::{Audit, Interval, Verdict};
pub use cache::{Ask, Cache, CacheSpec, ShrinkReport};
pub use counters::{BATCH, Counts, Delta, counts, limit_refusals};
pub use error::Error;
pub use event::{Component, Event, EventKind, EventLog, LeakFigures, NumberedEvent, Severity};
pub use eviction::{CacheStatus, EvictionPlan, EvictionResult, EvictionStatistics, PlannedAsk};
#[cfg(feature = "prometheus")]
pub use export::Exposition;
#[cfg(feature = "log")]
pub use export::JsonLayer;
#[cfg(feature = "recorder")]
pub use export::{
    Autopsy, AutopsyMoment, CacheGave, Given, Held, KeptProfile, LedgerChange, SiteHeld,
};
pub use export::{
    BudgetStatus, Change, Changes, Crossings, Doubt, DoubtKind, EventTotals, EvictionSummary,
    Evidence, Explanation, GrowthReport, Happening, HealthReport, LOG_TARGET, Metrics,
    MetricsReport, NextStep, ProcessInfo, Profiler, Range, RingStatistics, Status, Surfaces,
    ThresholdStatus, Unexplained, event_json,
};
#[cfg(feature = "profile")]
pub use export::{TopFunction, TopSite, TopSites};
pub use global::{
    health_check, health_check_async, metrics, monitor, start_monitoring, start_monitoring_with,
    stop_monitoring, stop_monitoring_async,
};
pub use ledger::{CacheLine, Ledger, Line, LineKind, SourceLine};
pub use level::Level;
pub use limit::Limit;
pub use metric::{Exactness, Kind, METRICS, Metric, Source, Unit, Value, Values};
pub use monitor::{
    Admission, Brake, Builder, CacheHandle, Configured, Handle, Monitor, WebhookForm,
};
pub use own::{OwnFigure, OwnMetric};
pub use policy::brake::{BrakeStatistics, Refused};
pub use policy::budget::{Basis, Budget};
pub use policy::eviction::Priority;
pub use policy::forecast::Rate;
pub use policy::forecast::Step;
pub use policy::forecast::Trend;
pub use policy::forecast::{Forecast, Growth, TimeToBudget};
pub use policy::health::{Check, HealthStatus};
pub use policy::leak::{GrownSince, GrownSite, LastLeak, LeakStatus, LeakVerdict};
pub use policy::purge::{PoorYield, PurgeResult};
pub use policy::threshold::{Threshold, Thresholds};
pub use policy::usage::Meter;
pub use policy::usage::Usage;
pub use policy::warning::{Action, Warning};
pub use probe::is_installed;
#[cfg(feature = "profile")]
pub use profile::{
    Estimate, Function, HeapProfile, HeapProfiler, Location, LostSamples, Mapping, ProfileSite,
    Sampling, SiteGrowth,
};
#[cfg(feature = "recorder")]
pub use recorder::{
    EndKind, Exhibit, Heartbeat, Judgement, LastRun, PreviousRun, ProfileKind, RecordedEnd,
    RecordedEvent, RecordedPanic, RecordedProfile, RecordedRun, Recording, TimePoint,
};
pub use region::{
    Process, Region, ThisThread, assert_allocates_nothing, assert_peaks_below,
    assert_returns_to_start, measure,
};
#[cfg(feature = "profile")]
pub use sampler::{Tag, TagGuard, Tagged};
pub use setting::{Origin, Setting};
pub use snapshot::{Metadata, Snapshot, SnapshotDelta};
#[cfg(feature = "stats_alloc")]
pub use source::stats_alloc_counts;
#[cfg(feature = "otel")]
pub use surface::otel::{Instruments, otel_names};
