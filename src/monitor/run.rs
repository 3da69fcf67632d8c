//! The monitor's thread: sleeps until something is due, does it, sleeps again. The only clock is here.

use super::evicting::Evictor;
use super::reply::Replier;
use super::shared::Shared;
use super::tick::Ticker;
use super::worker::{Worker, caught};
use crate::event::EventKind;
use crate::snapshot::Moment;
use crate::source::CountSource;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs until the monitor is stopped. `stopped` is answered when everything has ended.
pub(super) fn run(shared: Arc<Shared>, counts: Option<CountSource>, stopped: Replier<()>) {
    shared.wake.attend();
    let evictor = Evictor::new(Worker::new("plimsoll-caches", shared.wake.clone(), counts));
    let purger = Worker::new("plimsoll-purge", shared.wake.clone(), None);
    let mut ticker = Ticker::new(shared.clone(), evictor, purger, Moment::now().instant);
    // Relaxed: whoever sets it wakes this thread afterwards, and that synchronises.
    while !shared.stopping.load(Ordering::Relaxed) {
        // Nothing in a step should panic; if something does, the next tick is worth more than the thread.
        if let Err(message) = caught(|| ticker.step(Moment::now())) {
            let _ = caught(|| shared.emit(EventKind::error("monitoring_error", message)));
        }
        shared.wake.sleep_until(ticker.deadline());
    }
    ticker.stop();
    let total_snapshots_taken = shared.history.lock().ring.taken_total();
    shared.emit(EventKind::MonitorStopped { total_snapshots_taken });
    shared.courier.stop();
    shared.stopped.store(true, Ordering::Relaxed);
    stopped.send(());
}
