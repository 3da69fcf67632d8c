//! The server over real sockets: what it answers, whom, and what it bears.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "../common/installed.rs"]
mod installed;

#[path = "../monitor/support.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod support;

mod actions;
mod answers;
mod bounds;
mod client;
mod description;
#[cfg(feature = "prometheus")]
mod figures;
mod guard;
mod lifecycle;
#[cfg(feature = "profile")]
mod profile;
mod stream;
