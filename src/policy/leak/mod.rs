//! Does it leak? What is judged are the *floors*: the lowest unexplained live bytes of each epoch, since whatever comes
//! and goes has gone at the lowest point of some hours.
//!
//! ```text
//! floor.rs   the lowest figure of each epoch
//! rises.rs   floors that rise one after the other, about as fast later as earlier, and not all at once
//! window.rs  a length of epoch: 8 rises of 6 h and 3 %, or 5 rises of 24 h and 5 %; and for how long that is believed
//! marks.rs   the profiles that are compared: where the growth began, half way, now
//! site.rs    the places in the program that grew in both of two spans of time
//! state.rs   what of it outlives the process
//! ```
//!
//! Half of the rises and of the growth is `growing`, all is `suspected`; a suspicion whose growth two profiles find in the
//! same places is `confirmed`. It ends when half of the growth was given back, or the floor has not risen any more for half
//! as many epochs as it took.
//!
//! # Why so slow
//! A service has a day. It grows each morning for hours on end, and figures of some hours cannot tell that from a leak:
//! epochs of 45 minutes, eight of them in six hours, suspect every such service within its first day (measured: all of 300).
//! Eight rises of six hours are two days, in which no day's course rises all the time. `tests/` hold the rates on seeded
//! traces of seven days. A shorter window is for tests, demonstrations and programs without a day.

mod floor;
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "only profiles are marked"))]
mod marks;
mod rises;
#[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "only profiles are marked"))]
mod site;
mod state;
#[cfg(test)]
mod tests;
mod window;

use crate::mebibyte::mib_of;
pub(crate) use floor::Floor;
#[cfg_attr(
    not(feature = "profile"),
    allow(unused_imports, reason = "only profiles are marked")
)]
pub(crate) use marks::{EpochEnd, Mark, Marks};
use rises::Rule;
use serde::{Deserialize, Serialize};
pub use site::{GrownSince, GrownSite};
#[cfg_attr(
    not(feature = "profile"),
    allow(unused_imports, reason = "only profiles have sites")
)]
pub(crate) use site::{TOLD, agreed};
pub use state::LastLeak;
pub(crate) use state::LeakState;
use std::time::Duration;
use window::Window;

const RULES: [Rule; 2] =
    [Rule { windows: 1, rises: 8, percent: 3.0 }, Rule { windows: 4, rises: 5, percent: 5.0 }];

/// The first part of every run is not looked at: one in so many of a window.
const WARM_UP: u32 = 6;

/// Whether memory leaks, in one word.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeakVerdict {
    /// Nothing speaks for it.
    #[default]
    None,
    /// Half of what it takes to be suspected.
    Growing,
    /// The floor rises again and again, and not more slowly.
    Suspected,
    /// And two heap profiles find the growth in the same places.
    Confirmed,
}

impl LeakVerdict {
    /// Whether somebody should look.
    pub(crate) fn is_alarm(self) -> bool {
        self >= LeakVerdict::Suspected
    }

    /// The word for it, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            LeakVerdict::None => "none",
            LeakVerdict::Growing => "growing",
            LeakVerdict::Suspected => "suspected",
            LeakVerdict::Confirmed => "confirmed",
        }
    }
}

impl std::fmt::Display for LeakVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether memory leaks, as of the last tick.
///
/// Judged by *unexplained* live bytes, those that no registered cache says it holds, at the lowest point of each epoch.
/// On seeded traces of seven days that do not leak, `suspected` was said of none that are noise, waves or a day's course;
/// see `docs/leaks.md` for the rates and for what it takes for a leak.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LeakStatus {
    /// In one word.
    pub verdict: LeakVerdict,
    /// By how much the floor has risen since it began; `None` while nothing grows. Across a restart the new run's floor is
    /// taken as a continuation of the last.
    pub growth_bytes: Option<u64>,
    /// By how many live objects, at the lowest points; `None` while nothing grows or objects are not counted.
    pub growth_objects: Option<i64>,
    /// Over how many seconds of running.
    pub span_secs: Option<f64>,
    /// How fast.
    pub bytes_per_hour: Option<f64>,
    /// The last floor: unexplained live bytes at the lowest point of the last epoch. `None` before an epoch has ended.
    pub floor_bytes: Option<u64>,
    /// How long an epoch is, in seconds.
    pub epoch_secs: f64,
    /// Floors that rose one after the other, up to now; no more than are needed.
    pub rises: usize,
    /// So many make a suspicion, if they are large and steady enough.
    pub rises_needed: usize,
    /// The places that grew, largest first: what two profiles agree on once confirmed, and before that what the last two
    /// differ by. At most five.
    pub sites: Vec<GrownSite>,
    /// How the run before this one ended; `None` where it is not known.
    pub last_run: Option<LastLeak>,
}

impl std::fmt::Display for LeakStatus {
    /// One plain sentence without its full stop.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.verdict {
            LeakVerdict::None if self.floor_bytes.is_none() => {
                return f.write_str("whether it leaks is not known yet");
            }
            LeakVerdict::None => return f.write_str("no leak is in sight"),
            LeakVerdict::Growing => "what no cache holds has grown",
            LeakVerdict::Suspected => "a leak is suspected",
            LeakVerdict::Confirmed => "a leak is confirmed",
        };
        let bytes = mib_of(self.growth_bytes.unwrap_or(0) as f64);
        let hours = self.span_secs.unwrap_or(0.0) / 3600.0;
        write!(f, "{word}: {bytes:.1} MiB in {hours:.1} h")?;
        let names: Vec<_> = self.sites.iter().map(GrownSite::to_string).collect();
        if names.is_empty() { Ok(()) } else { write!(f, ", in {}", names.join(", ")) }
    }
}

/// What has changed at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeakNews {
    pub(crate) from: LeakVerdict,
    pub(crate) to: LeakVerdict,
}

/// What a tick came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// An epoch of the shorter window has ended: a moment for a profile.
    pub(crate) epoch: Option<EpochEnd>,
    pub(crate) news: Option<LeakNews>,
    /// What shall outlive the process is another.
    pub(crate) is_new: bool,
}

/// Follows the floors of one process, and of the runs before it.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    window: Duration,
    windows: [Window; 2],
    /// What the shorter one said before this epoch.
    short_was: LeakVerdict,
    verdict: LeakVerdict,
    sites: Vec<GrownSite>,
    last_run: Option<LastLeak>,
}

impl Tracker {
    pub(crate) fn new(window: Duration) -> Self {
        Tracker::resumed(window, &LeakState::default())
    }

    /// Goes on where the last run ended. One that was judged by another window is only told of.
    pub(crate) fn resumed(window: Duration, state: &LeakState) -> Self {
        Tracker::starting(window, window / WARM_UP, state)
    }

    fn starting(window: Duration, start: Duration, state: &LeakState) -> Self {
        let before = |index| state.rises(index, window);
        let new = |index: usize, rule| Window::new(rule, window, start, before(index));
        let [short, long] = RULES;
        Tracker {
            window,
            windows: [new(0, short), new(1, long)],
            short_was: LeakVerdict::None,
            verdict: LeakVerdict::None,
            sites: Vec::new(),
            last_run: state.last_run(),
        }
    }

    /// Another window begins anew at `uptime`, after its own warm-up; whatever was said is said no more.
    pub(crate) fn judge_by(&mut self, window: Duration, uptime: Duration) -> Option<LeakNews> {
        if window == self.window {
            return None;
        }
        let news = self.turn_to(LeakVerdict::None);
        let (last_run, start) = (self.last_run.take(), uptime + window / WARM_UP);
        *self = Tracker { last_run, ..Tracker::starting(window, start, &LeakState::default()) };
        news
    }

    /// Goes on where another run ended. Before the first look.
    pub(crate) fn resume(&mut self, state: &LeakState) {
        *self = Tracker::resumed(self.window, state);
    }

    /// Takes in a figure at `uptime`; `None` while it is unknown. Allocates nothing.
    pub(crate) fn observe(&mut self, uptime: Duration, figure: Option<Floor>) -> Looked {
        let [short, long] = &mut self.windows;
        let ended = [short.observe(uptime, figure), long.observe(uptime, figure)];
        let news = if ended != [None; 2] { self.judge() } else { None };
        let is_new = news.is_some() || ended.contains(&Some(true));
        Looked { epoch: ended[0].map(|_| EpochEnd::of(self)), news, is_new }
    }

    fn judge(&mut self) -> Option<LeakNews> {
        self.end_together();
        let judged = self.leading().verdict();
        let stays = self.verdict == LeakVerdict::Confirmed && judged == LeakVerdict::Suspected;
        self.turn_to(if stays { LeakVerdict::Confirmed } else { judged })
    }

    /// What the shorter window saw end is not on its way in the longer one.
    fn end_together(&mut self) {
        let [short, long] = &mut self.windows;
        let was = std::mem::replace(&mut self.short_was, short.verdict());
        let has_ended = was >= LeakVerdict::Suspected && short.verdict() == LeakVerdict::None;
        if has_ended && long.verdict() == LeakVerdict::Growing {
            long.end();
        }
    }

    fn turn_to(&mut self, to: LeakVerdict) -> Option<LeakNews> {
        let from = std::mem::replace(&mut self.verdict, to);
        if to == LeakVerdict::None {
            self.sites = Vec::new();
        }
        (from != to).then_some(LeakNews { from, to })
    }

    /// The window that says more; the shorter one of two that say the same.
    fn leading(&self) -> &Window {
        let [short, long] = &self.windows;
        if long.verdict() > short.verdict() { long } else { short }
    }

    /// Takes in the places that grew. `agreed` are those of two profiles, and confirm a suspicion.
    #[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "only profiles have sites"))]
    pub(crate) fn blame(&mut self, sites: Vec<GrownSite>, agreed: bool) -> Option<LeakNews> {
        let is_worse = self.verdict == LeakVerdict::Confirmed && !agreed;
        // Two profiles that agree on nothing know no better than what was known before.
        let knows_nothing = agreed && sites.is_empty();
        if self.verdict == LeakVerdict::None || is_worse || knows_nothing {
            return None;
        }
        self.sites = sites;
        let confirms = agreed && self.verdict >= LeakVerdict::Suspected;
        let to = if confirms { LeakVerdict::Confirmed } else { self.verdict };
        self.turn_to(to)
    }

    pub(crate) fn verdict(&self) -> LeakVerdict {
        self.verdict
    }

    pub(crate) fn status(&self) -> LeakStatus {
        let leading = self.leading();
        let grown = leading.grown();
        let span = grown.map(|grown| leading.length().as_secs_f64() * f64::from(grown.epochs));
        let hours = span.map(|span| span / 3600.0);
        LeakStatus {
            verdict: self.verdict,
            growth_bytes: grown.map(|grown| grown.bytes.max(0).cast_unsigned()),
            growth_objects: grown.and_then(|grown| grown.objects),
            span_secs: span,
            bytes_per_hour: grown.zip(hours).map(|(grown, hours)| grown.bytes as f64 / hours),
            floor_bytes: leading.floor().map(|floor| floor.bytes),
            epoch_secs: leading.length().as_secs_f64(),
            rises: leading.rises().len().min(leading.rises_needed()),
            rises_needed: leading.rises_needed(),
            sites: self.sites.clone(),
            last_run: self.last_run.clone(),
        }
    }

    /// What shall outlive the process.
    pub(crate) fn state(&self) -> LeakState {
        let rises = self.windows.map(|window| window.rises().to_vec());
        LeakState::new(self.window, rises, &self.status())
    }
}
