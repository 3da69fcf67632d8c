//! Alerts on a real heap, to a real receiver: what arrives, and what happens while nobody takes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

mod delivery;
mod receiver;
mod refusals;
mod support;
mod thread;
