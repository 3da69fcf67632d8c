//! What the tests share: a monitor over live bytes, ballast to load it with, and waiting with an end.

use plimsoll::{Budget, Builder, Event, EventKind, Meter, Monitor};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) const MIB: u64 = 1 << 20;

/// The budget of most tests.
pub(crate) const BUDGET: u64 = 256 * MIB;

/// Live bytes are the process's: one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A monitor that holds live bytes, which tests can set to the byte, against 256 MiB.
pub(crate) fn builder() -> Builder {
    Monitor::builder()
        .budget(Budget::Bytes(BUDGET))
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(5))
        .ring(1000)
}

/// Live bytes that bring the usage to `percent` of the budget.
pub(crate) fn ballast(percent: f64) -> Vec<u8> {
    let wanted = (BUDGET as f64 * percent / 100.0) as u64;
    let live = plimsoll::counts().live_bytes();
    vec![0; usize::try_from(wanted.saturating_sub(live)).unwrap()]
}

/// Waits until `met` gives something; a test that waits for ever is reported as such.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut met: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < give_up, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until the monitor has taken `more` snapshots.
pub(crate) fn ticks(monitor: &Monitor, more: u64) {
    let taken = || monitor.metrics().profiler.total_snapshots_taken;
    let start = taken();
    eventually("more snapshots", || (taken() >= start + more).then_some(()));
}

/// The events of that type so far.
pub(crate) fn events(monitor: &Monitor, event_type: &str) -> Vec<Event> {
    monitor.events().into_iter().filter(|event| event.kind.event_type() == event_type).collect()
}

/// The messages of all errors so far.
pub(crate) fn errors(monitor: &Monitor) -> Vec<String> {
    let message = |event: Event| match event.kind {
        EventKind::Error { error_message, .. } => error_message,
        other => panic!("an error event that is none: {other:?}"),
    };
    events(monitor, "error").into_iter().map(message).collect()
}

/// A cache of boxes that a test can fill and that frees what it is asked for.
#[derive(Clone, Default)]
pub(crate) struct Boxes(std::sync::Arc<Mutex<Vec<Vec<u8>>>>);

impl Boxes {
    const EACH: usize = 64 * 1024;

    pub(crate) fn filled(bytes: u64) -> Self {
        let boxes = Boxes::default();
        boxes.fill(bytes);
        boxes
    }

    pub(crate) fn fill(&self, bytes: u64) {
        let count = bytes / Self::EACH as u64;
        self.0.lock().unwrap().extend((0..count).map(|_| vec![1; Self::EACH]));
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.0.lock().unwrap().len() * Self::EACH) as u64
    }

    /// Frees at least `bytes` if it can; returns what it freed.
    pub(crate) fn free(&self, bytes: u64) -> u64 {
        let mut boxes = self.0.lock().unwrap();
        let wanted = usize::try_from(bytes).unwrap().div_ceil(Self::EACH);
        let keep = boxes.len().saturating_sub(wanted);
        let freed = (boxes.len() - keep) * Self::EACH;
        boxes.truncate(keep);
        freed as u64
    }

    /// The evict-only closure over it.
    pub(crate) fn closure(&self) -> impl Fn(u64) -> u64 + use<> {
        let boxes = self.clone();
        move |bytes| boxes.free(bytes)
    }
}
