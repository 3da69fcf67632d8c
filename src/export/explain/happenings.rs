//! What went wrong lately, in words.

use super::words::{change, size};
use crate::event::{Event, EventKind, NumberedEvent, Severity};
use crate::export::evidence::age;
use serde::Serialize;

/// What is older explains nothing of now.
const LATELY: f64 = 3600.0;

/// So many are told.
const TOLD: usize = 8;

/// And so many caches of each.
const NAMED: usize = 4;

/// An event that helps to explain, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Happening {
    /// Its number among the events.
    pub sequence: u64,
    /// How long ago, in seconds.
    pub age_seconds: f64,
    /// `event_type`, as in logs.
    pub event_type: &'static str,
    /// How much it matters.
    pub level: Severity,
    /// In words.
    pub words: String,
}

impl Happening {
    /// The last of those that help to explain, oldest first.
    pub(super) fn lately(events: &[NumberedEvent], now: f64) -> Vec<Self> {
        let recent = events.iter().rev().take_while(|it| age(now, it.event.timestamp) < LATELY);
        let mut told: Vec<_> = recent
            .filter_map(|NumberedEvent { sequence, event }| Happening::of(*sequence, event, now))
            .take(TOLD)
            .collect();
        told.reverse();
        told
    }

    fn of(sequence: u64, event: &Event, now: f64) -> Option<Self> {
        Some(Happening {
            sequence,
            age_seconds: age(now, event.timestamp),
            event_type: event.kind.event_type(),
            level: event.level,
            words: words(&event.kind)?,
        })
    }
}

/// The first of them, and how many there are besides.
fn few(names: &[String]) -> String {
    let (told, rest) = names.split_at(names.len().min(NAMED));
    let told = told.join(", ");
    if rest.is_empty() { told } else { format!("{told} and {} more", rest.len()) }
}

fn words(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::GaveUp { needed_bytes, grew, grew_bytes, .. } => {
            let grew = grew.as_ref().zip(grew_bytes.map(|bytes| size(bytes as f64)));
            let grew =
                grew.map_or(String::new(), |(name, by)| format!("; {name} had grown by {by}"));
            format!("no cache was left to give {}{grew}", size(*needed_bytes as f64))
        }
        EventKind::Stuck { cause, cause_bytes, .. } => {
            let cause = cause.zip(cause_bytes.map(|bytes| size(bytes as f64)));
            let cause = cause.map_or("unknown".into(), |(name, bytes)| format!("{name}, {bytes}"));
            format!("ten minutes near the line without falling; the largest part: {cause}")
        }
        EventKind::RefillStorm { cache, evicted_bytes, .. } => {
            format!(
                "cache {cache} took {} again as soon as it had given it",
                size(*evicted_bytes as f64)
            )
        }
        EventKind::EvictionCompleted { message, evicted, automatic, .. } => {
            let by = if *automatic { "by the monitor" } else { "on demand" };
            format!("eviction {by} of [{}]: {message}", few(evicted))
        }
        EventKind::LeakSuspected { leak } | EventKind::LeakConfirmed { leak } => {
            let word = if matches!(kind, EventKind::LeakConfirmed { .. }) {
                "confirmed"
            } else {
                "suspected"
            };
            let named =
                leak.functions.as_ref().map_or(String::new(), |names| format!(" in {names}"));
            format!("a leak was {word}: {}{named}", size(leak.growth_bytes.unwrap_or(0) as f64))
        }
        EventKind::LeakCleared { was } => {
            format!("what was {was} has grown no more, or was given back")
        }
        EventKind::PurgeSuspended { yield_ratio, .. } => {
            format!(
                "purged pages hardly come back to the system: {:.0} % of them",
                yield_ratio * 100.0
            )
        }
        EventKind::EmergencyLasts { lasting_seconds, .. } => {
            format!("the emergency lasts for {lasting_seconds:.0} s")
        }
        EventKind::LevelChanged { from, to, .. } => format!("the level went from {from} to {to}"),
        EventKind::BudgetChanged { old_bytes, new_bytes, .. } => {
            let by = new_bytes.checked_signed_diff(*old_bytes).map_or(String::new(), change);
            format!("the budget changed by {by}")
        }
        EventKind::Error { error_message, .. } => error_message.chars().take(200).collect(),
        _ => return None,
    })
}
