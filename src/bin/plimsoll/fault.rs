//! `Fault`: why a command ends without its answer, as the one line that goes to stderr.

use std::io;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What was wrong, and what would be right.
    Told(String),
    /// Whoever read our output has gone: nobody is left to tell.
    Closed,
}

impl Fault {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Fault::Told(words.into())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Told(words) => f.write_str(words),
            Fault::Closed => f.write_str("the output was closed"),
        }
    }
}

/// Of writing the output.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Fault::Closed,
            _ => Fault::new(format!("the output cannot be written: {error}")),
        }
    }
}
