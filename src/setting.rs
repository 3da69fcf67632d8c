//! `Setting`: one setting in force, and where it came from.

use serde::Serialize;

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The builder.
    Builder,
    /// An environment variable.
    Environment,
    /// Nobody said anything.
    Default,
    /// Changed while the monitor runs.
    Changed,
}

/// One setting in force, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// The builder's word for it.
    pub name: &'static str,
    /// The environment variable that an operator would set.
    pub variable: &'static str,
    /// The value in force.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}
