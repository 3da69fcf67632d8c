//! Heap profiles for surfaces: taken and encoded on a thread of its own, a few at a time, with names where memory allows it.

use crate::counters::use_reserve;
use crate::error::Error;
use crate::level::Level;
use crate::monitor::Handle;
use crate::profile::{HeapProfile, HeapProfiler};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// So many wait for a profile or between two: each is some MiB while it is made.
const AT_A_TIME: usize = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_A_TIME);

type Place = SemaphorePermit<'static>;

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

/// What `encode` makes of a profile of now, on the profile's own thread.
///
/// # Errors
/// When four are made at the moment, the profiler never ran, or there is no thread to be had.
pub(super) async fn take<T: Send + 'static>(
    handle: &Handle,
    symbols: Symbols,
    encode: impl FnOnce(HeapProfile) -> T + Send + 'static,
) -> Result<T, NoProfile> {
    Ok(make(place()?, symbols.are_wanted(handle), encode).await?.1)
}

/// The same of what changes within `time`.
///
/// # Errors
/// As [`take`].
pub(super) async fn change<T: Send + 'static>(
    handle: &Handle,
    symbols: Symbols,
    time: Duration,
    encode: impl FnOnce(HeapProfile) -> T + Send + 'static,
) -> Result<T, NoProfile> {
    let (place, before) = make(place()?, false, |profile| profile).await?;
    tokio::time::sleep(time).await;
    let encode = move |now: HeapProfile| encode(now.since(&before));
    Ok(make(place, symbols.are_wanted(handle), encode).await?.1)
}

fn place() -> Result<Place, NoProfile> {
    PLACES.try_acquire().map_err(|_| NoProfile::Busy)
}

async fn make<T: Send + 'static>(
    place: Place,
    symbols: bool,
    encode: impl FnOnce(HeapProfile) -> T + Send + 'static,
) -> Result<(Place, T), NoProfile> {
    aside(place, move || read(symbols).map(encode)).await
}

/// Gives the place back with what was made: a caller that goes meanwhile frees it no sooner than the thread ends.
async fn aside<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> Result<T, NoProfile> + Send + 'static,
) -> Result<(Place, T), NoProfile> {
    let (done, made) = oneshot::channel();
    let work = move || {
        use_reserve();
        let made = work().map(|made| (place, made));
        // Nobody to take it: the caller has gone.
        let _ = done.send(made);
    };
    let thread = std::thread::Builder::new().name("plimsoll-profile".into()).spawn(work);
    thread.map_err(|source| {
        NoProfile::Failed(Error::Monitoring { what: "starting a thread for a profile", source })
    })?;
    made.await.map_err(|_| NoProfile::Failed(Error::NoAnswer(Duration::ZERO)))?
}

fn read(symbols: bool) -> Result<HeapProfile, NoProfile> {
    let profile = HeapProfiler::read();
    match profile.mean_bytes {
        0 => Err(NoProfile::NeverRan),
        _ if symbols => Ok(profile.with_symbols()),
        _ => Ok(profile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_caller_that_goes_leaves_its_place_to_the_thread() {
        let (begun, is_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let work = move || {
            begun.send(()).expect("a test that listens");
            Ok(may_go_on.recv())
        };
        let making = aside(place().expect("a place"), work);
        tokio::time::timeout(Duration::ZERO, making).await.expect_err("it was not done");
        is_begun.recv_timeout(Duration::from_secs(30)).expect("the thread runs");
        assert!(PLACES.try_acquire_many(AT_A_TIME as u32).is_err());
        drop(go_on);
        let all = PLACES.acquire_many(AT_A_TIME as u32);
        let all = tokio::time::timeout(Duration::from_secs(30), all).await;
        assert!(all.is_ok(), "the place was not given back");
    }
}
