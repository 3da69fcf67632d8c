//! Whether it leaks, as of the last tick: the floors are judged in `policy/leak`.

use super::Handle;
use super::shared::Shared;
use crate::event::EventKind;
use crate::policy::leak::{
    Floor, GrownSince, LeakNews, LeakState, LeakStatus, LeakVerdict, Looked, Tracker,
};
use crate::snapshot::Snapshot;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// What is known of leaks.
pub(super) struct Leaks {
    tracker: Mutex<Tracker>,
}

impl Leaks {
    pub(super) fn new(window: Duration) -> Self {
        Leaks { tracker: Mutex::new(Tracker::new(window)) }
    }

    pub(super) fn verdict(&self) -> LeakVerdict {
        self.tracker.lock().verdict()
    }

    pub(super) fn status(&self) -> LeakStatus {
        self.tracker.lock().status()
    }

    /// What shall outlive the process.
    pub(super) fn state(&self) -> LeakState {
        self.tracker.lock().state()
    }

    /// Goes on where another run ended. Before the first tick.
    pub(super) fn resume(&self, state: &LeakState) {
        self.tracker.lock().resume(state);
    }

    /// The functions that hold what has grown, by the heap profile.
    pub(super) fn grown(&self, _now: Instant) -> Option<GrownSince> {
        None
    }

    fn observe(&self, window: Duration, snapshot: &Snapshot) -> Looked {
        let mut tracker = self.tracker.lock();
        tracker.judge_by(window, snapshot.uptime());
        tracker.observe(snapshot.uptime(), unexplained(snapshot))
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
    pub(super) fn look_for_leaks(&self, snapshot: &Snapshot) {
        let looked = self.leaks.observe(self.settings().leak_window(), snapshot);
        if let Some(news) = looked.news {
            self.tell_of_leak(news);
        }
    }

    fn tell_of_leak(&self, news: LeakNews) {
        self.emit(EventKind::leak(news, &self.leaks.status()));
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
