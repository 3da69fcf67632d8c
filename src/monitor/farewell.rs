//! Taking leave of caches: their ceilings are lifted and they are let go, on a thread of its own, since both may run their
//! own code.

use super::registry::Entry;
use super::worker::{caught, now_evicts};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// So long a stopping monitor waits for it. A cache that takes longer takes it on its own time.
const PATIENCE: Duration = Duration::from_millis(100);

/// Tells when all is done.
pub(super) struct Farewell(Receiver<()>);

/// Lifts the ceilings of `entries` and lets them go; `None` when the system refuses a thread: then they are only let go.
pub(super) fn say(entries: Vec<Arc<Entry>>) -> Option<Farewell> {
    let (done, is_done) = channel();
    let thread = std::thread::Builder::new().name("plimsoll-farewell".into()).spawn(move || {
        now_evicts();
        for entry in entries {
            // What it does to itself is its own affair by now.
            let _ = caught(|| entry.lift_ceiling());
            let _ = caught(|| drop(entry));
        }
        let _ = done.send(());
    });
    thread.ok().map(|_| Farewell(is_done))
}

impl Farewell {
    /// Waits for a moment.
    pub(super) fn wait(self) {
        // Late or not: nobody depends on it.
        let _ = self.0.recv_timeout(PATIENCE);
    }
}
