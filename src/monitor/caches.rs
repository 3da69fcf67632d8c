//! The registered caches as a caller sees them: registering one, taking it off the list, and how it has done.

use super::Handle;
use super::farewell;
use super::registry::Entry;
use super::shared::Shared;
use crate::cache::{Cache, CacheSpec};
use crate::error::Error;
use crate::eviction::CacheStatus;
use crate::snapshot::Moment;
use std::sync::Arc;

/// A registered cache. Dropping this changes nothing; [`CacheHandle::unregister`] takes the cache off the list.
#[derive(Clone)]
pub struct CacheHandle {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
}

impl std::fmt::Debug for CacheHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheHandle").field("spec", &self.entry.spec).finish_non_exhaustive()
    }
}

impl CacheHandle {
    /// The name it was registered by.
    pub fn name(&self) -> &str {
        &self.entry.spec.name
    }

    /// Takes the cache off the list: it is not asked any more once a call under way has ended, and its ceiling, if it was given
    /// one, is lifted soon after, on a thread of its own. Its own code may call this.
    pub fn unregister(&self) {
        self.shared.caches.remove(&self.entry);
        if self.entry.is_bound() {
            farewell::say(vec![self.entry.clone()]);
        }
    }
}

impl Handle {
    /// Registers something that can give memory back: a [`Cache`], or a closure from bytes asked to bytes freed.
    ///
    /// # Errors
    /// For a name that is taken, empty or longer than 64 bytes, and for more than 256 caches.
    pub fn register(
        &self,
        spec: impl Into<CacheSpec>,
        cache: impl Cache,
    ) -> Result<CacheHandle, Error> {
        let entry = self.shared.caches.add(Entry::new(spec.into(), Box::new(cache)))?;
        Ok(CacheHandle { shared: self.shared.clone(), entry })
    }

    /// How every registered cache has done: what it says it holds, may hold, was asked for, claimed and gave.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// # let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
    /// monitor.register("pages", |bytes: u64| bytes)?;
    /// monitor.evict(1 << 20)?;
    /// let pages = &monitor.caches()[0];
    /// assert_eq!((pages.asked_bytes, pages.claimed_bytes, pages.given_bytes), (2 << 20, 2 << 20, 0));
    /// assert_eq!(pages.strikes, 2, "it claimed twice to have freed what it did not");
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn caches(&self) -> Vec<CacheStatus> {
        let (now, records) = (Moment::now().instant, self.shared.records.lock().clone());
        let status = |entry: &Arc<Entry>| {
            let view = entry.view(now);
            let name = entry.spec.name.clone();
            CacheStatus::new(name, &view, records.get(view.id), entry.is_quarantined(now))
        };
        self.shared.caches.all().iter().map(status).collect()
    }
}
