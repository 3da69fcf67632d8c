//! Heap profiles for surfaces: taken on a thread of its own, a few at a time, with names where memory allows it.

use crate::error::Error;
use crate::level::Level;
use crate::monitor::Handle;
use crate::profile::{HeapProfile, HeapProfiler};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// So many wait for a profile or between two: each is some MiB while it is made.
const AT_A_TIME: usize = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_A_TIME);

/// Why there is no profile.
#[derive(Debug)]
pub(super) enum NoProfile {
    /// As many are made as can be.
    Busy,
    /// None was ever started.
    NeverRan,
    /// The system refuses a thread.
    Failed(Error),
}

/// What a caller says about names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Symbols {
    /// With names, but where memory is critical: looking them up takes some tens of MiB for a moment.
    #[default]
    Auto,
    /// With names.
    On,
    /// With addresses and mappings only.
    Off,
}

impl Symbols {
    fn are_wanted(self, handle: &Handle) -> bool {
        match self {
            Symbols::Auto => handle.level() != Level::Critical,
            Symbols::On => true,
            Symbols::Off => false,
        }
    }
}

/// A profile of now.
///
/// # Errors
/// When four are made at the moment, the profiler never ran, or there is no thread to be had.
pub(super) async fn take(handle: &Handle, symbols: Symbols) -> Result<HeapProfile, NoProfile> {
    let _place = PLACES.try_acquire().map_err(|_| NoProfile::Busy)?;
    make(symbols.are_wanted(handle)).await
}

/// What changes within `time`.
///
/// # Errors
/// As [`take`].
pub(super) async fn change(
    handle: &Handle,
    symbols: Symbols,
    time: Duration,
) -> Result<HeapProfile, NoProfile> {
    let _place = PLACES.try_acquire().map_err(|_| NoProfile::Busy)?;
    let before = make(false).await?;
    tokio::time::sleep(time).await;
    Ok(make(symbols.are_wanted(handle)).await?.since(&before))
}

async fn make(symbols: bool) -> Result<HeapProfile, NoProfile> {
    let (done, profile) = oneshot::channel();
    let work = move || {
        let profile = HeapProfiler::read();
        // Nobody to take it: the caller has gone.
        let _ = done.send(if symbols { profile.with_symbols() } else { profile });
    };
    let thread = std::thread::Builder::new().name("plimsoll-profile".into()).spawn(work);
    thread.map_err(|source| {
        NoProfile::Failed(Error::Monitoring { what: "starting a thread for a profile", source })
    })?;
    match profile.await {
        Ok(profile) if profile.mean_bytes == 0 => Err(NoProfile::NeverRan),
        Ok(profile) => Ok(profile),
        Err(_) => Err(NoProfile::Failed(Error::NoAnswer(Duration::ZERO))),
    }
}
