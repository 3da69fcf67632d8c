//! `Dialog`: what is asked before something is done, and the help.

use crate::print::{size, text};
use serde_json::Value;

/// What lies over the view.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Dialog {
    Help,
    /// How much is to be evicted, as it was typed so far.
    Amount(String),
    /// What an eviction would ask of whom: is it wanted?
    Confirm {
        bytes: u64,
        plan: Value,
    },
    /// What may be done about the heap profile.
    Profile {
        may_act: bool,
    },
}

/// Digits enough for any machine.
pub(super) const MOST_TYPED: usize = 12;

impl Dialog {
    pub(super) const fn title(&self) -> &'static str {
        match self {
            Dialog::Help => "help",
            Dialog::Amount(_) | Dialog::Confirm { .. } => "evict",
            Dialog::Profile { .. } => "heap profile",
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Dialog::Help => HELP.map(str::to_owned).to_vec(),
            Dialog::Amount(typed) => vec![
                "How much shall the caches free?".into(),
                format!("> {typed}_"),
                "Enter shows the plan, Esc leaves it".into(),
            ],
            Dialog::Confirm { bytes, plan } => confirm(*bytes, plan),
            Dialog::Profile { may_act: true } => [
                "s  start sampling",
                "x  stop it",
                "t  take a profile now",
                "Esc  nothing of these",
            ]
            .map(str::to_owned)
            .to_vec(),
            Dialog::Profile { may_act: false } => vec![
                "t  take a profile now".into(),
                format!("start, stop: {NOT_ALLOWED}"),
                "Esc  nothing of these".into(),
            ],
        }
    }
}

/// Why nothing may be changed, and how it could be.
pub(super) const NOT_ALLOWED: &str = "not allowed; start the process with PLIMSOLL_HTTP_ACTIONS=on";

const HELP: [&str; 10] = [
    "1 to 6, Tab, Left, Right   what is shown",
    "Up, Down, PageUp, PageDown  scroll; Home: the top",
    "e   evict: asks how much, shows the plan, asks again",
    "p   heap profile: start, stop, take",
    "r   ask the process now",
    "?   this help",
    "q, Ctrl-C   end",
    "",
    "+ and = are the ledger's parts and sums.",
    "Growth of caches is that of the last minute.",
];

fn confirm(bytes: u64, plan: &Value) -> Vec<String> {
    let asks = plan["asks"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = vec![format!("To free {}:", crate::print::bytes(bytes as f64))];
    let shown = asks.iter().take(6);
    lines.extend(shown.map(|ask| format!("  {} of {}", size(&ask["bytes"]), text(&ask["cache"]))));
    if asks.len() > 6 {
        lines.push(format!("  and of {} more", asks.len() - 6));
    }
    if asks.is_empty() {
        lines.push("  no cache has anything to give".into());
    }
    lines.push("y  ask them, Esc  leave it".into());
    lines
}
