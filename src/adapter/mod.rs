//! Ready adapters: the caches that people use, as a [`Cache`](crate::Cache). One file and one feature for each crate.

#[cfg(feature = "foyer")]
mod foyer;
#[cfg(any(feature = "lru", feature = "quick_cache"))]
mod locked;
#[cfg(feature = "lru")]
mod lru;
#[cfg(feature = "moka")]
mod moka;
#[cfg(feature = "quick_cache")]
mod quick_cache;
#[cfg(any(feature = "foyer", feature = "quick_cache"))]
mod resize;
#[cfg(any(feature = "foyer", feature = "moka", feature = "quick_cache"))]
mod unit;

#[cfg(feature = "foyer")]
pub use foyer::Foyer;
#[cfg(any(feature = "lru", feature = "quick_cache"))]
pub use locked::Locked;
#[cfg(feature = "lru")]
pub use lru::LockedLru;
#[cfg(feature = "moka")]
pub use moka::Moka;
#[cfg(feature = "moka_future")]
pub use moka::MokaFuture;
#[cfg(feature = "quick_cache")]
pub use quick_cache::{LockedQuickCache, QuickCache};
