//! Purges as the monitor's thread sees them: when one is begun, what it is told meanwhile, and what is learnt from it.
//!
//! Decides nothing itself (`policy/purge/` does) and waits for nothing: the purge thread (`purge_job.rs`) notifies.

use super::purge_job::{Keep, PurgeJob, Purged};
use super::reply::Replier;
use super::shared::Shared;
use super::worker::{Job, Outcome, Worker};
use crate::error::Error;
use crate::event::EventKind;
use crate::policy::purge::{
    Demand, Guesses, Manner, Need, PoorYield, PurgeResult, Situation, Suspension, UnderWay, Wanted,
    Yields,
};
use crate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Somebody who waits for a purge.
pub(super) type Caller = Replier<Result<PurgeResult, Error>>;

/// While purging is suspended, how often it is tried against the wall all the same.
const SELDOM: Duration = Duration::from_secs(10);

/// What purges have taught, for the health check.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lessons {
    /// The mean share that the system got back; `None` before the first purge.
    pub(super) mean_yield: Option<f64>,
    pub(super) guess_score: Option<f64>,
    pub(super) suspension: Option<Suspension>,
}

/// A purge under way.
struct Begun {
    keep: Arc<Keep>,
    /// `None` when callers want it.
    wanted: Option<Wanted>,
    callers: Vec<Caller>,
}

impl Begun {
    /// What shall be kept follows the program; a gradual purge that has become urgent ends, for one at once.
    fn correct(&self, situation: Situation) {
        let Some(begun) = self.wanted else { return };
        let manner = situation.wants().map(|wanted| wanted.manner);
        if begun.manner == Manner::Gradual && manner == Some(Manner::AtOnce) {
            self.keep.recall();
        } else if begun.is_guess && !self.keep.is_recalled() {
            self.keep.set(situation.demand.unwrap_or(begun.keep));
        }
    }
}

/// The purges of one monitor.
pub(super) struct Purging {
    worker: Worker,
    demand: Demand,
    guesses: Guesses,
    yields: Yields,
    under_way: Option<Begun>,
    last: Option<Instant>,
}

impl Purging {
    pub(super) fn new(worker: Worker) -> Self {
        Purging {
            worker,
            demand: Demand::new(),
            guesses: Guesses::default(),
            yields: Yields::new(),
            under_way: None,
            last: None,
        }
    }

    /// Takes in a purge that has ended, and begins the one that callers wait for.
    pub(super) fn collect(&mut self, shared: &Shared, now: Instant) {
        if let Some(Outcome::Purged(purged)) = self.worker.outcome()
            && let Some(begun) = self.under_way.take()
        {
            *shared.purging.lock() = None;
            self.ended(shared, begun, purged.map(|purged| *purged), now);
        }
        let is_called_for = !shared.purge_callers.lock().is_empty();
        match &self.under_way {
            Some(begun) if is_called_for && begun.wanted.is_some() => begun.keep.recall(),
            None if is_called_for => {
                let mut callers = std::mem::take(&mut *shared.purge_callers.lock());
                callers.retain(Caller::is_wanted);
                let newest = shared.history.lock().newest.clone();
                self.begin(shared, newest.as_ref(), None, callers, now);
            }
            _ => {}
        }
    }

    /// Looks at a new snapshot: learns from it, and begins a purge or corrects the one under way.
    pub(super) fn consider(&mut self, shared: &Shared, snapshot: &Snapshot, now: Instant) {
        if let Some(active) = snapshot.jemalloc_active_bytes() {
            self.demand.push(snapshot.uptime(), active);
            self.guesses.observe(now, active);
            shared.lessons.lock().guess_score = self.guesses.score();
        }
        let situation = self.situation(shared, snapshot);
        if let Some(begun) = &self.under_way {
            return begun.correct(situation);
        }
        let rested = situation.wants().filter(|wanted| self.has_rested(wanted.need, now));
        if let Some(wanted) = rested.filter(|_| shared.settings.purge) {
            self.begin(shared, Some(snapshot), Some(wanted), vec![], now);
        }
    }

    /// Ends everything at once: callers are told, a purge under way ends with its slice.
    pub(super) fn stop(&mut self, shared: &Shared) {
        self.worker.stop();
        let begun = self.under_way.take();
        let waiting = std::mem::take(&mut *shared.purge_callers.lock());
        let served = begun.map(|begun| {
            begun.keep.recall();
            begun.callers
        });
        for caller in served.unwrap_or_default().into_iter().chain(waiting) {
            caller.send(Err(Error::Purge { reason: "the monitor was stopped" }));
        }
    }

    fn situation(&self, shared: &Shared, snapshot: &Snapshot) -> Situation {
        Situation {
            dirty: snapshot.jemalloc_dirty_bytes(),
            usage: snapshot.usage_bytes(),
            budget: shared.budget().bytes,
            level: snapshot.level(),
            demand: self.demand.within(snapshot.uptime()),
        }
    }

    fn has_rested(&self, need: Need, now: Instant) -> bool {
        let rest = match (self.yields.suspension(now), need) {
            (None, need) => need.rest(),
            (Some(_), Need::Wall) => SELDOM,
            (Some(_), Need::Routine) => return false,
        };
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= rest)
    }

    fn begin(
        &mut self,
        shared: &Shared,
        newest: Option<&Snapshot>,
        wanted: Option<Wanted>,
        callers: Vec<Caller>,
        now: Instant,
    ) {
        let keep = Keep::new(wanted.map_or(0, |wanted| wanted.keep));
        let manner = wanted.map_or(Manner::AtOnce, |wanted| wanted.manner);
        let job = PurgeJob { manner, keep: keep.clone(), root: shared.root.clone() };
        *shared.purging.lock() = newest.and_then(|newest| {
            UnderWay::begin(newest.usage_bytes(), newest.jemalloc_active_bytes())
        });
        self.last = Some(now);
        match self.worker.submit(Job::Purge(job), now) {
            Ok(()) => self.under_way = Some(Begun { keep, wanted, callers }),
            Err(error) => {
                *shared.purging.lock() = None;
                shared.emit(EventKind::error(error.category(), error.to_string()));
                let reason = "the system refused a thread for it";
                answer(callers, || Err(Error::Purge { reason }));
            }
        }
    }

    fn ended(&mut self, shared: &Shared, begun: Begun, purged: Option<Purged>, now: Instant) {
        let Some(purged) = purged else {
            let reason = "jemalloc does not serve the heap, or has no statistics";
            return answer(begun.callers, || Err(Error::Purge { reason }));
        };
        // One that gave way to a more urgent one does not make that one wait.
        self.last = if begun.keep.is_recalled() { None } else { Some(now) };
        // One that found nothing to do is no news, unless somebody waits for it.
        if purged.result.slices > 0 || begun.wanted.is_none() {
            self.learn(shared, &begun, &purged, now);
        }
        answer(begun.callers, || Ok(purged.result.clone()));
    }

    fn learn(&mut self, shared: &Shared, begun: &Begun, purged: &Purged, now: Instant) {
        let Purged { result, active, huge_pages } = purged;
        let guess = begun.wanted.filter(|wanted| wanted.is_guess);
        if guess.is_some() && !begun.keep.is_recalled() {
            let kept = result.dirty_after_bytes;
            self.guesses.begin(now, *active, result.purged_bytes, kept);
        }
        let cause = if *huge_pages { PoorYield::HugePages } else { PoorYield::Fragmentation };
        let share = result.yield_ratio;
        let suspension =
            share.and_then(|share| self.yields.record(now, result.purged_bytes, share, cause));
        shared.gauge.lock().set_purge_yield(self.yields.mean());
        *shared.lessons.lock() = Lessons {
            mean_yield: Some(self.yields.mean()),
            guess_score: self.guesses.score(),
            suspension: self.yields.suspension(now),
        };
        shared.history.lock().purges += u64::from(result.success);
        shared.emit(EventKind::PurgeCompleted {
            automatic: begun.wanted.is_some(),
            result: result.clone(),
            kept_bytes: begun.wanted.map_or(0, |wanted| wanted.keep),
            guess_score: self.guesses.score(),
        });
        if let Some((suspension, share)) = suspension.zip(share) {
            shared.emit(EventKind::PurgeSuspended {
                cause: suspension.cause,
                yield_ratio: share,
                pause_seconds: suspension.length.as_secs_f64(),
            });
        }
    }
}

fn answer(callers: Vec<Caller>, with: impl Fn() -> Result<PurgeResult, Error>) {
    callers.into_iter().for_each(|caller| caller.send(with()));
}
