//! Brings events to the user's sinks on a thread of its own, so that a slow sink delays nobody and a full queue drops
//! the oldest, counted.

use super::worker::caught;
use crate::counters::use_reserve;
use crate::error::Error;
use crate::event::Event;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Events waiting at most.
const QUEUE: usize = 256;

/// How long a stop waits for the last events to be delivered.
const PATIENCE: Duration = Duration::from_millis(100);

/// Somebody who wants to hear of every event.
pub(super) type Sink = Box<dyn Fn(&Event) + Send + Sync>;

#[derive(Default)]
struct State {
    queue: VecDeque<Event>,
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
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Courier {
    pub(super) fn start(sinks: Vec<Sink>) -> Result<Self, Error> {
        let courier = Courier::default();
        if !sinks.is_empty() {
            let shared = courier.shared.clone();
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

    /// Queues `event`; the oldest gives way when the queue is full.
    pub(super) fn send(&self, event: &Event) {
        if self.thread.lock().is_none() {
            return;
        }
        let mut state = self.shared.state.lock();
        if state.queue.len() == QUEUE {
            state.queue.pop_front();
            state.dropped += 1;
        }
        state.queue.push_back(event.clone());
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

fn deliver(shared: &Shared, sinks: &[Sink]) {
    use_reserve();
    while let Some(event) = next(shared) {
        for sink in sinks {
            // What a sink does to itself is its own affair; the next event may suit it better.
            let _ = caught(|| sink(&event));
        }
        shared.state.lock().delivering = false;
        shared.called.notify_all();
    }
}

fn next(shared: &Shared) -> Option<Event> {
    let mut state = shared.state.lock();
    loop {
        if let Some(event) = state.queue.pop_front() {
            state.delivering = true;
            return Some(event);
        }
        if state.closed {
            return None;
        }
        shared.called.wait(&mut state);
    }
}
