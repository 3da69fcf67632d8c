//! Structured logs: every event as one JSON object, through `tracing`.

use crate::event::{Event, EventKind, Severity};
use crate::snapshot::Moment;

/// The `tracing` target of every event.
pub const LOG_TARGET: &str = "plimsoll";

/// Hands `event` to whatever subscriber the program has: fields `component`, `event_type` and `json`, the whole object.
pub(crate) fn emit(event: &Event) {
    match event.level {
        Severity::Debug => {
            send(event, tracing::enabled!(target: LOG_TARGET, tracing::Level::DEBUG), |e| {
                tracing::debug!(target: LOG_TARGET, component = e.component, event_type = e.event_type, json = e.json);
            })
        }
        Severity::Info => {
            send(event, tracing::enabled!(target: LOG_TARGET, tracing::Level::INFO), |e| {
                tracing::info!(target: LOG_TARGET, component = e.component, event_type = e.event_type, json = e.json);
            })
        }
        Severity::Warning => {
            send(event, tracing::enabled!(target: LOG_TARGET, tracing::Level::WARN), |e| {
                tracing::warn!(target: LOG_TARGET, component = e.component, event_type = e.event_type, json = e.json);
            })
        }
        Severity::Error => {
            send(event, tracing::enabled!(target: LOG_TARGET, tracing::Level::ERROR), |e| {
                tracing::error!(target: LOG_TARGET, component = e.component, event_type = e.event_type, json = e.json);
            })
        }
    }
}

/// As [`emit`], for what happens at every tick: made only when somebody listens to debug events, since making it allocates.
pub(crate) fn emit_debug(at: Moment, kind: impl FnOnce() -> EventKind) {
    if tracing::enabled!(target: LOG_TARGET, tracing::Level::DEBUG) {
        emit(&Event::new(at, kind()));
    }
}

struct Fields<'a> {
    component: &'a str,
    event_type: &'a str,
    json: &'a str,
}

fn send(event: &Event, enabled: bool, write: impl FnOnce(&Fields<'_>)) {
    if enabled {
        let (component, event_type) = (event.component.as_str(), event.kind.event_type());
        write(&Fields { component, event_type, json: &json(event) });
    }
}

/// The event as one line of JSON.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let monitor = plimsoll::Monitor::builder().budget("64MiB".parse()?).start()?;
/// for event in monitor.events() {
///     println!("{}", plimsoll::event_json(&event));
/// }
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn json(event: &Event) -> String {
    // Every field is a number, a string or a list of them: this cannot fail.
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Field;
    use crate::policy::budget::{Basis, Resolved};
    use crate::policy::threshold::Threshold;
    use crate::policy::watch::Cause;
    use crate::snapshot::Snapshot;
    use crate::source::Readings;
    use std::time::{Duration, Instant};

    fn line(kind: EventKind) -> String {
        let at = Moment { wall_micros: 1_700_000_000_250_000, instant: Instant::now() };
        json(&Event::new(at, kind))
    }

    #[test]
    fn a_crossing_has_the_keys_of_the_contract() {
        let crossing = EventKind::threshold_crossed(Threshold::Prompt, 94 << 20, 93 << 20, 94.0);
        assert_eq!(
            line(crossing),
            r#"{"timestamp":1700000000.25,"component":"memory_monitor","level":"warning","event_type":"threshold_crossed","threshold_type":"prompt","current_mb":94.0,"current_bytes":98566144,"threshold_mb":93.0,"threshold_bytes":97517568,"usage_percent":94.0}"#
        );
    }

    #[test]
    fn a_budget_that_was_lowered_is_worth_a_look() {
        let resolved = |bytes, provenance: &str| Resolved {
            bytes,
            limit: None,
            basis: Basis::Process,
            provenance: provenance.into(),
        };
        let (old, new) = (resolved(2 << 20, "before"), resolved(1 << 20, "after"));
        assert_eq!(
            line(EventKind::budget_changed(&old, &new)),
            r#"{"timestamp":1700000000.25,"component":"memory_monitor","level":"warning","event_type":"budget_changed","old_bytes":2097152,"old_mb":2.0,"new_bytes":1048576,"new_mb":1.0,"budget_provenance":"after"}"#
        );
        let raised = Event::new(Moment::now(), EventKind::budget_changed(&new, &old));
        assert_eq!(raised.level, Severity::Info);
    }

    #[test]
    fn a_level_that_is_stuck_is_said_with_its_cause() {
        let mut snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        snapshot.values.set(Field::Usage, Some(95));
        snapshot.values.set(Field::Budget, Some(100));
        let cause = Cause { name: "page_slack", bytes: 3 << 20, remedy: "free whole pages" };
        assert_eq!(
            line(EventKind::stuck(&snapshot, Some(cause))),
            r#"{"timestamp":1700000000.25,"component":"memory_monitor","level":"warning","event_type":"stuck","usage_percent":95.0,"cause":"page_slack","cause_bytes":3145728,"cause_mb":3.0,"remedy":"free whole pages"}"#
        );
        assert_eq!(
            line(EventKind::emergency_lasts(&snapshot, Duration::from_secs(10))),
            r#"{"timestamp":1700000000.25,"component":"memory_monitor","level":"warning","event_type":"emergency_lasts","lasting_seconds":10.0,"usage_percent":95.0,"usage_bytes":95}"#
        );
    }

    #[test]
    fn what_is_not_a_number_is_null_in_json() {
        let crossing = EventKind::threshold_crossed(Threshold::Prompt, 0, 0, f64::NAN);
        let parsed: serde_json::Value = serde_json::from_str(&line(crossing)).expect("valid JSON");
        assert!(parsed["usage_percent"].is_null());
    }
}
