//! Carries out evictions: one at a time, one cache at a time, each asked on the worker's thread and measured there.
//!
//! ```text
//!  order --> survey --> ask --> answer --> ask ... --> result
//!              |         \--- hangs: quarantine, new worker ---/
//! ```

use super::episode::{Episode, Stage};
use super::order::{Finished, Orderer};
use super::registry::Entry;
use super::shared::Shared;
use super::worker::{Answer, Job, Outcome, Worker};
use crate::cache::Ask;
use crate::error::Error;
use crate::event::EventKind;
use crate::eviction::EvictionResult;
use crate::policy::eviction::succeeded;
use crate::snapshot::Moment;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All evictions, as the monitor's thread sees them.
pub(super) struct Evictor {
    worker: Worker,
    episode: Option<Episode>,
    /// No worker could be started at the last try: said once.
    refused: bool,
}

impl Evictor {
    pub(super) fn new(worker: Worker) -> Self {
        Evictor { worker, episode: None, refused: false }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.episode.is_none()
    }

    /// When to look again though nothing has been heard: the deadline of the job under way.
    pub(super) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        self.worker.busy_since().map(|since| since + timeout)
    }

    /// Asks the caches what they hold, when there are any and nothing else is going on.
    pub(super) fn survey(&mut self, shared: &Shared, now: Instant) {
        let entries = shared.caches.all();
        if entries.is_empty() || !self.worker.is_idle() || !self.is_idle() {
            return;
        }
        let refusal = self.worker.submit(Job::Survey(entries, now), now).err();
        let was_refused = std::mem::replace(&mut self.refused, refusal.is_some());
        if let Some(error) = refusal.filter(|_| !was_refused) {
            shared.emit(EventKind::error(error.category(), error.to_string()));
        }
    }

    /// Goes on as far as it can without waiting; gives back an eviction that has come to its end.
    pub(super) fn advance(&mut self, shared: &Shared, now: Instant) -> Option<Finished> {
        match self.worker.outcome() {
            Some(Outcome::Surveyed(panicked)) => self.surveyed(shared, now, panicked),
            Some(Outcome::Shrunk(answer)) => self.answered(shared, now, answer),
            Some(Outcome::Purged(_)) | None => {
                if self.worker.has_hung(now, shared.settings.hook_timeout) {
                    self.give_up_worker(shared, now);
                }
            }
        }
        if self.is_idle() && self.worker.is_idle() {
            self.begin(shared, now);
        }
        self.finish_if_done(now)
    }

    /// Ends everything at once: callers are told, a worker that is busy is left to its job.
    pub(super) fn stop(&mut self, shared: &Shared) {
        self.worker.stop();
        let orders = std::mem::take(&mut *shared.orders.lock());
        let under_way = self.episode.take().map(|e| (e.order, e.outcome.freed_bytes));
        let waiting = orders.into_iter().map(|order| (order, Some(0)));
        for (order, freed_bytes) in under_way.into_iter().chain(waiting) {
            if let Orderer::Caller(replier) = order.by {
                let reason = "the monitor was stopped".into();
                replier.send(Err(Error::Eviction {
                    target_bytes: order.target,
                    freed_bytes,
                    reason,
                }));
            }
        }
    }

    fn begin(&mut self, shared: &Shared, now: Instant) {
        let Some(mut order) = shared.next_order() else { return };
        if let Orderer::Automatic(_) = order.by {
            // Time has passed: what is wanted now may be less, or nothing.
            order.target = order.target.min(shared.wanted_now());
        }
        let entries = shared.caches.all();
        let mut episode = Episode::new(order, &entries, shared.counts.is_some(), now);
        if episode.order.target == 0 {
            episode.stage = Stage::Done;
        } else if let Err(error) = self.worker.submit(Job::Survey(entries, now), now) {
            episode.fail(error.to_string());
        }
        self.episode = Some(episode);
    }

    fn surveyed(&mut self, shared: &Shared, now: Instant, panicked: Vec<(Arc<Entry>, String)>) {
        for (entry, message) in panicked {
            entry.put_into_quarantine(now);
            self.complain(shared, &entry, &format!("panicked when asked for its usage: {message}"));
        }
        self.ask_next(shared, now);
    }

    fn answered(&mut self, shared: &Shared, now: Instant, answer: Answer) {
        if let Some(episode) = &mut self.episode {
            episode.record(answer, now);
        }
        self.ask_next(shared, now);
    }

    fn give_up_worker(&mut self, shared: &Shared, now: Instant) {
        let timeout = shared.settings.hook_timeout;
        if let Some(entry) = self.worker.abandon() {
            entry.put_into_quarantine(now);
            let words = format!("did not answer within {}", humantime::format_duration(timeout));
            self.complain(shared, &entry, &words);
        }
        self.ask_next(shared, now);
    }

    /// Says what a cache did wrong: in the result of the eviction under way, else in an event.
    fn complain(&mut self, shared: &Shared, entry: &Entry, words: &str) {
        let error = format!("{}: {words}", entry.spec.name);
        match &mut self.episode {
            Some(episode) => episode.outcome.errors.push(error),
            None => shared.emit(EventKind::error("eviction_error", error)),
        }
    }

    fn ask_next(&mut self, shared: &Shared, now: Instant) {
        let Some(episode) = &mut self.episode else { return };
        let Some((entry, bytes)) = episode.next(now) else {
            episode.stage = Stage::Done;
            return;
        };
        let deadline = now + shared.settings.hook_timeout;
        let ask = Ask { bytes, ceiling: None, level: shared.level(), deadline };
        if let Err(error) = self.worker.submit(Job::Shrink(entry, ask), now) {
            episode.fail(error.to_string());
        }
    }

    fn finish_if_done(&mut self, now: Instant) -> Option<Finished> {
        let episode = self.episode.take_if(|episode| matches!(episode.stage, Stage::Done))?;
        let took = now.saturating_duration_since(episode.started);
        let success = succeeded(episode.given(), episode.order.target);
        let result = EvictionResult::new(
            episode.order.target,
            episode.outcome,
            success,
            took,
            Moment::now(),
        );
        Some(Finished { result, by: episode.order.by })
    }
}
