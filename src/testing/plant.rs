//! The process: what it holds, how time passes, who is asked.

use super::cache::SimulatedCache;
use super::registered::Registered;
use super::report::{AskReport, EpisodeReport};
use crate::cache::{Ask, Cache, CacheSpec};
use crate::event::EventKind;
use crate::level::Level;
use crate::policy::eviction::{
    Answer, CacheId, Decision, Episode, GivenUp, Planner, Quarantine, Scope, Situation, View,
    givable,
};
use crate::policy::threshold::{LevelTracker, Signs, Threshold, Thresholds};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Time passes in steps of at most this, so that growth that changes its rate is not overlooked.
const STEP: Duration = Duration::from_millis(250);

/// A simulated process with a budget. See [the module](crate::testing).
pub struct Plant {
    budget: u64,
    limit: Option<u64>,
    interval: Duration,
    timeout: Duration,
    /// How old the usage is that the monitor sees.
    lag: Duration,
    /// The usage as it was, newest last, as far back as that.
    past: VecDeque<(Instant, u64)>,
    thresholds: Thresholds,
    start: Instant,
    now: Instant,
    next_tick: Instant,
    /// Memory that no cache holds.
    held: f64,
    growth_per_sec: f64,
    caches: Vec<Registered>,
    tracker: LevelTracker,
    planner: Planner,
    episodes: Vec<EpisodeReport>,
    events: Vec<(Duration, EventKind)>,
    peak: u64,
    killed: Option<Duration>,
}

impl std::fmt::Debug for Plant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plant")
            .field("elapsed", &self.elapsed())
            .field("usage_bytes", &self.usage_bytes())
            .field("level", &self.level())
            .finish_non_exhaustive()
    }
}

impl Plant {
    /// A process that holds nothing yet, with the monitor's defaults.
    pub fn new(budget_bytes: u64) -> Self {
        let now = Instant::now();
        Plant {
            budget: budget_bytes,
            limit: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            lag: Duration::ZERO,
            past: VecDeque::new(),
            thresholds: Thresholds::default(),
            start: now,
            now,
            next_tick: now,
            held: 0.0,
            growth_per_sec: 0.0,
            caches: Vec::new(),
            tracker: LevelTracker::new(),
            planner: Planner::new(),
            episodes: Vec::new(),
            events: Vec::new(),
            peak: 0,
            killed: None,
        }
    }

    /// The kernel kills the process above this. It is never killed unless given.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// As [`Builder::interval`](crate::Builder::interval).
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// The usage that is seen is so old, as figures of a control group may be.
    #[must_use]
    pub fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// As [`Builder::hook_timeout`](crate::Builder::hook_timeout).
    #[must_use]
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// As [`Builder::thresholds`](crate::Builder::thresholds).
    #[must_use]
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Registers a simulated cache, whose bytes count as the process's.
    pub fn register(&mut self, spec: impl Into<CacheSpec>, cache: SimulatedCache) {
        self.add(spec.into(), Box::new(cache.clone()), Some(cache));
    }

    /// Registers a cache of your own. What it says it holds counts as the process's; what it gives is measured by plimsoll's
    /// counters on the calling thread where the wrapper is installed, else by the change of what it says.
    pub fn register_own(&mut self, spec: impl Into<CacheSpec>, cache: impl Cache) {
        self.add(spec.into(), Box::new(cache), None);
    }

    fn add(&mut self, spec: CacheSpec, cache: Box<dyn Cache>, simulated: Option<SimulatedCache>) {
        let id = CacheId(self.caches.len() as u64);
        self.caches.push(Registered { id, spec, cache, simulated, quarantine: None });
    }

    /// Holds so much memory beside the caches.
    pub fn hold(&mut self, bytes: u64) {
        self.held = bytes as f64;
    }

    /// Memory beside the caches grows by so much a second; shrinks when negative.
    pub fn grow(&mut self, bytes_per_sec: i64) {
        self.growth_per_sec = bytes_per_sec as f64;
    }

    /// A new budget from now on, as when the limit is lowered or raised while the process runs.
    pub fn set_budget(&mut self, bytes: u64) {
        self.budget = bytes;
    }

    /// What the process uses now.
    pub fn usage_bytes(&self) -> u64 {
        let caches: u64 = self.caches.iter().map(Registered::resident).sum();
        (self.held as u64).saturating_add(caches)
    }

    /// The most it has used.
    pub fn peak_usage_bytes(&self) -> u64 {
        self.peak
    }

    /// How full the budget was at the last tick.
    pub fn level(&self) -> Level {
        self.tracker.level()
    }

    /// Virtual time since the plant was made.
    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }

    /// When the kernel killed it; `None` while it lives.
    pub fn killed_at(&self) -> Option<Duration> {
        self.killed
    }

    /// The automatic evictions so far.
    pub fn episodes(&self) -> &[EpisodeReport] {
        &self.episodes
    }

    /// Changes of level, refill storms and surrenders so far, with their virtual time.
    pub fn events(&self) -> &[(Duration, EventKind)] {
        &self.events
    }

    /// Lets so much virtual time pass. A process that was killed stays as it is.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end && self.killed.is_none() {
            let step = end.saturating_duration_since(self.now).min(self.until_tick()).min(STEP);
            self.pass(step);
            if self.now >= self.next_tick || self.has_crossed() {
                self.tick();
            }
        }
    }

    fn until_tick(&self) -> Duration {
        let tick = self.next_tick.saturating_duration_since(self.now);
        let rate = self.growth_per_sec + self.simulated().map(|cache| cache.rate()).sum::<f64>();
        let left = self.next_line().saturating_sub(self.usage_bytes());
        let crossing = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or(tick);
        // A millisecond is what being woken and reading everything takes.
        tick.min(crossing).max(Duration::from_millis(1))
    }

    fn simulated(&self) -> impl Iterator<Item = &SimulatedCache> {
        self.caches.iter().filter_map(|cache| cache.simulated.as_ref())
    }

    /// The next threshold above the level in force, in bytes.
    fn next_line(&self) -> u64 {
        let above = |threshold: &Threshold| threshold.level() > self.level();
        let next = Threshold::ALL.into_iter().find(above);
        next.map_or(u64::MAX, |threshold| self.thresholds.bytes(threshold, self.budget))
    }

    /// The allocation that crosses a line wakes the monitor.
    fn has_crossed(&self) -> bool {
        self.seen_bytes() >= self.next_line()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.held = (self.held + self.growth_per_sec * time.as_secs_f64()).max(0.0);
        self.simulated().for_each(|cache| cache.pass(time));
        let usage = self.usage_bytes();
        self.remember(usage);
        self.peak = self.peak.max(usage);
        if self.limit.is_some_and(|limit| usage > limit) {
            self.killed = Some(self.elapsed());
        }
    }

    fn remember(&mut self, usage: u64) {
        if self.lag.is_zero() {
            return;
        }
        self.past.push_back((self.now, usage));
        let seen = self.now.checked_sub(self.lag).unwrap_or(self.start);
        while self.past.get(1).is_some_and(|(at, _)| *at <= seen) {
            self.past.pop_front();
        }
    }

    /// What the monitor sees of the usage.
    fn seen_bytes(&self) -> u64 {
        self.past.front().map_or_else(|| self.usage_bytes(), |(_, usage)| *usage)
    }

    fn tick(&mut self) {
        let percent = self.seen_bytes() as f64 * 100.0 / self.budget.max(1) as f64;
        let signs = Signs { usage_percent: Some(percent), ..Signs::default() };
        if let Some(transition) = self.tracker.step(&self.thresholds, signs, self.now) {
            let (from, to) = (transition.from, transition.to);
            self.tell(EventKind::LevelChanged { from, to, usage_percent: Some(percent) });
        }
        self.act();
        let pace = self.tracker.pace(self.interval);
        self.next_tick = self.now + self.planner.pace().map_or(pace, |regrowth| regrowth.min(pace));
    }

    fn act(&mut self) {
        let situation = self.situation();
        let views = self.views();
        match self.planner.consider(&situation, &self.thresholds, views.into_iter()) {
            Decision::Nothing => {}
            Decision::Evict(need, level) => self.evict(need, level),
            Decision::GiveUp(given_up) => self.give_up(given_up),
            Decision::Raise(raise) => self.set_ceiling(raise.id, raise.ceiling),
        }
        let views = self.views();
        let storms: Vec<_> = self.planner.storms(&situation, views.into_iter()).collect();
        for (id, bytes) in storms {
            if let Some(name) = self.cache(id).map(|cache| cache.spec.name.clone()) {
                self.tell(EventKind::refill_storm(&name, bytes));
            }
        }
    }

    fn evict(&mut self, need: u64, level: Level) {
        let mut episode = Episode::new(Scope::Automatic(level), need);
        for (id, ceiling) in episode.freeze(self.views().into_iter(), &self.planner.records) {
            self.set_ceiling(id, Some(ceiling));
        }
        let (at, mut asks) = (self.elapsed(), Vec::new());
        loop {
            let views = self.views();
            let next = episode.next(views.into_iter(), &mut self.planner.records, self.now);
            let Some(ask) = next else { break };
            let report = self.ask(ask.id, ask.bytes, ask.ceiling);
            let Some(report) = report else { break };
            let answer = Answer {
                given: report.given_bytes,
                claimed: report.claimed_bytes,
                failed: report.failed,
            };
            episode.answered(answer, &mut self.planner.records);
            asks.push(report);
        }
        self.episodes.push(EpisodeReport { at, level, need_bytes: need, asks });
        let (situation, views) = (self.situation(), self.views());
        let given_up =
            self.planner.finished(&episode, Some(&situation), givable(views.into_iter()));
        given_up.into_iter().for_each(|given_up| self.give_up(given_up));
    }

    fn ask(&mut self, id: CacheId, bytes: u64, ceiling: Option<u64>) -> Option<AskReport> {
        let time = self.cache(id)?.answer_time();
        // A worker is given up after the time-out, whatever the cache does later.
        self.pass(time.min(self.timeout));
        let (now, timeout, level) = (self.now, self.timeout, self.level());
        let cache = self.caches.iter_mut().find(|cache| cache.id == id)?;
        let ask = Ask { bytes, ceiling, level, deadline: now + timeout };
        let (given_bytes, claimed) = cache.shrink(&ask, time < timeout);
        let failed = claimed.is_none();
        if failed {
            cache.quarantine = Some(Quarantine::after(cache.quarantine, now));
        }
        let cache = cache.spec.name.clone();
        if let (Some(ceiling), false) = (ceiling, failed) {
            self.set_ceiling(id, Some(ceiling));
        }
        let claimed_bytes = claimed.unwrap_or(0);
        Some(AskReport { cache, bytes, ceiling, given_bytes, claimed_bytes, failed })
    }

    fn set_ceiling(&mut self, id: CacheId, ceiling: Option<u64>) {
        let Some(cache) = self.cache(id) else { return };
        let keeps = cache.cache.set_ceiling(ceiling);
        self.planner.ceiling_set(id, ceiling, keeps);
    }

    fn give_up(&mut self, given_up: GivenUp) {
        if given_up.is_first {
            self.tell(EventKind::gave_up(given_up.need, None, self.caches.len(), None));
        }
    }

    fn tell(&mut self, event: EventKind) {
        self.events.push((self.elapsed(), event));
    }

    fn cache(&self, id: CacheId) -> Option<&Registered> {
        self.caches.iter().find(|cache| cache.id == id)
    }

    fn views(&self) -> Vec<View> {
        self.caches.iter().map(|cache| cache.view(self.now)).collect()
    }

    fn situation(&self) -> Situation {
        let usage = self.seen_bytes();
        let live: u64 = self.simulated().map(SimulatedCache::held_bytes).sum();
        Situation {
            now: self.now,
            level: self.level(),
            usage,
            held: Some(usage),
            beyond_wall: 0,
            live: Some(live.saturating_add(self.held as u64)),
            budget: self.budget,
            most: u64::MAX,
            slope: self.growth_per_sec,
            sigma: 0.0,
            settle: self.lag.saturating_add(Duration::from_millis(200)),
        }
    }
}
