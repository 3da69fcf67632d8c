//! Purges as the monitor's thread sees them: when one is begun, what it is told meanwhile, and what is learnt from it.
//!
//! Decides nothing itself (`policy/purge/` does) and waits for nothing: the purge thread (`purge_job.rs`) notifies.

use super::purge_job::{Keep, Progress, PurgeJob, Purged};
use super::reply::Replier;
use super::shared::Shared;
use super::worker::{Job, Outcome, PurgeTask, Worker};
use crate::error::Error;
use crate::event::EventKind;
use crate::policy::purge::{
    Demand, Guesses, Held, Manner, Need, PoorYield, PurgeResult, Situation, Standstill, Suspension,
    UnderWay, Wanted, Yields,
};
use crate::snapshot::Snapshot;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Somebody who waits for a purge.
pub(super) type Caller = Replier<Result<PurgeResult, Error>>;

/// While purging is suspended, how often it is tried against the wall all the same; and the rest after one that failed.
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
    progress: Arc<Progress>,
    standstill: Standstill,
    /// `None` when callers want it.
    wanted: Option<Wanted>,
    callers: Vec<Caller>,
}

impl Begun {
    fn new(wanted: Option<Wanted>, callers: Vec<Caller>, now: Instant) -> Self {
        Begun {
            keep: Keep::new(wanted.map_or(0, |wanted| wanted.keep)),
            progress: Arc::default(),
            standstill: Standstill::new(now),
            wanted,
            callers,
        }
    }

    /// What the purge thread is given.
    fn job(&self, shared: &Shared) -> PurgeJob {
        PurgeJob {
            manner: self.wanted.map_or(Manner::AtOnce, |wanted| wanted.manner),
            keep: self.keep.clone(),
            progress: self.progress.clone(),
            root: shared.root.clone(),
        }
    }

    fn hangs(&mut self, now: Instant) -> bool {
        self.standstill.is_too_long(self.progress.steps(), now)
    }

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
    /// The last one panicked or hung.
    has_failed: bool,
    /// Of one that was given up: alive for as long as its thread has not ended.
    given_up: Weak<Keep>,
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
            has_failed: false,
            given_up: Weak::new(),
        }
    }

    /// Takes in a purge that has ended or hangs, and begins the one that callers wait for.
    pub(super) fn collect(&mut self, shared: &Shared, now: Instant) {
        if let Some(Outcome::Purged(purged)) = self.worker.outcome()
            && let Some(begun) = self.under_way.take()
        {
            *shared.purging.lock() = None;
            match purged {
                Ok(purged) => self.ended(shared, begun, purged.map(|purged| *purged), now),
                Err(message) => self.failed(shared, begun, "it panicked", &message, now),
            }
        }
        self.give_up_if_it_hangs(shared, now);
        self.serve_callers(shared, now);
    }

    /// When to look at the latest whether the purge under way hangs.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.as_ref().map(|begun| begun.standstill.deadline())
    }

    fn give_up_if_it_hangs(&mut self, shared: &Shared, now: Instant) {
        let Some(begun) = self.under_way.take_if(|begun| begun.hangs(now)) else { return };
        self.worker.abandon();
        *shared.purging.lock() = None;
        // Should it go on one day, it ends there.
        begun.keep.recall();
        self.given_up = Arc::downgrade(&begun.keep);
        self.failed(shared, begun, "it hangs", "no step for a minute", now);
    }

    fn serve_callers(&mut self, shared: &Shared, now: Instant) {
        if shared.purge_callers.lock().is_empty() {
            return;
        }
        if let Some(begun) = &self.under_way {
            if begun.wanted.is_some() {
                begun.keep.recall();
            }
            return;
        }
        let mut callers = std::mem::take(&mut *shared.purge_callers.lock());
        callers.retain(Caller::is_wanted);
        if !callers.is_empty() {
            let newest = shared.history.lock().newest.clone();
            self.begin(shared, newest.as_ref(), None, callers, now);
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
        if let Some(wanted) = rested.filter(|_| shared.settings().purge) {
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
        let rest = if self.has_failed { rest.max(SELDOM) } else { rest };
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
        if self.given_up.strong_count() > 0 {
            let reason = "the last one hangs";
            return answer(callers, || Err(Error::Purge { reason }));
        }
        let begun = Begun::new(wanted, callers, now);
        let job = begun.job(shared);
        *shared.purging.lock() = newest
            .and_then(|newest| UnderWay::begin(newest.usage_bytes(), Held::of(&newest.values)));
        self.launch(shared, Box::new(move || job.run()), begun, now);
    }

    fn launch(&mut self, shared: &Shared, task: PurgeTask, begun: Begun, now: Instant) {
        self.last = Some(now);
        match self.worker.submit(Job::Purge(task), now) {
            Ok(()) => self.under_way = Some(begun),
            Err(error) => {
                *shared.purging.lock() = None;
                shared.emit(EventKind::error(error.category(), error.to_string()));
                let reason = "the system refused a thread for it";
                answer(begun.callers, || Err(Error::Purge { reason }));
            }
        }
    }

    /// One that panicked or hung.
    fn failed(
        &mut self,
        shared: &Shared,
        begun: Begun,
        reason: &'static str,
        details: &str,
        now: Instant,
    ) {
        (self.last, self.has_failed) = (Some(now), true);
        let error = Error::Purge { reason };
        shared.emit(EventKind::error(error.category(), format!("{error}: {details}")));
        answer(begun.callers, || Err(Error::Purge { reason }));
    }

    fn ended(&mut self, shared: &Shared, begun: Begun, purged: Option<Purged>, now: Instant) {
        self.has_failed = false;
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

#[cfg(test)]
mod tests {
    use super::super::Monitor;
    use super::super::reply::{Reply, channel};
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    /// Its own thread has ticked once and sleeps.
    fn monitor() -> Monitor {
        let builder = Monitor::builder().budget(crate::Budget::Bytes(1 << 30)).purge(false);
        let monitor = builder.interval(Duration::from_secs(3600)).start().expect("a monitor");
        while monitor.latest().is_none() {
            std::thread::yield_now();
        }
        monitor
    }

    fn purging(shared: &Shared) -> Purging {
        Purging::new(Worker::new("purge-test", shared.wake.clone(), None))
    }

    /// A purge that somebody waits for, and that runs `code` instead.
    fn launch(
        purging: &mut Purging,
        shared: &Shared,
        code: impl FnOnce() + Send + 'static,
        now: Instant,
    ) -> Reply<Result<PurgeResult, Error>> {
        let (caller, reply) = channel();
        let begun = Begun::new(None, vec![caller], now);
        let held = Held { mapped: 3, active: 1, dirty: 1 };
        *shared.purging.lock() = UnderWay::begin(Some(2), Some(held));
        let keep = begun.keep.clone();
        let task = move || {
            code();
            drop(keep);
            None
        };
        purging.launch(shared, Box::new(task), begun, now);
        reply
    }

    /// The reason of an error that has been sent.
    fn reason(reply: Reply<Result<PurgeResult, Error>>) -> &'static str {
        match reply.wait_until(Instant::now()) {
            Ok(Err(Error::Purge { reason })) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn collect_until_ended(purging: &mut Purging, shared: &Shared) {
        let give_up = Instant::now() + LONG;
        while purging.under_way.is_some() {
            assert!(Instant::now() < give_up, "it does not end");
            std::thread::sleep(Duration::from_millis(1));
            purging.collect(shared, Instant::now());
        }
    }

    #[test]
    fn one_that_panics_is_over_and_its_callers_are_told() {
        let monitor = monitor();
        let (shared, mut purging) = (&monitor.shared, purging(&monitor.shared));
        let reply = launch(&mut purging, shared, || panic!("on purpose"), Instant::now());
        collect_until_ended(&mut purging, shared);
        assert_eq!(reason(reply), "it panicked");
        assert!(shared.purging.lock().is_none(), "the usage is read as it is");
        assert!(!purging.has_rested(Need::Wall, Instant::now()), "and not tried again at once");
        let next = launch(&mut purging, shared, || {}, Instant::now());
        collect_until_ended(&mut purging, shared);
        assert!(reason(next).starts_with("jemalloc does not serve"), "the next one is run");
    }

    #[test]
    fn one_that_hangs_is_given_up_and_its_callers_are_told() {
        let monitor = monitor();
        let (shared, mut purging) = (&monitor.shared, purging(&monitor.shared));
        let (release, released) = mpsc::channel::<()>();
        let hang = move || {
            let _ = released.recv();
        };
        let start = Instant::now();
        let reply = launch(&mut purging, shared, hang, start);
        assert_eq!(purging.deadline(), Some(start + LONG));
        purging.collect(shared, start + LONG / 2);
        assert!(purging.under_way.is_some() && shared.purging.lock().is_some(), "half the time");
        purging.collect(shared, start + LONG);
        assert_eq!(reason(reply), "it hangs");
        assert!(shared.purging.lock().is_none() && purging.deadline().is_none());
        let (caller, refused) = channel();
        purging.begin(shared, None, None, vec![caller], start + LONG);
        assert_eq!(reason(refused), "the last one hangs", "no second thread joins it");
        drop(release);
        let give_up = Instant::now() + LONG;
        while purging.given_up.strong_count() > 0 {
            assert!(Instant::now() < give_up, "its thread does not end");
            std::thread::yield_now();
        }
        let _next = launch(&mut purging, shared, || {}, start + LONG);
        collect_until_ended(&mut purging, shared);
    }

    #[test]
    fn one_that_nobody_waits_for_any_more_is_not_begun() {
        let monitor = monitor();
        let (shared, mut purging) = (&monitor.shared, purging(&monitor.shared));
        let (caller, reply) = channel();
        drop(reply);
        shared.purge_callers.lock().push(caller);
        purging.collect(shared, Instant::now());
        assert!(purging.under_way.is_none() && shared.purge_callers.lock().is_empty());
    }
}
