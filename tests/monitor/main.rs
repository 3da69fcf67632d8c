//! The monitor on a real heap: what it sees, what it does, and what cannot hurt it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

mod brake;
mod ceilings;
mod configure;
mod defects;
mod extensions;
mod hooks;
mod input;
mod lifecycle;
mod outlook;
mod reports;
mod support;
