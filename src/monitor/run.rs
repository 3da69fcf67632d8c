//! The monitor's thread: sleeps until something is due, does it, sleeps again. The only clock is here.

use super::evicting::Evictor;
use super::farewell::{self, Farewell};
use super::purging::Purging;
use super::reply::Replier;
use super::shared::Shared;
use super::tick::Ticker;
use super::worker::{Worker, caught, now_evicts};
use crate::event::EventKind;
use crate::snapshot::Moment;
use crate::source::CountSource;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs until the monitor is stopped. `stopped` is answered when everything has ended.
pub(super) fn run(shared: Arc<Shared>, counts: Option<CountSource>, stopped: Replier<()>) {
    shared.wake.attend();
    now_evicts();
    let evictor = Evictor::new(Worker::new("plimsoll-caches", shared.wake.clone(), counts));
    let purging = Purging::new(Worker::new("plimsoll-purge", shared.wake.clone(), None));
    let mut ticker = Ticker::new(shared.clone(), evictor, purging, Moment::now().instant);
    let mut last_panic = String::new();
    // Relaxed: whoever sets it wakes this thread afterwards, and that synchronises.
    while !shared.stopping.load(Ordering::Relaxed) {
        let moment = Moment::now();
        if ticker.alarm.calls(moment.instant) {
            ticker.hurry(moment.instant);
        }
        if let Some(wait) = shared.tape.look_after() {
            ticker.looks.ask(moment.instant + wait);
        }
        if shared.look_wanted.swap(false, Ordering::Relaxed) {
            ticker.hurry(moment.instant);
        }
        // Nothing of ours should panic; what runs here and is not ours are the program's log subscribers.
        if let Err(message) = caught(|| ticker.step(moment)) {
            report_panic(&shared, message, &mut last_panic);
        }
        let deadline = ticker.alarm.deadline(ticker.deadline());
        shared.wake.sleep_until(deadline, || ticker.alarm.has_rung());
    }
    let _ = caught(|| ticker.stop());
    shared.brake.release();
    let entries = shared.caches.clear();
    if !entries.is_empty() {
        farewell::say(entries).into_iter().for_each(Farewell::wait);
    }
    shared.figures.stop();
    let total_snapshots_taken = shared.history.lock().taken_total;
    let _ = caught(|| shared.emit(EventKind::MonitorStopped { total_snapshots_taken }));
    let _ = caught(|| shared.record_leak());
    shared.tape.end();
    shared.courier.stop();
    shared.stopped.store(true, Ordering::Relaxed);
    stopped.send(());
}

/// Says what went wrong, once as long as it goes wrong in the same way.
fn report_panic(shared: &Shared, message: String, last: &mut String) {
    if *last != message {
        let _ = caught(|| shared.emit(EventKind::error("monitoring_error", message.clone())));
        *last = message;
    }
}
