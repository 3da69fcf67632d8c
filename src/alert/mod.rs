//! Alerts, judged: rules over figures and events in, alerts that fire and resolve out. No clock, no I/O.
//!
//! ```text
//! rule.rs      what a user asks for; checked at the start
//! defaults.rs  what everybody gets
//! seen.rs      what the rules look at: one look at the monitor
//! state.rs     one alert's way from pending over firing to resolved
//! engine.rs    all rules against one look
//! told.rs      what is told: labels, times, fingerprint
//! words.rs     summaries, with their figures
//! ```

mod defaults;
mod engine;
mod rule;
mod seen;
mod state;
mod told;
mod words;

pub(crate) use engine::{Engine, MOST_AT_ONCE};
pub use rule::{AlertRule, AlertSeverity, AlertWhen};
pub(crate) use rule::{RuleSet, check};
pub(crate) use seen::Seen;
pub(crate) use told::{Alert, Labels};
