//! The eviction that is being carried out: whose it is, whose answer is waited for, and what has come of it.

use super::evicting::views;
use super::order::{Finished, Order, Orderer};
use super::registry::Entry;
use super::shared::Shared;
use super::worker;
use crate::eviction::{EvictionResult, Outcome};
use crate::policy::eviction::{Answer, Episode, Planner, givable, succeeded};
use crate::snapshot::Moment;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a cache has other threads free is waited for this long.
const LINGER: Duration = Duration::from_millis(100);
/// And looked at this often.
const LOOK: Duration = Duration::from_millis(2);

/// How far an eviction has come.
pub(super) enum Stage {
    /// Caches are asked what they hold.
    Surveying,
    /// Ceilings are set at that.
    Freezing,
    /// A cache has been asked.
    Asking(Arc<Entry>),
    /// It has answered, and claims more than has been freed so far.
    Lingering(Arc<Entry>, Pending),
    /// What it gave is known: the next one's turn.
    Answered,
    Done,
}

/// An answer whose measure is not complete.
pub(super) struct Pending {
    measured: u64,
    claimed: u64,
    live_before: u64,
    until: Instant,
    next_look: Instant,
}

/// See the module.
pub(super) struct UnderWay {
    pub(super) by: Orderer,
    pub(super) episode: Episode,
    started: Instant,
    pub(super) stage: Stage,
    pub(super) outcome: Outcome,
}

impl UnderWay {
    pub(super) fn new(order: Order, counting: bool, now: Instant) -> Self {
        let episode = Episode::new(order.scope(), order.target);
        let outcome = Outcome { freed_bytes: counting.then_some(0), ..Outcome::default() };
        UnderWay { by: order.by, episode, started: now, stage: Stage::Surveying, outcome }
    }

    /// Ends it with an error.
    pub(super) fn fail(&mut self, error: String) {
        self.outcome.errors.push(error);
        self.stage = Stage::Done;
    }

    pub(super) fn asking(&mut self, entry: &Arc<Entry>) {
        let name = &entry.spec.name;
        if !self.outcome.asked.contains(name) {
            self.outcome.asked.push(name.clone());
        }
        self.stage = Stage::Asking(entry.clone());
    }

    /// When to look again at what is freed elsewhere.
    pub(super) fn next_look(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Lingering(_, pending) => Some(pending.next_look),
            _ => None,
        }
    }

    /// Takes in what a cache said and what was measured on its thread.
    pub(super) fn heard(&mut self, answer: worker::Answer, planner: &mut Planner, now: Instant) {
        let Stage::Asking(entry) = &self.stage else { return };
        let entry = entry.clone();
        if let (Some(keeps), Some(ceiling)) = (answer.keeps_ceiling, self.episode.ceiling_asked()) {
            planner.ceiling_set(entry.id, Some(ceiling), keeps);
        }
        let claimed = match answer.claimed {
            Ok(claimed) => claimed,
            Err(message) => return self.failed(&entry, message, answer.freed, planner, now),
        };
        entry.forgive();
        let measured = answer.freed.unwrap_or(claimed);
        let live_before = answer.live_before.and_then(|live| u64::try_from(live).ok());
        let pending = Pending {
            measured,
            claimed,
            // Where nothing is counted nothing is waited for; nor is it for a cache that is known to claim too much.
            live_before: live_before.filter(|_| !planner.distrusts(entry.id)).unwrap_or(0),
            until: now + LINGER,
            next_look: now,
        };
        self.stage = Stage::Lingering(entry, pending);
    }

    fn failed(
        &mut self,
        entry: &Arc<Entry>,
        message: String,
        freed: Option<u64>,
        planner: &mut Planner,
        now: Instant,
    ) {
        entry.put_into_quarantine(now);
        self.outcome.errors.push(format!("{}: panicked: {message}", entry.spec.name));
        let given = freed.unwrap_or(0);
        self.book(entry, Answer { given, claimed: 0, failed: true }, planner);
    }

    /// Whether the cache asked last has been heard, and what it had others free has been freed or is waited for no longer.
    pub(super) fn has_answer(
        &mut self,
        live: impl FnOnce() -> Option<u64>,
        planner: &mut Planner,
        now: Instant,
    ) -> bool {
        let (entry, answer) = match &mut self.stage {
            Stage::Lingering(entry, pending) => match pending.settled(live, now) {
                Some(answer) => (entry.clone(), answer),
                None => return false,
            },
            stage => return matches!(stage, Stage::Answered),
        };
        self.book(&entry, answer, planner);
        true
    }

    /// The cache asked last has been given up.
    pub(super) fn never_answered(&mut self, planner: &mut Planner) {
        if let Stage::Asking(entry) = &self.stage {
            let entry = entry.clone();
            let nothing = Answer { given: 0, claimed: 0, failed: true };
            self.book(&entry, nothing, planner);
        }
    }

    fn book(&mut self, entry: &Entry, answer: Answer, planner: &mut Planner) {
        self.outcome.claimed_bytes = self.outcome.claimed_bytes.saturating_add(answer.claimed);
        if let Some(freed) = &mut self.outcome.freed_bytes {
            *freed = freed.saturating_add(answer.given);
        }
        // Its usage is what it was less what it gave, until it is asked again.
        entry.note_given(answer.given);
        self.episode.answered(answer, &mut planner.records);
        self.stage = Stage::Answered;
    }

    /// Ends it: the planner is told of one of its own.
    pub(super) fn finished(self, planner: &mut Planner, shared: &Shared, now: Instant) -> Finished {
        let given_up = match self.by {
            Orderer::Automatic(_) => {
                let givable = givable(views(&shared.caches.all(), now));
                planner.finished(&self.episode, shared.situation(now).as_ref(), givable)
            }
            _ => None,
        };
        let took = now.saturating_duration_since(self.started);
        let success = succeeded(self.episode.given, self.episode.need);
        let result =
            EvictionResult::new(self.episode.need, self.outcome, success, took, Moment::now());
        Finished { result, by: self.by, given_up }
    }
}

impl Pending {
    /// What was freed, once that is what was claimed (to within a fifth), or it is waited for no longer.
    fn settled(&mut self, live: impl FnOnce() -> Option<u64>, now: Instant) -> Option<Answer> {
        let is_complete =
            |measured: u64| succeeded(measured, self.claimed) || self.live_before == 0;
        if !is_complete(self.measured)
            && let Some(live) = live()
        {
            let by_process = self.live_before.saturating_sub(live).min(self.claimed);
            self.measured = self.measured.max(by_process);
        }
        self.next_look = now + LOOK;
        let is_over = is_complete(self.measured) || now >= self.until;
        is_over.then_some(Answer { given: self.measured, claimed: self.claimed, failed: false })
    }
}
