//! The tools for agents, asked as JSON-RPC over real sockets of a real monitor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

#[path = "../monitor/support.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod support;

#[path = "../http/client.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod client;

mod agent;
mod changing;
mod documents;
mod explaining;
mod looking;
#[cfg(feature = "profile")]
mod profile;
mod protocol;
