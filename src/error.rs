//! `Error`: what went wrong, with the value that was wrong and what would have been right.

use crate::mebibyte::mib;
use serde_json::{Value, json};
use std::time::Duration;

/// Everything plimsoll's functions can fail with.
///
/// ```
/// let error = plimsoll::Monitor::builder().thresholds(80.0, 70.0, 98.0).start().err();
/// assert_eq!(error.map(|error| error.category()), Some("threshold_error"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Thresholds that are out of range or not strictly rising.
    #[error("{threshold} threshold of {given} %: must be {expected}")]
    #[non_exhaustive]
    Threshold {
        /// `warning`, `prompt` or `emergency`.
        threshold: &'static str,
        /// The percentage that was given.
        given: f64,
        /// What would be right.
        expected: String,
    },
    /// A budget that cannot be held.
    #[error("budget of {given} ({bytes} bytes): must be {expected}")]
    #[non_exhaustive]
    Budget {
        /// The budget as it was given.
        given: String,
        /// What it comes to.
        bytes: u64,
        /// What would be right.
        expected: String,
    },
    /// Any other setting that makes no sense.
    #[error("{setting} of {given}: must be {expected}")]
    #[non_exhaustive]
    Setting {
        /// The builder option.
        setting: &'static str,
        /// The value that was given.
        given: String,
        /// What would be right.
        expected: String,
    },
    /// A text that does not parse.
    #[error("cannot read {given:?} as {expected}")]
    #[non_exhaustive]
    Parse {
        /// The text.
        given: String,
        /// What was expected, with an example.
        expected: &'static str,
    },
    /// An environment variable whose value was refused.
    #[error("environment variable {variable}: {source}")]
    #[non_exhaustive]
    Environment {
        /// Its name.
        variable: &'static str,
        /// Why its value was refused.
        source: Box<Error>,
    },
    /// An eviction could not be carried out.
    #[error("eviction of {target_bytes} bytes: {reason}")]
    #[non_exhaustive]
    Eviction {
        /// What was asked for.
        target_bytes: u64,
        /// What was freed until then, measured; `None` when that is not known.
        freed_bytes: Option<u64>,
        /// Why it did not go on.
        reason: String,
    },
    /// A purge could not be carried out.
    #[error("purge: {reason}")]
    #[non_exhaustive]
    Purge {
        /// Why not.
        reason: &'static str,
    },
    /// The global monitor runs already.
    #[error("the monitor runs already: stop it first, or use the one that runs")]
    AlreadyRunning,
    /// No monitor runs.
    #[error("no monitor runs: start one first")]
    NotRunning,
    /// The operating system refused a thread or a file.
    #[error("{what}: {source}")]
    #[non_exhaustive]
    Monitoring {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A recorder's file cannot be written or read.
    #[error("recorder {}: {what}: {source}", path.display())]
    #[non_exhaustive]
    Recorder {
        /// The file.
        path: std::path::PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer, or what is wrong with the file.
        source: std::io::Error,
    },
    /// A monitor that should have answered did not.
    #[error("the monitor did not answer within {}", humantime::format_duration(*.0))]
    NoAnswer(Duration),
}

impl Error {
    /// The word the original system used for this kind of error, in logs and answers.
    ///
    /// `threshold_error`, `eviction_error`, `monitoring_error`, or `memory_error` for the rest.
    pub fn category(&self) -> &'static str {
        match self {
            Error::Threshold { .. } => "threshold_error",
            Error::Eviction { .. } => "eviction_error",
            Error::AlreadyRunning
            | Error::NotRunning
            | Error::Monitoring { .. }
            | Error::Recorder { .. }
            | Error::NoAnswer(_) => "monitoring_error",
            Error::Environment { source, .. } => source.category(),
            Error::Budget { .. }
            | Error::Setting { .. }
            | Error::Parse { .. }
            | Error::Purge { .. } => "memory_error",
        }
    }

    /// The error as an answer to a program: `error`, `error_type`, and what the original gave with its kind, sizes in MiB
    /// with their twins in bytes.
    ///
    /// ```
    /// let error = plimsoll::Monitor::builder().thresholds(80.0, 70.0, 98.0).start().unwrap_err();
    /// assert_eq!(error.to_json()["error_type"], "threshold_error");
    /// assert_eq!(error.to_json()["threshold_type"], "prompt");
    /// ```
    pub fn to_json(&self) -> Value {
        let mut json = match self {
            Error::Environment { source, variable } => {
                let mut json = source.to_json();
                json["variable"] = (*variable).into();
                json
            }
            Error::Threshold { threshold, given, expected } => json!({
                "threshold_type": threshold, "given_percent": given, "expected": expected,
                "current_mb": null, "current_bytes": null, "threshold_mb": null, "threshold_bytes": null,
            }),
            Error::Eviction { target_bytes, freed_bytes, reason } => json!({
                "target_mb": mib(*target_bytes), "target_bytes": target_bytes,
                "freed_mb": freed_bytes.map(mib), "freed_bytes": freed_bytes,
                "errors": [reason],
            }),
            _ => json!({}),
        };
        json["error"] = self.to_string().into();
        json["error_type"] = self.category().into();
        json
    }

    pub(crate) fn setting(setting: &'static str, given: impl ToString, expected: &str) -> Self {
        Error::Setting { setting, given: given.to_string(), expected: expected.into() }
    }
}
