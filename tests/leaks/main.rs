//! Leaks that were planted in real programs are found, and named by function.
#![allow(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

mod child;
mod code_search;
mod json_service;
#[cfg(feature = "recorder")]
mod restart;
