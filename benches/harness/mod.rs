//! What the benches share: their arguments, the peers they build and run, figures, and the machine.
//!
//! ```text
//! arguments.rs   the command line
//! peers.rs       the allocators that are compared, and their building
//! child.rs       one process that measures
//! contest.rs     rounds: every allocator in turn, again and again
//! figures.rs     median, minimum, maximum
//! machine.rs     where it was measured
//! parked.rs      threads that hold a slot and wait
//! timing.rs      the time a call takes, within this process
//! ```
#![allow(
    dead_code,
    clippy::print_stderr,
    reason = "each bench uses its part, and says what is wrong"
)]

pub(crate) mod arguments;
pub(crate) mod child;
pub(crate) mod contest;
pub(crate) mod figures;
pub(crate) mod machine;
pub(crate) mod parked;
pub(crate) mod peers;
pub(crate) mod timing;

use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;

/// How a bench ends: an error is told by its name, and is the caller's (2).
pub(crate) fn exit_code(bench: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{bench}: {message}");
            ExitCode::from(2)
        }
    }
}

/// Writes `document` to `file`, for people and programs.
pub(crate) fn write_json(file: &Path, document: &Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(document).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
}
