//! Brings events to the user's sinks on a thread of its own, so that a slow sink delays nobody and a full queue drops
//! the oldest, counted.

use super::worker::caught;
use crate::counters::use_reserve;
use crate::error::Error;
use crate::event::Event;
use crate::snapshot::Snapshot;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Parcels waiting at most.
const QUEUE: usize = 256;

/// How long a stop waits for the last events to be delivered.
const PATIENCE: Duration = Duration::from_millis(100);

/// Somebody who wants to hear of everything of a kind.
type Sink<T> = Box<dyn Fn(&T) + Send + Sync>;

/// All who want to hear of something.
#[derive(Default)]
pub(super) struct Sinks {
    pub(super) events: Vec<Sink<Event>>,
    pub(super) snapshots: Vec<Sink<Snapshot>>,
}

/// What is brought to them.
#[derive(Clone)]
enum Parcel {
    Event(Event),
    Snapshot(Snapshot),
}

impl Sinks {
    fn deliver(&self, parcel: &Parcel) {
        match parcel {
            Parcel::Event(event) => call(&self.events, event),
            Parcel::Snapshot(snapshot) => call(&self.snapshots, snapshot),
        }
    }
}

/// What a sink does to itself is its own affair; the next parcel may suit it better.
fn call<T>(sinks: &[Sink<T>], with: &T) {
    for sink in sinks {
        let _ = caught(|| sink(with));
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Parcel>,
    dropped: u64,
    delivering: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    called: Condvar,
}

/// The way to the sinks; without sinks there is no thread.
#[derive(Default)]
pub(super) struct Courier {
    shared: Arc<Shared>,
    wants_events: bool,
    wants_snapshots: bool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Courier {
    pub(super) fn start(sinks: Sinks) -> Result<Self, Error> {
        let mut courier = Courier::default();
        courier.wants_events = !sinks.events.is_empty();
        courier.wants_snapshots = !sinks.snapshots.is_empty();
        if courier.wants_events || courier.wants_snapshots {
            let shared = courier.shared.clone();
            // Room for all at once: a tick must not wait for memory because a sink is behind.
            shared.state.lock().queue.reserve_exact(QUEUE);
            let thread = Builder::new()
                .name("plimsoll-events".into())
                .spawn(move || deliver(&shared, &sinks))
                .map_err(|source| Error::Monitoring {
                    what: "starting the event thread",
                    source,
                })?;
            *courier.thread.lock() = Some(thread);
        }
        Ok(courier)
    }

    /// Queues `event`; the oldest parcel gives way when the queue is full.
    pub(super) fn send_event(&self, event: &Event) {
        if self.wants_events {
            self.send(|| Parcel::Event(event.clone()));
        }
    }

    /// As [`Courier::send_event`].
    pub(super) fn send_snapshot(&self, snapshot: &Snapshot) {
        if self.wants_snapshots {
            self.send(|| Parcel::Snapshot(snapshot.clone()));
        }
    }

    fn send(&self, parcel: impl FnOnce() -> Parcel) {
        if self.thread.lock().is_none() {
            return;
        }
        let mut state = self.shared.state.lock();
        if state.queue.len() == QUEUE {
            state.queue.pop_front();
            state.dropped += 1;
        }
        state.queue.push_back(parcel());
        drop(state);
        self.shared.called.notify_all();
    }

    /// Events that no sink has seen.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.state.lock().dropped
    }

    /// Ends the thread once the queue is empty; a sink that keeps it busy for longer than a moment is left alone with it.
    pub(super) fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        let is_own = thread.thread().id() == std::thread::current().id();
        let give_up = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock();
        while !is_own && state.is_busy() {
            if self.shared.called.wait_until(&mut state, give_up).timed_out() {
                break;
            }
        }
        let is_busy = state.is_busy();
        state.closed = true;
        drop(state);
        self.shared.called.notify_all();
        if !is_busy && !is_own {
            // It panics nowhere: sinks are caught.
            let _ = thread.join();
        }
    }
}

impl State {
    fn is_busy(&self) -> bool {
        self.delivering || !self.queue.is_empty()
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.stop();
    }
}

fn deliver(shared: &Shared, sinks: &Sinks) {
    use_reserve();
    while let Some(parcel) = next(shared) {
        sinks.deliver(&parcel);
        shared.state.lock().delivering = false;
        shared.called.notify_all();
    }
}

fn next(shared: &Shared) -> Option<Parcel> {
    let mut state = shared.state.lock();
    loop {
        if let Some(parcel) = state.queue.pop_front() {
            state.delivering = true;
            return Some(parcel);
        }
        if state.closed {
            return None;
        }
        shared.called.wait(&mut state);
    }
}
