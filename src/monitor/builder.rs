//! `Builder`: what a monitor should be like, and its start.

use super::allocator;
use super::brake::Brake;
use super::budget::metadata;
use super::configure::{Lookup, Said};
use super::courier::{Courier, Sinks};
use super::figures::{self, Figures};
use super::leaks::Leaks;
use super::purging::Lessons;
use super::recording::Tape;
use super::registry::Registry;
use super::settings::{Given, Serving, Settings};
use super::shared::{Filter, History, Shared, UserCheck};
use super::wake::Wake;
use super::{Monitor, profiling, reply, run};
use crate::error::Error;
use crate::event::EventKind;
use crate::export::snapshot::is_reserved;
use crate::mebibyte::mib;
use crate::policy::allocator::ALLOCATOR_OPTIONS;
use crate::policy::budget::{Allotment, Budget, Resolved};
use crate::policy::health::{COUNT_AUDIT, OWN_CHECKS, RECORDER};
use crate::policy::usage::Gauge;
use crate::policy::usage::Meter;
use crate::snapshot::{METADATA_BOUNDS, Moment};
use crate::source::{CountSource, Sources, process_started};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The budget when none is given and no limit is known: the original's.
const DEFAULT_BUDGET: u64 = 3072 << 20;

/// What a [`Monitor`] should be like. Everything has a default; the environment comes in between.
///
/// Each option names the variable that an operator would set; the builder wins over it. A value that makes no sense, from
/// either, is an error at [`Builder::start`] that names it.
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    pub(super) given: Given,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) checks: Vec<UserCheck>,
    pub(super) sinks: Sinks,
    pub(super) keeps: Option<Filter>,
    pub(super) figures: figures::Given,
    pub(super) counts: CountSource,
    root: PathBuf,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("given", &self.given).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            given: Given::default(),
            metadata: BTreeMap::new(),
            checks: Vec::new(),
            sinks: Sinks::default(),
            keeps: None,
            figures: figures::Given::default(),
            counts: CountSource::Wrapper,
            root: PathBuf::from("/"),
        }
    }

    /// What the process may use: bytes, or a share of the limit. `PLIMSOLL_BUDGET` (`512MiB`, `80%`); found by itself
    /// unless given: the lowest of the control groups' limits, `RLIMIT_AS`, `RLIMIT_DATA` and the machine's memory, less a
    /// reserve. Valid: 1 MiB up to that limit; bytes are resident memory, which the two `RLIMIT`s do not bound.
    ///
    /// The limits are read again at the ticks, at most every 5 s. While one is below a budget in bytes, it is the limit that
    /// holds. The reserve starts as a tenth of the limit (64 to 512 MiB, a quarter of the limit at most) and is learned from
    /// what the limit counts beside what the meter reads.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.given.budget = Some(budget);
        self
    }

    /// The figure that is held against the budget. `PLIMSOLL_METER`; [`Meter::Pressure`] unless given.
    pub fn meter(mut self, meter: Meter) -> Self {
        self.given.meter = Some(meter);
        self
    }

    /// Time between snapshots while memory is no concern; near the line they come faster. `PLIMSOLL_INTERVAL` (`30s`);
    /// 30 s unless given: at some 100 us a snapshot, that is nothing. Valid: 1 ms to 1 day.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.given.interval = Some(interval);
        self
    }

    /// How many snapshots are kept, at 336 bytes each. `PLIMSOLL_RING`; 2880 unless given: a day at 30 s.
    pub fn ring(mut self, snapshots: usize) -> Self {
        self.given.ring = Some(snapshots);
        self
    }

    /// The three thresholds in percent of the budget, strictly rising. `PLIMSOLL_WARNING_AT`, `PLIMSOLL_PROMPT_AT`,
    /// `PLIMSOLL_EMERGENCY_AT`; 80, 93 and 98 unless given.
    pub fn thresholds(mut self, warning: f64, prompt: f64, emergency: f64) -> Self {
        self.given.thresholds = Some((warning, prompt, emergency));
        self
    }

    /// How many percent points below its threshold a level is left. `PLIMSOLL_LEAVE_BELOW`; 7 unless given: more than
    /// usage wavers, less than an eviction brings. Valid: 1 to 40.
    pub fn leave_below(mut self, points: f64) -> Self {
        self.given.leave_below = Some(points);
        self
    }

    /// The time over which growth is measured, four intervals at least. `PLIMSOLL_GROWTH_WINDOW`; 300 s unless given.
    pub fn growth_window(mut self, window: Duration) -> Self {
        self.given.growth_window = Some(window);
        self
    }

    /// Growth in bytes per second that fails the health check. `PLIMSOLL_GROWTH_WARNING` and
    /// `PLIMSOLL_GROWTH_CRITICAL`; 5 and 10 MiB unless given.
    pub fn growth_limits(mut self, warning: u64, critical: u64) -> Self {
        (self.given.growth_warning, self.given.growth_critical) = (Some(warning), Some(critical));
        self
    }

    /// How long an epoch is, of which a leak takes eight: the floor of unexplained live bytes must rise from each to the next.
    /// Longer leaks are looked for in epochs of four times that. `PLIMSOLL_LEAK_WINDOW` (`6h`); 6 h unless given, and never
    /// less than eight intervals. Valid: 1 s to 1 day.
    ///
    /// A shorter one answers sooner, and takes a day's course for a leak: of services whose load rises and falls with the day
    /// six hours suspect none, one hour suspects all; see `docs/leaks.md`.
    pub fn leak_window(mut self, window: Duration) -> Self {
        self.given.leak_window = Some(window);
        self
    }

    /// The most bytes one automatic eviction asks for. `PLIMSOLL_EVICTION_TARGET`; 512 MiB unless given.
    pub fn eviction_target(mut self, bytes: u64) -> Self {
        self.given.eviction_target = Some(bytes);
        self
    }

    /// How long a cache may take to answer before it is put into quarantine. `PLIMSOLL_HOOK_TIMEOUT`; 10 s unless given.
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.given.hook_timeout = Some(timeout);
        self
    }

    /// Whether jemalloc's unused pages are given back near the line. `PLIMSOLL_PURGE` (`on`, `off`); on unless given.
    pub fn purge(mut self, purge: bool) -> Self {
        self.given.purge = Some(purge);
        self
    }

    /// Whether jemalloc's own threads give unused pages back, instead of whichever thread allocates next.
    /// `PLIMSOLL_BACKGROUND_PURGE` (`on`, `off`); left as it is unless given. They stay when the monitor stops, and do not
    /// survive a fork: a child has none, and its monitor's health check says so.
    pub fn background_purge(mut self, background: bool) -> Self {
        self.given.background_purge = Some(background);
        self
    }

    /// In which time jemalloc by itself gives back what is not used again: 0 for at once. `PLIMSOLL_DIRTY_DECAY` (`10s`);
    /// left as it is unless given, which is 10 s as jemalloc comes. Valid: up to 1 day; kept in milliseconds. It stays
    /// when the monitor stops.
    pub fn dirty_decay(mut self, time: Duration) -> Self {
        self.given.dirty_decay = Some(time);
        self
    }

    /// Reads `/proc` and `/sys/fs/cgroup` below `root` instead of `/`, for tests on fixture trees.
    pub fn root(mut self, root: impl AsRef<Path>) -> Self {
        self.root = root.as_ref().to_owned();
        self
    }

    /// Starts the monitor alone, without what shows it to others, and says what that should be.
    pub(crate) fn bring_up(self) -> Result<(Monitor, Serving), Error> {
        let mut settings = Settings::resolve(&self.given, &environment, &BTreeMap::new())?;
        check_metadata(&self.metadata)?;
        self.figures.check()?;
        check_names(&self.checks)?;
        let mut sources = Sources::open(&self.root);
        let bounds = sources.bounds(Moment::now().instant);
        let allotment =
            Allotment::new(settings.budget, bounds, DEFAULT_BUDGET).map_err(|error| {
                let from_environment = self.given.budget.is_none() && settings.budget.is_some();
                if from_environment {
                    Error::Environment { variable: "PLIMSOLL_BUDGET", source: Box::new(error) }
                } else {
                    error
                }
            })?;
        allocator::set_up(&mut settings)?;
        if settings.is_said("heap_profile") {
            profiling::apply(settings.heap_profile)
                .map_err(|error| settings.blame("heap_profile", error))?;
        }
        let serving = settings.serving.clone();
        Ok((self.launch(settings, sources, allotment)?, serving))
    }

    fn launch(
        self,
        settings: Settings,
        sources: Sources,
        allotment: Allotment,
    ) -> Result<Monitor, Error> {
        let budget = allotment.resolved();
        let counts = self.counts.installed();
        let counting = counts.is_some();
        let metadata = metadata(&budget, &settings.thresholds, self.metadata);
        let started = started(&settings, &budget, counting, sources.has_jemalloc());
        let unknown = unknown_variables(&settings);
        let said = Said::new(self.given, &settings, &environment as &Lookup<'_>);
        let wake = Arc::new(Wake::default());
        let brake = Brake::new(counts.clone(), wake.clone());
        let moment = Moment::now();
        let begun = Tape::start(&settings, &budget, moment, &self.root, &wake)?;
        let shared = Arc::new(Shared {
            started: moment,
            program: program(),
            pid: std::process::id(),
            process_started: process_started(&self.root),
            counts,
            wake,
            stopping: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            sources: Mutex::new(sources),
            gauge: Mutex::new(Gauge::new()),
            caches: Registry::default(),
            records: Mutex::default(),
            orders: Mutex::new(VecDeque::new()),
            history: Mutex::new(History::new(settings.ring, counting)),
            checking: AtomicBool::new(false),
            purging: Mutex::new(None),
            leaks: Leaks::new(settings.leak_window()),
            purge_callers: Mutex::new(Vec::new()),
            lessons: Mutex::new(Lessons::default()),
            root: self.root.into(),
            metadata: Mutex::new(Arc::new(metadata)),
            checks: self.checks,
            courier: Courier::start(self.sinks)?,
            figures: Figures::new(self.figures),
            tape: begun.tape,
            keeps: self.keeps,
            #[cfg(feature = "http")]
            listening: super::serving::Listening::default(),
            unsaid: Mutex::default(),
            watched_until: Mutex::new(None),
            look_wanted: AtomicBool::new(false),
            brake,
            followers: Mutex::default(),
            settings: Mutex::new(Arc::new(settings)),
            said: Mutex::new(said),
            budget: Mutex::new(Arc::new(budget)),
            allotment: Mutex::new(allotment),
        });
        shared.emit(started);
        begun.news.into_iter().for_each(|kind| shared.emit(kind));
        if let Some(leak) = &begun.leak {
            shared.resume_leaks(leak);
        }
        // What the runs before have seen goes on from run to run, however short this one is.
        shared.record_leak();
        if !counting {
            let message = "plimsoll is not the global allocator: heap figures are unknown";
            shared.emit(EventKind::error("monitoring_error", message));
        }
        for name in unknown {
            let message =
                format!("environment variable {name} is none of plimsoll's: it changes nothing");
            shared.emit(EventKind::error("monitoring_error", message));
        }
        spawn(shared)
    }
}

/// The name of the program, as far as the system tells it.
pub(super) fn program() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(Path::file_name);
    name.map_or("unknown".into(), |name| name.to_string_lossy().into_owned())
}

/// What is not Unicode is replaced, so that it does not parse and is named.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Variables that look like ours and are not: a typing error should not pass in silence.
fn unknown_variables(settings: &Settings) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    // The command line's own.
    let ours = names.filter(|name| name.starts_with("PLIMSOLL_") && name != "PLIMSOLL_TARGET");
    ours.filter(|name| settings.report.iter().all(|setting| setting.variable != name)).collect()
}

fn spawn(shared: Arc<Shared>) -> Result<Monitor, Error> {
    let counts = shared.counts.clone();
    let (stopped, has_stopped) = reply::channel();
    let thread = std::thread::Builder::new().name("plimsoll".into()).spawn({
        let shared = shared.clone();
        move || run::run(shared, counts, stopped)
    });
    match thread {
        Ok(thread) => Ok(Monitor::new(shared, thread, has_stopped)),
        Err(source) => {
            shared.courier.stop();
            shared.tape.end();
            Err(Error::Monitoring { what: "starting the monitor's thread", source })
        }
    }
}

fn started(settings: &Settings, budget: &Resolved, counting: bool, jemalloc: bool) -> EventKind {
    EventKind::MonitorStarted {
        budget_bytes: budget.bytes,
        budget_mb: mib(budget.bytes),
        budget_provenance: budget.provenance.clone(),
        interval_seconds: settings.interval.as_secs_f64(),
        counting,
        jemalloc,
    }
}

pub(super) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    let (pairs, key_bytes, value_bytes) = METADATA_BOUNDS;
    if metadata.len() > pairs {
        return Err(Error::setting(
            "metadata",
            format!("{} pairs", metadata.len()),
            "at most 16 pairs",
        ));
    }
    for (key, value) in metadata {
        if key.is_empty() || key.len() > key_bytes || value.len() > value_bytes {
            let expected = "a key of 1 to 64 bytes and a value of at most 256";
            return Err(Error::setting("metadata", format!("{key:?}"), expected));
        }
        if is_reserved(key) {
            return Err(Error::setting(
                "metadata",
                format!("{key:?}"),
                "a key that plimsoll does not use itself",
            ));
        }
    }
    Ok(())
}

fn check_names(checks: &[UserCheck]) -> Result<(), Error> {
    for (index, (name, _)) in checks.iter().enumerate() {
        let twice = checks.iter().skip(index + 1).any(|(other, _)| other == name);
        let ours = OWN_CHECKS.contains(&name.as_str())
            || [COUNT_AUDIT, ALLOCATOR_OPTIONS, RECORDER].contains(&name.as_str());
        if name.is_empty() || ours || twice {
            return Err(Error::setting("check", format!("{name:?}"), "a name of its own"));
        }
    }
    Ok(())
}
