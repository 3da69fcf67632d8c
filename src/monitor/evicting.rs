//! Carries out evictions: one at a time, one cache at a time, each asked on the worker's thread and measured there.
//!
//! ```text
//!  order --> survey --> ask --> answer --> ask ... --> result
//!              |         \--- hangs: quarantine, new worker ---/
//! ```

use super::registry::Entry;
use super::reply::Replier;
use super::shared::Shared;
use super::worker::{Answer, Job, Outcome, Worker};
use crate::cache::Ask;
use crate::error::Error;
use crate::event::EventKind;
use crate::eviction::{self, EvictionResult};
use crate::level::Level;
use crate::policy::eviction::{deserves_strike, next_ask, succeeded};
use crate::snapshot::Moment;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who wants an eviction.
pub(super) enum Orderer {
    /// The monitor, at this level.
    Automatic(Level),
    /// A caller, who waits for the result; every cache may be asked.
    Caller(Replier<Result<EvictionResult, Error>>),
}

/// An eviction that is wanted.
pub(super) struct Order {
    pub(super) target: u64,
    pub(super) by: Orderer,
}

/// An eviction that has come to its end.
pub(super) struct Finished {
    pub(super) result: EvictionResult,
    /// Who is to be told, once everybody else can see it too.
    pub(super) by: Orderer,
}

/// A cache and how it has done in the eviction under way.
struct Participant {
    entry: Arc<Entry>,
    asks: u32,
    strikes: u32,
}

enum Stage {
    Surveying,
    Asking { index: usize, bytes: u64 },
    Done,
}

/// The eviction under way.
struct Episode {
    order: Order,
    started: Instant,
    participants: Vec<Participant>,
    stage: Stage,
    outcome: eviction::Outcome,
}

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
        let ask = Ask { bytes, level: shared.level(), deadline };
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

impl Episode {
    fn new(order: Order, entries: &[Arc<Entry>], counting: bool, now: Instant) -> Self {
        let participant =
            |entry: &Arc<Entry>| Participant { entry: entry.clone(), asks: 0, strikes: 0 };
        let outcome = eviction::Outcome {
            freed_bytes: counting.then_some(0),
            ..eviction::Outcome::default()
        };
        Episode {
            order,
            started: now,
            participants: entries.iter().map(participant).collect(),
            stage: Stage::Surveying,
            outcome,
        }
    }

    /// Ends it with an error.
    fn fail(&mut self, error: String) {
        self.outcome.errors.push(error);
        self.stage = Stage::Done;
    }

    /// What has been given so far: measured, or claimed where nothing is counted.
    fn given(&self) -> u64 {
        self.outcome.freed_bytes.unwrap_or(self.outcome.claimed_bytes)
    }

    /// Chooses the next cache to ask, and notes that it is asked.
    fn next(&mut self, now: Instant) -> Option<(Arc<Entry>, u64)> {
        let missing = self.order.target.saturating_sub(self.given());
        let candidates: Vec<_> = self
            .participants
            .iter()
            .map(|p| p.entry.candidate(now, p.asks, p.strikes, self.order.by.may_ask(&p.entry)))
            .collect();
        let (index, bytes) = next_ask(&candidates, missing)?;
        let participant = self.participants.get_mut(index)?;
        participant.asks += 1;
        self.stage = Stage::Asking { index, bytes };
        let name = &participant.entry.spec.name;
        if !self.outcome.asked.contains(name) {
            self.outcome.asked.push(name.clone());
        }
        Some((participant.entry.clone(), bytes))
    }

    fn record(&mut self, answer: Answer, now: Instant) {
        let Stage::Asking { index, bytes } = self.stage else { return };
        let Some(participant) = self.participants.get_mut(index) else { return };
        let claimed = *answer.claimed.as_ref().unwrap_or(&0);
        let given = answer.freed.unwrap_or(claimed);
        self.outcome.claimed_bytes = self.outcome.claimed_bytes.saturating_add(claimed);
        if let Some(freed) = &mut self.outcome.freed_bytes {
            *freed = freed.saturating_add(answer.freed.unwrap_or(0));
        }
        if deserves_strike(given, bytes) {
            participant.strikes += 1;
        }
        // Its usage is what it was less what it gave, until it is asked again.
        participant.entry.note_given(given);
        match answer.claimed {
            Ok(_) => participant.entry.forgive(),
            Err(message) => {
                participant.entry.put_into_quarantine(now);
                let error = format!("{}: panicked: {message}", participant.entry.spec.name);
                self.outcome.errors.push(error);
            }
        }
    }
}

impl Orderer {
    /// Whether anybody still waits for the result.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Orderer::Automatic(_) => true,
            Orderer::Caller(replier) => replier.is_wanted(),
        }
    }

    fn may_ask(&self, entry: &Entry) -> bool {
        match self {
            Orderer::Automatic(level) => entry.spec.from <= *level,
            Orderer::Caller(_) => true,
        }
    }
}
