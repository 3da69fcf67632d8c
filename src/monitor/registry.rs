//! The registered caches: who they are, what they last said, and whether they may be asked.

use crate::cache::{Cache, CacheSpec};
use crate::error::Error;
use crate::ledger::CacheLine;
use crate::policy::baseline::Baseline;
use crate::policy::eviction::{CacheId, Quarantine, View};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The most caches that can be registered.
pub(crate) const MOST_CACHES: usize = 256;

const UNKNOWN: u64 = u64::MAX;
/// One registered cache.
pub(super) struct Entry {
    /// Its number among all that were ever registered here; given then.
    pub(super) id: CacheId,
    pub(super) spec: CacheSpec,
    pub(super) cache: Box<dyn Cache>,
    /// As last surveyed. Relaxed throughout: single figures that order nothing.
    usage: AtomicU64,
    /// As surveyed when all was last well.
    usage_when_well: AtomicU64,
    idle_nanos: AtomicU64,
    /// What it held in the last minutes.
    baseline: Mutex<Baseline>,
    /// Sequentially consistent, as `bound`: the worker notes that it is bound and then looks whether it is removed, whoever
    /// removes it does so and then looks whether it is bound. One of the two sees the other, and lifts the ceiling.
    removed: AtomicBool,
    /// Its code is running, or hangs.
    busy: AtomicBool,
    /// It may have a ceiling.
    bound: AtomicBool,
    quarantine: Mutex<Option<Quarantine>>,
}

impl Entry {
    pub(super) fn new(spec: CacheSpec, cache: Box<dyn Cache>) -> Self {
        Entry {
            id: CacheId::default(),
            spec,
            cache,
            usage: AtomicU64::new(UNKNOWN),
            usage_when_well: AtomicU64::new(UNKNOWN),
            idle_nanos: AtomicU64::new(UNKNOWN),
            baseline: Mutex::new(Baseline::new()),
            removed: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            bound: AtomicBool::new(false),
            quarantine: Mutex::new(None),
        }
    }

    /// Asks the cache what it holds and when it was used: the user's code, so on the worker's thread only.
    pub(super) fn survey(&self) {
        self.usage.store(self.cache.usage_bytes().unwrap_or(UNKNOWN), Ordering::Relaxed);
        let nanos = |idle: Duration| u64::try_from(idle.as_nanos()).unwrap_or(UNKNOWN - 1);
        self.idle_nanos.store(self.cache.idle().map_or(UNKNOWN, nanos), Ordering::Relaxed);
    }

    pub(super) fn usage(&self) -> Option<u64> {
        known(self.usage.load(Ordering::Relaxed))
    }

    /// Corrects the last survey by what the cache has given since.
    pub(super) fn note_given(&self, bytes: u64) {
        if let Some(usage) = self.usage() {
            self.usage.store(usage.saturating_sub(bytes), Ordering::Relaxed);
        }
    }

    /// As the planner sees it.
    pub(super) fn view(&self, now: Instant) -> View {
        View {
            id: self.id,
            terms: self.spec.terms,
            usage: self.usage(),
            idle: known(self.idle_nanos.load(Ordering::Relaxed)).map(Duration::from_nanos),
            available: self.may_be_called(now),
        }
    }

    /// Whether its code may be run: it is not gone, not in quarantine, and not still at its last call.
    pub(super) fn may_be_called(&self, now: Instant) -> bool {
        !self.is_removed() && !self.is_quarantined(now) && !self.busy.load(Ordering::Relaxed)
    }

    pub(super) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// Sets or lifts its ceiling; says whether it keeps one. The user's code, so on the worker's thread only.
    pub(super) fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        // Noted before: should it hang there, it may have it all the same.
        self.bound.store(ceiling.is_some(), Ordering::SeqCst);
        let keeps = self.cache.set_ceiling(ceiling);
        if !keeps {
            self.bound.store(false, Ordering::SeqCst);
        } else if ceiling.is_some() && self.is_removed() {
            // Taken off the list meanwhile. Whoever did so may have lifted the ceiling before it was set.
            self.bound.store(false, Ordering::SeqCst);
            self.cache.set_ceiling(None);
        }
        keeps
    }

    /// Lifts its ceiling, if it may have one: the user's code.
    pub(super) fn lift_ceiling(&self) {
        if self.bound.swap(false, Ordering::SeqCst) {
            self.cache.set_ceiling(None);
        }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::SeqCst)
    }

    /// A good answer after a quarantine: the next one begins short again.
    pub(super) fn forgive(&self) {
        *self.quarantine.lock() = None;
    }

    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    pub(super) fn is_quarantined(&self, now: Instant) -> bool {
        self.quarantine.lock().is_some_and(|quarantine| quarantine.holds(now))
    }

    pub(super) fn put_into_quarantine(&self, now: Instant) {
        let mut quarantine = self.quarantine.lock();
        *quarantine = Some(Quarantine::after(*quarantine, now));
    }
}

fn known(figure: u64) -> Option<u64> {
    (figure != UNKNOWN).then_some(figure)
}

/// The list of caches: copied on change, so that nobody holds a lock while a cache's code runs.
#[derive(Default)]
pub(super) struct Registry {
    entries: Mutex<Arc<[Arc<Entry>]>>,
    /// Caches registered so far.
    registered: AtomicU64,
}

impl Registry {
    pub(super) fn add(&self, entry: Entry) -> Result<Arc<Entry>, Error> {
        let name = entry.spec.name.clone();
        if name.is_empty() || name.len() > 64 {
            return Err(Error::setting("cache name", format!("{name:?}"), "1 to 64 bytes long"));
        }
        let mut entries = self.entries.lock();
        if entries.iter().any(|entry| entry.spec.name == name) {
            return Err(Error::setting(
                "cache name",
                format!("{name:?}"),
                "one that is not registered yet",
            ));
        }
        if entries.len() >= MOST_CACHES {
            return Err(Error::setting("caches", entries.len() + 1, "at most 256"));
        }
        let id = CacheId(self.registered.fetch_add(1, Ordering::Relaxed));
        let entry = Arc::new(Entry { id, ..entry });
        *entries = entries.iter().cloned().chain([entry.clone()]).collect();
        Ok(entry)
    }

    pub(super) fn remove(&self, entry: &Arc<Entry>) {
        entry.removed.store(true, Ordering::SeqCst);
        let mut entries = self.entries.lock();
        *entries = entries.iter().filter(|other| !Arc::ptr_eq(other, entry)).cloned().collect();
    }

    /// Takes all caches off the list: a stopped monitor keeps nobody's memory.
    pub(super) fn clear(&self) -> Vec<Arc<Entry>> {
        let entries = std::mem::take(&mut *self.entries.lock());
        entries.iter().for_each(|entry| entry.removed.store(true, Ordering::SeqCst));
        entries.to_vec()
    }

    pub(super) fn all(&self) -> Arc<[Arc<Entry>]> {
        self.entries.lock().clone()
    }

    /// What all caches together say they hold; `None` when none says anything.
    pub(super) fn usage(&self) -> Option<u64> {
        self.all().iter().filter_map(|entry| entry.usage()).reduce(u64::saturating_add)
    }

    pub(super) fn lines(&self) -> Vec<CacheLine> {
        self.lines_of(|entry| entry.usage())
    }

    /// Their lines as they were when all was last well.
    pub(super) fn lines_when_well(&self) -> Vec<CacheLine> {
        self.lines_of(|entry| known(entry.usage_when_well.load(Ordering::Relaxed)))
    }

    /// All is well now.
    pub(super) fn note_well(&self) {
        for entry in self.all().iter() {
            entry.usage_when_well.store(entry.usage.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Remembers what they hold at `uptime`. For every tick: allocates nothing.
    pub(super) fn note_at(&self, uptime: Duration) {
        for entry in self.all().iter() {
            if let Some(usage) = entry.usage() {
                entry.baseline.lock().note(uptime, usage);
            }
        }
    }

    /// Their lines as they were at `uptime`, as far as that is remembered.
    pub(super) fn lines_at(&self, uptime: Duration) -> Vec<CacheLine> {
        self.lines_of(|entry| entry.baseline.lock().at(uptime))
    }

    fn lines_of(&self, usage: impl Fn(&Entry) -> Option<u64>) -> Vec<CacheLine> {
        let line = |entry: &Arc<Entry>| CacheLine {
            name: entry.spec.name.clone(),
            reported_bytes: usage(entry),
        };
        self.all().iter().map(line).collect()
    }

    pub(super) fn quarantined(&self, now: Instant) -> Vec<String> {
        let all = self.all();
        let held = all.iter().filter(|entry| entry.is_quarantined(now));
        held.map(|entry| entry.spec.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry::new(CacheSpec::new(name), Box::new(|bytes: u64| bytes))
    }

    #[test]
    fn names_are_unique_and_sensible() {
        let registry = Registry::default();
        registry.add(entry("pages")).map(drop).expect("a new name");
        let refused = |name: &str| registry.add(entry(name)).map(drop).unwrap_err().to_string();
        assert_eq!(
            refused("pages"),
            r#"cache name of "pages": must be one that is not registered yet"#
        );
        assert!(refused("").contains("1 to 64 bytes"));
        assert!(refused(&"x".repeat(65)).contains("1 to 64 bytes"));
        for n in 1..MOST_CACHES {
            registry.add(entry(&n.to_string())).map(drop).expect("room");
        }
        assert!(refused("one too many").contains("at most 256"));
    }

    #[test]
    fn a_removed_cache_is_gone_and_its_name_free() {
        let registry = Registry::default();
        let pages = registry.add(entry("pages")).expect("a new name");
        registry.remove(&pages);
        assert!(registry.all().is_empty() && pages.is_removed());
        registry.add(entry("pages")).map(drop).expect("free again");
    }

    /// What it was told, and what happens while it is.
    #[derive(Default)]
    struct Told {
        ceilings: Mutex<Vec<Option<u64>>>,
        meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    }

    impl Cache for Told {
        fn shrink(&self, _: &crate::cache::Ask) -> crate::cache::ShrinkReport {
            0.into()
        }

        fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
            let meanwhile = self.meanwhile.lock().take();
            meanwhile.into_iter().for_each(|meanwhile| meanwhile());
            self.ceilings.lock().push(ceiling);
            true
        }
    }

    #[test]
    fn a_cache_that_leaves_while_its_ceiling_is_set_is_left_without_one() {
        let (registry, told) = (Arc::new(Registry::default()), Arc::new(Told::default()));
        let spec = CacheSpec::new("pages");
        let entry = registry.add(Entry::new(spec, Box::new(told.clone()))).expect("a new name");
        let leaves = {
            let (registry, entry) = (registry.clone(), entry.clone());
            move || {
                registry.remove(&entry);
                entry.lift_ceiling();
            }
        };
        *told.meanwhile.lock() = Some(Box::new(leaves));
        entry.set_ceiling(Some(7));
        assert_eq!(*told.ceilings.lock(), [None, Some(7), None]);
        assert!(!entry.is_bound());
    }
}
