//! The places that grew: heap profiles taken where floors are, compared and named on a thread of their own, which ends when
//! that is done. There is one at most.

use super::Handle;
use super::shared::Shared;
use super::worker::caught;
use crate::event::EventKind;
use crate::policy::leak::{EpochEnd, GrownSince, GrownSite, Mark, Marks, TOLD, agreed};
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

/// What was seen last.
#[derive(Clone, Debug)]
struct Sight {
    at: Instant,
    grown: Vec<GrownSite>,
}

/// The profiles that are kept, and what they came to.
#[derive(Default)]
pub(super) struct Marking {
    marks: Mutex<Marks<HeapProfile>>,
    /// When the earliest of the marks was taken. Under its own lock, which nobody holds for long.
    since: Mutex<Option<Instant>>,
    sight: Mutex<Option<Sight>>,
    /// An epoch has ended, and has no profile yet.
    ended: Mutex<Option<EpochEnd>>,
    /// A thread is at it. Relaxed: what it does is under locks.
    busy: AtomicBool,
}

impl Shared {
    /// Takes a profile at the end of an epoch, and as soon as there is one. For every tick.
    pub(super) fn mark(self: &Arc<Self>, epoch: Option<EpochEnd>) {
        let marking = &self.leaks.marking;
        let mut ended = marking.ended.lock();
        *ended = epoch.or(*ended);
        let is_wanted = ended.is_some() || marking.since.lock().is_none();
        drop(ended);
        if is_wanted && HeapProfiler::is_running() {
            self.look_closely();
        }
    }

    /// Has the heap profile compared with the earliest mark, on a thread for that purpose. Says whether one is at it.
    fn look_closely(self: &Arc<Self>) -> bool {
        if self.leaks.marking.busy.swap(true, Ordering::Relaxed) {
            return true;
        }
        let shared = self.clone();
        let thread = std::thread::Builder::new().name("plimsoll-marks".into()).spawn(move || {
            // Names are read by other people's code, from whatever file there is.
            if let Err(message) = caught(|| shared.compare()) {
                let error =
                    EventKind::error("monitoring_error", format!("heap profile: {message}"));
                shared.unsaid.lock().push(error);
            }
            shared.leaks.marking.busy.store(false, Ordering::Relaxed);
        });
        if thread.is_err() {
            self.leaks.marking.busy.store(false, Ordering::Relaxed);
        }
        thread.is_ok()
    }

    fn compare(&self) {
        let (marking, now) = (&self.leaks.marking, Moment::now().instant);
        let ended = marking.ended.lock().take();
        let bare = HeapProfiler::read();
        let before = marking.marks.lock().first().map(|mark| mark.profile.clone());
        let Some(before) = before else {
            marking.marks.lock().begin(bare);
            *marking.since.lock() = Some(now);
            return;
        };
        let named = bare.clone().with_symbols();
        let grown = functions(named.difference(&before));
        *marking.sight.lock() = Some(Sight { at: now, grown: certain(&grown) });
        self.blame(certain(&grown), false);
        if let Some(end) = ended {
            self.mark_epoch(end, &bare, &named, now);
        }
    }

    fn mark_epoch(&self, end: EpochEnd, bare: &HeapProfile, named: &HeapProfile, now: Instant) {
        let mut marks = self.leaks.marking.marks.lock();
        let was = marks.first().map(|mark| mark.profile.timestamp);
        let spans = marks.take(end, bare);
        let is_new = marks.first().map(|mark| mark.profile.timestamp) != was;
        drop(marks);
        if is_new {
            *self.leaks.marking.since.lock() = Some(now);
        }
        if let Some([first, middle]) = spans {
            self.blame(both(&first, &middle, named, end), true);
        }
    }

    fn blame(&self, sites: Vec<GrownSite>, agreed: bool) {
        let news = self.leaks.tracker.lock().blame(sites, agreed);
        if let Some(news) = news {
            let event = self.leak_event(news);
            self.unsaid.lock().push(event);
            self.request_look();
        }
    }

    /// The functions that hold what has grown since the earliest mark, as far as that is known.
    pub(super) fn grown(&self, moment: Moment) -> Option<GrownSince> {
        let marking = &self.leaks.marking;
        let since = (*marking.since.lock())?;
        let Sight { at, grown } = marking.sight.lock().clone()?;
        let is_later = at > since && HeapProfiler::is_running();
        let since_secs = moment.instant.saturating_duration_since(since).as_secs_f64();
        is_later.then_some(GrownSince { since_secs, sites: grown })
    }
}

/// What two spans agree on.
fn both(
    first: &Mark<HeapProfile>,
    middle: &Mark<HeapProfile>,
    named: &HeapProfile,
    end: EpochEnd,
) -> Vec<GrownSite> {
    let names: HashMap<_, _> = named.sites.iter().map(|site| (&site.key, site.name())).collect();
    let mut earlier = middle.profile.difference(&first.profile);
    // Those that are gone by now have no name, and are no leak.
    earlier.retain_mut(|site| {
        let name = names.get(&site.key);
        name.map(|name| (*name).clone_into(&mut site.name)).is_some()
    });
    let later = named.difference(&middle.profile);
    let growth = end.growth_since(first);
    agreed(&functions(earlier), &functions(later), growth as f64)
}

/// Sites by their functions, with what tells them apart; their errors are independent of each other. Largest first.
fn functions(sites: Vec<SiteGrowth>) -> Vec<GrownSite> {
    let mut by_name: HashMap<String, GrownSite> = HashMap::new();
    for site in sites {
        let name = match &site.tag {
            Some(tag) => format!("{} #{tag}", site.name),
            None => site.name,
        };
        let one = by_name.entry(name.clone()).or_default();
        let standard_error = one.standard_error.hypot(site.standard_error);
        *one = GrownSite::new(name, one.bytes + site.bytes, standard_error);
    }
    let mut all: Vec<_> = by_name.into_values().collect();
    all.sort_by(|a, b| b.bytes.total_cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    all
}

fn certain(sites: &[GrownSite]) -> Vec<GrownSite> {
    sites.iter().filter(|site| site.is_certain()).take(TOLD).cloned().collect()
}

impl Handle {
    /// Has it found out what grew, when that is longer ago than some seconds; says whether it is worth while to wait for it.
    pub(crate) fn look_closely(&self) -> bool {
        let marking = &self.shared.leaks.marking;
        let is_fresh =
            marking.sight.lock().as_ref().is_some_and(|sight| sight.at.elapsed() < FRESH);
        let can = HeapProfiler::is_running() && self.is_running();
        can && !is_fresh && marking.since.lock().is_some() && self.shared.look_closely()
    }

    /// Whether that has come to an end.
    pub(crate) fn has_looked(&self) -> bool {
        !self.shared.leaks.marking.busy.load(Ordering::Relaxed)
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
