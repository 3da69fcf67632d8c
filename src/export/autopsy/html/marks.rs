//! What happened, as flags on the charts: what matters most first, none over another, by number the same as in the table.

use crate::export::autopsy::Autopsy;
use crate::export::autopsy::course::Moment;

/// Flags on a chart.
const MOST: usize = 12;
/// Lines without a number, beside them.
const MOST_LINES: usize = 60;
/// What a flag takes of a chart's width on a phone.
const APART: f64 = 0.055;

pub(super) struct Mark {
    pub(super) timestamp: f64,
    pub(super) class: &'static str,
    pub(super) words: String,
    /// `None` where there was no room for a flag.
    pub(super) number: Option<usize>,
}

/// In the order of time.
pub(super) struct Marks {
    pub(super) all: Vec<Mark>,
}

impl Marks {
    pub(super) fn of(autopsy: &Autopsy) -> Self {
        let span = span(autopsy);
        let shown = autopsy.time_line.iter().filter_map(|moment| Some((weight(moment)?, moment)));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        shown.truncate(MOST_LINES);
        let mut flags: Vec<f64> = Vec::new();
        for (_, moment) in &shown {
            let is_apart = |flag: &f64| (flag - moment.timestamp).abs() >= APART * span;
            if flags.len() < MOST && flags.iter().all(is_apart) {
                flags.push(moment.timestamp);
            }
        }
        flags.sort_by(f64::total_cmp);
        shown.sort_by(|(_, a), (_, b)| a.timestamp.total_cmp(&b.timestamp));
        Marks {
            all: shown.into_iter().map(|(_, moment)| mark(moment, &mut flags.clone())).collect(),
        }
    }

    /// The number of its flag.
    pub(super) fn number(&self, moment: &Moment) -> Option<usize> {
        let is_its =
            |mark: &&Mark| mark.timestamp == moment.timestamp && mark.words == moment.words;
        self.all.iter().find(is_its).and_then(|mark| mark.number)
    }
}

fn span(autopsy: &Autopsy) -> f64 {
    let first = autopsy.points.first().map_or(0.0, |point| point.timestamp);
    let last = autopsy.points.last().map_or(0.0, |point| point.timestamp);
    (last - first).max(1e-9)
}

fn mark(moment: &Moment, flags: &mut [f64]) -> Mark {
    let number = flags.iter().position(|flag| *flag == moment.timestamp).map(|place| place + 1);
    Mark { timestamp: moment.timestamp, class: class(moment), words: moment.words.clone(), number }
}

/// How much it matters on a chart; `None` where not at all.
fn weight(moment: &Moment) -> Option<u8> {
    Some(match moment.event_type.as_str() {
        "panic" | "last_sign" => 9,
        kind if kind.starts_with("leak_") => 8,
        "gave_up" => 7,
        "level_changed" => 6,
        "refill_storm" | "stuck" | "budget_changed" => 5,
        "eviction_completed" => 4,
        "purge_completed" => 2,
        "monitor_started" => 1,
        _ => return None,
    })
}

fn class(moment: &Moment) -> &'static str {
    match moment.event_type.as_str() {
        "panic" | "last_sign" | "gave_up" => "critical",
        kind if kind.starts_with("leak_") => "warning",
        "level_changed" => moment.level.map_or("unknown", |level| level.as_str()),
        "eviction_completed" | "purge_completed" => "given",
        _ => "unknown",
    }
}
