//! The budget: found in every kind of tree, followed while it changes, and held against the real kernel.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../common/installed.rs"]
mod installed;

#[cfg(target_os = "linux")]
mod real;
mod running;
mod trees;
