//! The planner on a simulated process: scenarios by name, and seeded random trials.
//!
//! The trials take a minute or two and are ignored by default:
//! `cargo test --release --features full --test planner -- --ignored`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod scenarios;
mod trials;
