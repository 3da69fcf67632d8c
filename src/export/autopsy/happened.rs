//! One recorded event in words.

use super::words::{capital, plain, size, spaced, span};
use crate::recorder::RecordedEvent;
use serde_json::Value;

/// The last thing that the watch over leaks said, unless that it was over.
pub(super) fn last_leak(events: &[RecordedEvent]) -> Option<&RecordedEvent> {
    let last = events.iter().rev().find(|event| event.event_type.starts_with("leak_"))?;
    (last.event_type != "leak_cleared").then_some(last)
}

/// Without its time, and without a full stop.
pub(super) fn words(event: &RecordedEvent) -> String {
    let says = Says(event);
    match event.event_type.as_str() {
        "monitor_started" => {
            format!("the monitor began, with a budget of {}", says.size("budget_bytes"))
        }
        "monitor_stopped" => "the monitor was stopped".into(),
        "level_changed" => format!("from {} to {}", says.text("from"), says.text("to")),
        "threshold_crossed" => format!("past the threshold {}", says.text("threshold_type")),
        "eviction_completed" => evicted(&says),
        "purge_completed" => format!("a purge gave back {}", says.size("purged_bytes")),
        "gave_up" => gave_up(&says),
        "refill_storm" => {
            let (cache, bytes) = (says.text("cache"), says.size("evicted_bytes"));
            format!("cache {cache} took {bytes} again as soon as it had given it")
        }
        "stuck" => format!("stuck; the largest part is {}", says.text("cause")),
        "emergency_lasts" => match says.number("lasting_seconds") {
            Some(seconds) => format!("the emergency has lasted {}", span(seconds)),
            None => "the emergency lasts".into(),
        },
        "budget_changed" => {
            format!("the budget went from {} to {}", says.size("old_bytes"), says.size("new_bytes"))
        }
        "health_check" => format!("health is {}", says.text("status")),
        "error" => format!("error: {}", says.text("error_message")),
        kind if kind.starts_with("leak_") => leaks(kind, &says),
        _ => says.whole(),
    }
}

struct Says<'a>(&'a RecordedEvent);

impl Says<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        self.0.json.get(name).and_then(Value::as_f64)
    }

    fn size(&self, name: &str) -> String {
        self.number(name).map_or("an unknown size".into(), size)
    }

    fn text(&self, name: &str) -> String {
        self.0.json.get(name).and_then(Value::as_str).map_or("unknown".into(), spaced)
    }

    fn names(&self, name: &str) -> Vec<String> {
        let names = self.0.json.get(name).and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(plain).collect()
    }

    /// Its word, and its message if it has one.
    fn whole(&self) -> String {
        let word = spaced(&self.0.event_type);
        let message = self.0.json.get("message").or(self.0.json.get("summary"));
        match message.and_then(Value::as_str) {
            Some(message) => format!("{word}: {}", plain(message)),
            None => word,
        }
    }
}

fn evicted(says: &Says<'_>) -> String {
    let names = says.names("evicted");
    let whom = match names.as_slice() {
        [] => "nobody was asked".into(),
        [one] => format!("asked {one}"),
        [first, rest @ ..] => format!("asked {first} and {} more", rest.len()),
    };
    let (freed, wanted) = (says.size("memory_freed_bytes"), says.size("target_bytes"));
    format!("an eviction freed {freed} of {wanted}: {whom}")
}

fn gave_up(says: &Says<'_>) -> String {
    let needed = says.size("needed_bytes");
    let grew = says.0.json.get("grew").and_then(Value::as_str).map(spaced);
    let grew = grew.map_or(String::new(), |grew| {
        format!("; what grew: {grew}, by {}", says.size("grew_bytes"))
    });
    format!("no cache was left to give {needed}{grew}")
}

fn leaks(kind: &str, says: &Says<'_>) -> String {
    let word = match kind {
        "leak_growing" => "unexplained memory grows",
        "leak_suspected" => "a leak is suspected",
        "leak_confirmed" => "a leak is confirmed",
        _ => "no leak is suspected any more",
    };
    let by = says.number("growth_bytes").map(|bytes| format!(" by {}", size(bytes)));
    let over = says.number("span_seconds").map(|seconds| format!(" in {}", span(seconds)));
    let held = functions(says.0).map(|functions| format!(", held by {functions}"));
    match by {
        Some(by) => {
            format!("{word}: grown{by}{}{}", over.unwrap_or_default(), held.unwrap_or_default())
        }
        None => word.to_owned(),
    }
}

/// Which functions hold what grew, as a leak's event has it.
pub(super) fn functions(event: &RecordedEvent) -> Option<String> {
    event.json.get("functions").and_then(Value::as_str).map(plain)
}

/// With a capital, as a line of its own.
pub(super) fn line(event: &RecordedEvent) -> String {
    capital(&words(event))
}
