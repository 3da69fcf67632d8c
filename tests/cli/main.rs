//! The program `plimsoll`, run as people and scripts run it, against processes that are really monitored.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

#[path = "../monitor/support.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod support;

mod actions;
mod agent;
mod answers;
mod autopsy;
mod blocks;
mod bridge;
mod child;
mod command;
mod fixture;
mod golden;
mod health;
mod pages;
#[cfg(feature = "profile")]
mod profile;
mod sockets;
mod target;
mod token;
mod top;
mod watch;
