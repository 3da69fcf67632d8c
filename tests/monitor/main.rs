//! The monitor on a real heap: what it sees, what it does, and what cannot hurt it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod defects;
mod hooks;
mod input;
mod lifecycle;
mod reports;
mod support;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

#[cfg(not(feature = "jemalloc"))]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll<std::alloc::System> = plimsoll::Plimsoll::new(std::alloc::System);
