//! The places that grew: heap profiles taken where floors are, compared and named on a thread of their own, which ends when
//! that is done. There is one at most.

use super::Handle;
use super::shared::Shared;
use super::worker::caught;
use crate::counters::use_reserve;
use crate::event::EventKind;
use crate::level::Level;
use crate::policy::leak::{
    EpochEnd, GrownSince, GrownSite, LeakVerdict, Mark, Marks, TOLD, agreed,
};
use crate::profile::{HeapProfile, HeapProfiler, SiteGrowth};
use crate::snapshot::Moment;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What grew until so long ago is as good as now.
const FRESH: Duration = Duration::from_secs(5);

/// Reading the program's names for the first time takes some tenths of a second, of a large one with all that a debugger
/// wants a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often somebody who waits looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A profile, and when it was taken.
#[derive(Clone)]
struct Taken {
    at: Instant,
    profile: Arc<HeapProfile>,
}

/// What was seen last: what had grown since a moment.
#[derive(Clone, Debug)]
struct Sight {
    at: Instant,
    since: Instant,
    grown: Vec<GrownSite>,
}

/// The profiles that are kept, and what they came to.
#[derive(Default)]
pub(super) struct Marking {
    marks: Mutex<Marks<Taken>>,
    sight: Mutex<Option<Sight>>,
    /// Somebody asked what has grown.
    asked: AtomicBool,
    /// An epoch has ended, and has no profile yet.
    ended: Mutex<Option<EpochEnd>>,
    /// A thread is at it. Sequentially consistent: who sets a wish and finds it busy must not be missed by one that is about
    /// to end.
    busy: AtomicBool,
}

impl Marking {
    /// Whether a thread is at it, with memory of its own.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    fn is_wanted(&self) -> bool {
        self.asked.load(Ordering::SeqCst) || self.ended.lock().is_some()
    }
}

impl Shared {
    /// Takes a profile at the end of an epoch, and as soon as there is one. For every tick.
    pub(super) fn mark(self: &Arc<Self>, epoch: Option<EpochEnd>) {
        let marking = &self.leaks.marking;
        let mut ended = marking.ended.lock();
        *ended = epoch.or(*ended);
        let is_wanted = ended.is_some() || marking.marks.lock().first().is_none();
        drop(ended);
        if is_wanted && HeapProfiler::is_running() {
            self.look_closely();
        }
    }

    /// Has the heap profile compared with the earliest mark, on a thread for that purpose. Says whether one is at it.
    fn look_closely(self: &Arc<Self>) -> bool {
        if self.leaks.marking.busy.swap(true, Ordering::SeqCst) {
            return true;
        }
        let shared = self.clone();
        let thread = std::thread::Builder::new().name("plimsoll-marks".into()).spawn(move || {
            shared.compare_all();
        });
        if thread.is_err() {
            self.leaks.marking.busy.store(false, Ordering::SeqCst);
        }
        thread.is_ok()
    }

    /// Until nothing is wanted any more: who asks while it is busy starts no other thread.
    fn compare_all(&self) {
        use_reserve();
        let marking = &self.leaks.marking;
        loop {
            // Names are read by other people's code, from whatever file there is.
            if let Err(message) = caught(|| self.compare()) {
                let error =
                    EventKind::error("monitoring_error", format!("heap profile: {message}"));
                self.unsaid.lock().push(error);
            }
            marking.busy.store(false, Ordering::SeqCst);
            if !marking.is_wanted() || marking.busy.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }

    fn compare(&self) {
        let marking = &self.leaks.marking;
        let (ended, asked) =
            (marking.ended.lock().take(), marking.asked.swap(false, Ordering::SeqCst));
        let now = Taken { at: Instant::now(), profile: Arc::new(HeapProfiler::read()) };
        let Some(before) = marking.marks.lock().first().map(|mark| mark.profile.clone()) else {
            return marking.marks.lock().begin(now);
        };
        let spans = ended.and_then(|end| Some((marking.marks.lock().take(end, &now)?, end)));
        // Names cost more than all the rest: only where somebody wants them, and never the last of the memory.
        let is_wanted = asked || self.leaks.verdict() != LeakVerdict::None;
        if is_wanted && self.level() < Level::Critical {
            let named = (*now.profile).clone().with_symbols();
            let grown = certain(functions(named.difference(&before.profile)));
            self.blame(grown.clone(), false);
            *marking.sight.lock() = Some(Sight { at: now.at, since: before.at, grown });
            if let Some((marks, end)) = spans {
                self.blame(both(&marks, &named, end), true);
            }
        }
    }

    fn blame(&self, sites: Vec<GrownSite>, agreed: bool) {
        let news = self.leaks.tracker.lock().blame(sites, agreed);
        if agreed || news.is_some() {
            self.record_leak();
        }
        if let Some(news) = news {
            let event = self.leak_event(news);
            self.unsaid.lock().push(event);
            self.request_look();
        }
    }

    /// The functions that hold what has grown since the earliest mark, as far as that is known.
    pub(super) fn grown(&self, moment: Moment) -> Option<GrownSince> {
        let Sight { since, grown, .. } = self.leaks.marking.sight.lock().clone()?;
        let since_secs = moment.instant.saturating_duration_since(since).as_secs_f64();
        HeapProfiler::is_running().then_some(GrownSince { since_secs, sites: grown })
    }
}

/// What two spans agree on.
fn both(marks: &[Mark<Taken>; 2], named: &HeapProfile, end: EpochEnd) -> Vec<GrownSite> {
    let [first, middle] = marks;
    let Some(growth) = end.growth_since(first) else { return Vec::new() };
    let names: HashMap<_, _> = named.sites.iter().map(|site| (&site.key, site.name())).collect();
    let mut earlier = middle.profile.profile.difference(&first.profile.profile);
    // Those that are gone by now have no name, and are no leak.
    earlier.retain_mut(|site| {
        let name = names.get(&site.key);
        name.map(|name| (*name).clone_into(&mut site.name)).is_some()
    });
    let later = named.difference(&middle.profile.profile);
    agreed(&functions(earlier), &functions(later), growth as f64)
}

/// Sites by their functions, with what tells them apart. Largest first.
fn functions(sites: Vec<SiteGrowth>) -> Vec<GrownSite> {
    let functions = SiteGrowth::by_function(sites).into_iter();
    let told = |function: SiteGrowth| {
        let name = match &function.tag {
            Some(tag) => format!("{} #{tag}", function.name),
            None => function.name,
        };
        GrownSite::new(name, function.bytes, function.standard_error)
    };
    functions.map(told).collect()
}

fn certain(sites: Vec<GrownSite>) -> Vec<GrownSite> {
    sites.into_iter().filter(GrownSite::is_certain).take(TOLD).collect()
}

impl Handle {
    /// Has it found out what grew, when that is longer ago than some seconds; says whether it is worth while to wait for it.
    pub(crate) fn look_closely(&self) -> bool {
        let marking = &self.shared.leaks.marking;
        let is_fresh =
            marking.sight.lock().as_ref().is_some_and(|sight| sight.at.elapsed() < FRESH);
        if is_fresh || !HeapProfiler::is_running() || !self.is_running() {
            return false;
        }
        // One that is under way may not have known that somebody asks; then the answer is as of a moment ago.
        marking.asked.store(true, Ordering::SeqCst);
        marking.marks.lock().first().is_some() && self.shared.look_closely()
    }

    /// Whether that has come to an end.
    pub(crate) fn has_looked(&self) -> bool {
        !self.shared.leaks.marking.is_busy()
    }

    /// The same for whoever may block.
    pub(super) fn wait_for_look(&self) {
        let end = Instant::now() + PATIENCE;
        if self.look_closely() {
            while !self.has_looked() && Instant::now() < end {
                std::thread::sleep(PAUSE);
            }
        }
    }
}
