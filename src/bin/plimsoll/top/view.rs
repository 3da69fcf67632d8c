//! `View`: what the terminal shows, as far as it was heard.

use super::dialog::Dialog;
use super::draw;
use super::heard::Heard;
use super::keys::{self, Wish};
use super::profile::Profile;
use super::series::{Caches, Series, column};
use super::tab::Tab;
use serde_json::Value;
use std::collections::VecDeque;

/// As many as a monitor remembers.
const MOST_EVENTS: usize = 256;

/// What came of the last thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Good(String),
    Bad(String),
}

pub(super) struct View {
    pub(super) colour: bool,
    /// The last that was heard; `Null` before the first.
    pub(super) status: Value,
    /// Why the process does not answer; `None` while it does.
    pub(super) lost: Option<String>,
    pub(super) used: Series,
    pub(super) live: Series,
    pub(super) caches: Caches,
    /// Newest first.
    pub(super) events: VecDeque<Value>,
    pub(super) profile: Profile,
    pub(super) tab: Tab,
    /// Lines of the tab that have gone off at the top.
    pub(super) scroll: usize,
    pub(super) dialog: Option<Dialog>,
    pub(super) note: Option<Note>,
}

impl View {
    pub(super) fn new(colour: bool) -> Self {
        View {
            colour,
            status: Value::Null,
            lost: None,
            used: Series::default(),
            live: Series::default(),
            caches: Caches::default(),
            events: VecDeque::new(),
            profile: Profile::default(),
            tab: Tab::Overview,
            scroll: 0,
            dialog: None,
            note: None,
        }
    }

    /// Takes in what was heard; says what is to be done about it.
    pub(super) fn hear(&mut self, heard: Heard) -> Wish {
        match heard {
            Heard::Status(status) => self.take(status),
            Heard::History(history) => self.remember(&history),
            Heard::Events(log) => self.happened(&log),
            Heard::Profile(profile) => {
                self.profile = profile.map_or_else(Profile::None, Profile::Known);
            }
            Heard::Lost(why) => self.lost = Some(why),
            Heard::Plan { bytes, plan } => self.dialog = Some(Dialog::Confirm { bytes, plan }),
            Heard::Done(came) => self.note = Some(came.map_or_else(Note::Bad, Note::Good)),
            Heard::Key(key) => return keys::press(self, key),
            Heard::Resized => {}
            Heard::End => return Wish::Quit,
        }
        Wish::Nothing
    }

    fn take(&mut self, status: Value) {
        if status["process"]["run"] != self.status["process"]["run"] {
            self.forget();
        }
        let (time, figures) = (status["timestamp"].as_f64(), &status["snapshot"]);
        for (series, name) in [(&mut self.used, "usage_bytes"), (&mut self.live, "live_bytes")] {
            if let (Some(time), Some(bytes)) = (time, figures[name].as_f64()) {
                series.push(time, bytes);
            }
        }
        self.caches.push(&status);
        (self.status, self.lost) = (status, None);
    }

    /// Another run: its figures and the numbers of its events begin anew.
    fn forget(&mut self) {
        (self.used, self.live) = (Series::default(), Series::default());
        (self.caches, self.profile) = (Caches::default(), Profile::default());
        self.events.clear();
    }

    /// What was before we came, before what we have seen.
    fn remember(&mut self, history: &Value) {
        for (series, name) in [(&mut self.used, "usage_bytes"), (&mut self.live, "live_bytes")] {
            series.put_before(&column(history, name));
        }
    }

    fn happened(&mut self, log: &Value) {
        for event in log["events"].as_array().into_iter().flatten() {
            self.events.push_front(event.clone());
        }
        self.events.truncate(MOST_EVENTS);
    }

    /// Whether the process lets callers change anything.
    pub(super) fn may_act(&self) -> bool {
        self.status["surfaces"]["actions"] == true
    }

    /// What is above the budget's first threshold, or else a tenth of what the caches hold; a whole MiB at least.
    pub(super) fn sensible_amount(&self) -> String {
        let caches = self.status["caches"].as_array().into_iter().flatten();
        let held: u64 = caches.filter_map(|cache| cache["usage_bytes"].as_u64()).sum();
        let used = self.status["snapshot"]["usage_bytes"].as_u64().unwrap_or(0);
        let leave = self.status["thresholds"][0]["leave_bytes"].as_u64().unwrap_or(u64::MAX);
        let above = used.saturating_sub(leave);
        let bytes = if above > 0 { above } else { held / 10 };
        format!("{}MiB", bytes.div_ceil(1 << 20).max(1))
    }

    pub(super) fn turn_to(&mut self, tab: Tab) {
        (self.tab, self.scroll) = (tab, 0);
    }

    /// Never past the last line.
    pub(super) fn scroll_by(&mut self, lines: isize) {
        let most = draw::lines_of(self).saturating_sub(1);
        self.scroll = self.scroll.saturating_add_signed(lines).min(most);
    }
}
