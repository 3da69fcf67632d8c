//! Carries out evictions: one at a time, one cache at a time, each asked on the worker's thread and measured there.
//! Decides nothing itself: `policy/eviction` does.
//!
//! ```text
//!  order --> survey --> freeze --> ask --> answer --> ask ... --> result
//!              |                    \--- freed elsewhere, later: linger
//!              \--- hangs: quarantine, new worker
//! ```

use super::order::{Finished, Orderer};
use super::registry::Entry;
use super::shared::Shared;
use super::under_way::{Stage, UnderWay};
use super::worker::{self, Ceiling, Job, Outcome, Worker};
use crate::cache::Ask;
use crate::error::Error;
use crate::event::EventKind;
use crate::eviction::EvictionPlan;
use crate::policy::eviction::{CacheId, Planner, Raise, View};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All evictions, as the monitor's thread sees them.
pub(super) struct Evictor {
    worker: Worker,
    pub(super) planner: Planner,
    under_way: Option<UnderWay>,
    /// No worker could be started at the last try: said once.
    refused: bool,
}

impl Evictor {
    pub(super) fn new(worker: Worker) -> Self {
        Evictor { worker, planner: Planner::new(), under_way: None, refused: false }
    }

    fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// When to look again though nothing has been heard: the deadline of the job under way, or of what is freed elsewhere.
    pub(super) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        let answer = self.worker.busy_since().map(|since| since + timeout);
        let lingering = self.under_way.as_ref().and_then(UnderWay::next_look);
        answer.into_iter().chain(lingering).min()
    }

    /// Asks the caches what they hold, when there are any and nothing else is going on.
    pub(super) fn survey(&mut self, shared: &Shared, now: Instant) {
        let entries = shared.caches.all();
        if !entries.is_empty() && self.worker.is_idle() && self.is_idle() {
            self.submit(shared, Job::Survey(entries, now), now);
        }
    }

    /// Raises or lifts a ceiling, when nothing else is going on.
    pub(super) fn raise(&mut self, shared: &Shared, raise: Raise, now: Instant) {
        let entry = entry(shared, raise.id).filter(|_| self.worker.is_idle() && self.is_idle());
        match entry {
            Some(entry) => self.submit(shared, Job::Ceilings(vec![(entry, raise.ceiling)]), now),
            None => self.planner.not_raised(),
        }
    }

    /// A refusal is said once.
    fn submit(&mut self, shared: &Shared, job: Job, now: Instant) {
        let refusal = self.worker.submit(job, now).err();
        let was_refused = std::mem::replace(&mut self.refused, refusal.is_some());
        if let Some(error) = refusal.filter(|_| !was_refused) {
            shared.emit(EventKind::error(error.category(), error.to_string()));
        }
    }

    /// Goes on as far as it can without waiting; gives back an eviction that has come to its end.
    pub(super) fn advance(&mut self, shared: &Shared, now: Instant) -> Option<Finished> {
        match self.worker.outcome() {
            Some(Outcome::Surveyed(panicked)) => self.surveyed(shared, now, panicked),
            Some(Outcome::CeilingsSet(set)) => self.ceilings_set(shared, now, set),
            Some(Outcome::Shrunk(answer)) => self.answered(shared, now, answer),
            Some(Outcome::Purged(_)) | None => {
                if self.worker.has_hung(now, shared.settings().hook_timeout) {
                    self.give_up_worker(shared, now);
                } else {
                    self.look_again(shared, now);
                }
            }
        }
        if self.is_idle() && self.worker.is_idle() {
            self.begin(shared, now);
        }
        let done = self.under_way.take_if(|under_way| matches!(under_way.stage, Stage::Done))?;
        self.publish(shared);
        Some(done.finished(&mut self.planner, shared, now))
    }

    /// Ends everything at once: callers are told, a worker that is busy is left to its job.
    pub(super) fn stop(&mut self, shared: &Shared) {
        let orders = std::mem::take(&mut *shared.orders.lock());
        let under_way =
            self.under_way.take().map(|u| (u.by, u.episode.need, u.outcome.freed_bytes));
        let waiting = orders.into_iter().map(|order| (order.by, order.target, Some(0)));
        for (by, target_bytes, freed_bytes) in under_way.into_iter().chain(waiting) {
            let reason = "the monitor was stopped".into();
            by.refuse(Error::Eviction { target_bytes, freed_bytes, reason });
        }
        self.worker.stop();
    }

    fn begin(&mut self, shared: &Shared, now: Instant) {
        let Some(order) = shared.next_order() else { return };
        let mut under_way = UnderWay::new(order, shared.counts.is_some(), now);
        if let Orderer::Automatic(_) = under_way.by {
            // Time has passed: what is wanted now may be less, or nothing.
            let wanted = shared
                .situation(now)
                .map(|s| self.planner.needed(&s, &shared.settings().thresholds));
            under_way.episode.need = under_way.episode.need.min(wanted.unwrap_or(0));
        }
        if under_way.episode.need == 0 {
            under_way.stage = Stage::Done;
        } else if let Err(error) = self.worker.submit(Job::Survey(shared.caches.all(), now), now) {
            if let Orderer::DryRun(_) = under_way.by {
                return under_way.by.refuse(error);
            }
            under_way.fail(error.to_string());
        }
        self.under_way = Some(under_way);
    }

    fn surveyed(&mut self, shared: &Shared, now: Instant, panicked: Vec<(Arc<Entry>, String)>) {
        for (entry, message) in panicked {
            entry.put_into_quarantine(now);
            self.complain(shared, &entry, &format!("panicked when asked for its usage: {message}"));
        }
        let is_there = |id| shared.caches.all().iter().any(|entry| entry.id == id);
        self.planner.records.keep(is_there);
        self.after_survey(shared, now);
    }

    /// Goes on once the caches have said what they hold, or one of them never will.
    fn after_survey(&mut self, shared: &Shared, now: Instant) {
        match self.under_way {
            Some(UnderWay { by: Orderer::DryRun(_), .. }) => self.rehearse(shared, now),
            _ => self.freeze(shared, now),
        }
    }

    /// Sets the ceilings of all caches in question at what they hold, then asks.
    fn freeze(&mut self, shared: &Shared, now: Instant) {
        let Some(under_way) = &mut self.under_way else { return };
        let entries = shared.caches.all();
        let frozen = under_way.episode.freeze(views(&entries, now), &self.planner.records);
        under_way.stage = Stage::Freezing;
        for (id, ceiling) in &frozen {
            self.planner.ceiling_asked(*id, *ceiling);
        }
        let with_entry = |(id, ceiling)| Some((entry(shared, id)?, Some(ceiling)));
        let ceilings: Vec<Ceiling> = frozen.into_iter().filter_map(with_entry).collect();
        if ceilings.is_empty() {
            return self.ask_next(shared, now);
        }
        if let Err(error) = self.worker.submit(Job::Ceilings(ceilings), now) {
            under_way.fail(error.to_string());
        }
    }

    fn ceilings_set(
        &mut self,
        shared: &Shared,
        now: Instant,
        set: Vec<(Ceiling, Result<bool, String>)>,
    ) {
        for ((entry, ceiling), keeps) in set {
            match keeps {
                Ok(keeps) => self.planner.ceiling_set(entry.id, ceiling, keeps),
                Err(message) => {
                    entry.put_into_quarantine(now);
                    self.complain(shared, &entry, &format!("panicked at its ceiling: {message}"));
                }
            }
        }
        self.publish(shared);
        self.ask_next(shared, now);
    }

    fn answered(&mut self, shared: &Shared, now: Instant, answer: worker::Answer) {
        if let Some(under_way) = &mut self.under_way {
            under_way.heard(answer, &mut self.planner, now);
        }
        self.look_again(shared, now);
    }

    /// Whether what a cache has other threads free has been freed by now.
    fn look_again(&mut self, shared: &Shared, now: Instant) {
        let Some(under_way) = &mut self.under_way else { return };
        let live = || shared.counts.as_ref()?.read().map(|counts| counts.live_bytes());
        if under_way.has_answer(live, &mut self.planner, now) {
            self.ask_next(shared, now);
        }
    }

    fn give_up_worker(&mut self, shared: &Shared, now: Instant) {
        let timeout = shared.settings().hook_timeout;
        if let Some(entry) = self.worker.abandon() {
            entry.put_into_quarantine(now);
            let words = format!("did not answer within {}", humantime::format_duration(timeout));
            self.complain(shared, &entry, &words);
        }
        let Some(under_way) = &mut self.under_way else { return };
        match under_way.stage {
            Stage::Surveying => self.after_survey(shared, now),
            Stage::Asking(_) => {
                under_way.never_answered(&mut self.planner);
                self.ask_next(shared, now);
            }
            Stage::Freezing | Stage::Lingering(..) | Stage::Answered | Stage::Done => {
                self.publish(shared);
                self.ask_next(shared, now);
            }
        }
    }

    /// Says what a cache did wrong: in the result of the eviction under way, else in an event.
    fn complain(&mut self, shared: &Shared, entry: &Entry, words: &str) {
        let error = format!("{}: {words}", entry.spec.name);
        match &mut self.under_way {
            Some(under_way) => under_way.outcome.errors.push(error),
            None => shared.emit(EventKind::error("eviction_error", error)),
        }
    }

    fn ask_next(&mut self, shared: &Shared, now: Instant) {
        let Some(under_way) = &mut self.under_way else { return };
        let entries = shared.caches.all();
        let ask = under_way.episode.next(views(&entries, now), &mut self.planner.records, now);
        let Some((ask, entry)) = ask.and_then(|ask| Some((ask, entry(shared, ask.id)?))) else {
            under_way.stage = Stage::Done;
            return;
        };
        under_way.asking(&entry);
        let deadline = now + shared.settings().hook_timeout;
        let ask = Ask { bytes: ask.bytes, ceiling: ask.ceiling, level: shared.level(), deadline };
        if let Err(error) = self.worker.submit(Job::Shrink(entry, ask), now) {
            under_way.fail(error.to_string());
        }
    }

    fn rehearse(&mut self, shared: &Shared, now: Instant) {
        let Some(UnderWay { by: Orderer::DryRun(replier), episode, .. }) = self.under_way.take()
        else {
            return;
        };
        let entries = shared.caches.all();
        let asks = crate::policy::eviction::rehearse(
            episode.scope,
            episode.need,
            &self.planner.records,
            views(&entries, now).collect(),
            now,
        );
        let name =
            |id| entries.iter().find(|entry| entry.id == id).map(|entry| entry.spec.name.clone());
        let planned = asks.iter().filter_map(|ask| Some((name(ask.id)?, ask.bytes)));
        replier.send(Ok(EvictionPlan::new(episode.need, planned)));
    }

    /// Lets the handle's callers see what is remembered of each cache.
    fn publish(&self, shared: &Shared) {
        shared.records.lock().clone_from(&self.planner.records);
    }
}

fn entry(shared: &Shared, id: CacheId) -> Option<Arc<Entry>> {
    shared.caches.all().iter().find(|entry| entry.id == id).cloned()
}

/// The caches as the planner sees them.
pub(super) fn views(entries: &[Arc<Entry>], now: Instant) -> impl Iterator<Item = View> + Clone {
    entries.iter().map(move |entry| entry.view(now))
}
