//! Whether it leaks, as of the last tick: the floors are judged in `policy/leak`, the places are found by `marking.rs`.

use super::Handle;
use super::marking::Marking;
use super::shared::Shared;
use crate::event::EventKind;
use crate::policy::leak::{Floor, LeakNews, LeakState, LeakStatus, LeakVerdict, Looked, Tracker};
use crate::snapshot::Snapshot;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What is known of leaks.
pub(super) struct Leaks {
    pub(super) tracker: Mutex<Tracker>,
    pub(super) marking: Marking,
}

impl Leaks {
    pub(super) fn new(window: Duration) -> Self {
        Leaks { tracker: Mutex::new(Tracker::new(window)), marking: Marking::default() }
    }

    pub(super) fn verdict(&self) -> LeakVerdict {
        self.tracker.lock().verdict()
    }

    pub(super) fn status(&self) -> LeakStatus {
        self.tracker.lock().status()
    }

    fn observe(&self, window: Duration, snapshot: &Snapshot) -> Looked {
        let mut tracker = self.tracker.lock();
        let ended = tracker.judge_by(window, snapshot.uptime());
        // Naming takes memory of its own for a moment.
        let figure = unexplained(snapshot).filter(|_| !self.marking.is_busy());
        let looked = tracker.observe(snapshot.uptime(), figure);
        // A window that has just begun has nothing to say.
        Looked { news: ended.or(looked.news), ..looked }
    }
}

/// What no cache says it holds. Where they say they hold more than is live, nothing can be said of the rest.
fn unexplained(snapshot: &Snapshot) -> Option<Floor> {
    let caches = snapshot.caches_bytes().unwrap_or(0);
    let bytes = snapshot.live_bytes()?.checked_sub(caches)?;
    Some(Floor { bytes, objects: snapshot.live_objects() })
}

impl Shared {
    /// For every tick: allocates nothing while nothing changes.
    pub(super) fn look_for_leaks(self: &Arc<Self>, snapshot: &Snapshot) {
        let looked = self.leaks.observe(self.settings().leak_window(), snapshot);
        if let Some(news) = looked.news {
            self.emit(self.leak_event(news));
        }
        if looked.is_new {
            self.record_leak();
        }
        self.mark(looked.epoch);
    }

    pub(super) fn leak_event(&self, news: LeakNews) -> EventKind {
        EventKind::leak(news, &self.leaks.status())
    }

    /// What shall outlive the process.
    #[cfg_attr(not(feature = "recorder"), allow(dead_code, reason = "the recorder asks"))]
    pub(super) fn leak_state(&self) -> LeakState {
        self.leaks.tracker.lock().state()
    }

    /// Goes on where another run ended. Before the first tick.
    #[cfg_attr(not(feature = "recorder"), allow(dead_code, reason = "the recorder asks"))]
    pub(super) fn resume_leaks(&self, state: &LeakState) {
        self.leaks.tracker.lock().resume(state);
    }
}

impl Handle {
    /// Whether memory leaks, as of the last tick: a verdict on the floor of live bytes that no cache says it holds, and, where
    /// a heap profile runs, the functions that hold what has grown.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// use plimsoll::{LeakVerdict, Monitor};
    /// let monitor = Monitor::builder().budget("64MiB".parse()?).start()?;
    /// assert_eq!(monitor.leak().verdict, LeakVerdict::None);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn leak(&self) -> LeakStatus {
        self.shared.leaks.status()
    }
}
