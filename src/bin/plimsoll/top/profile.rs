//! What is known of the heap profile, and what may be done about it.

use serde_json::Value;

/// What is wanted of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Take,
    Start,
    Stop,
}

impl Act {
    /// As the route names it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Act::Take => "take",
            Act::Start => "start",
            Act::Stop => "stop",
        }
    }

    pub(super) const fn done(self) -> &'static str {
        match self {
            Act::Take => "a profile was taken",
            Act::Start => "the profile samples",
            Act::Stop => "the profile has stopped",
        }
    }
}

/// What is known of it.
#[derive(Debug, Default)]
pub(super) enum Profile {
    /// Not asked yet.
    #[default]
    Unknown,
    /// There is none, and why.
    None(String),
    Known(Value),
}
