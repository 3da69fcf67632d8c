//! The flight recorder before what it is for: processes that are killed, panic, exit, run out of memory; disks that are full;
//! files that are damaged. Every case, and every process in it, has a time limit.
#![allow(unsafe_code, reason = "signals, forks and limits are what is tested")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test binary")]

#[path = "../common/harness.rs"]
mod harness;
mod common {
    pub(crate) use crate::harness;
}
mod damage;
mod ends;
#[path = "../../benches/governed/contest/group.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod group;
mod kills;
mod memory;
mod places;
#[cfg(feature = "profile")]
mod profiles;
mod roles;
mod told;

use plimsoll::Plimsoll;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: Plimsoll<std::alloc::System> = Plimsoll::new(std::alloc::System);

fn main() -> ExitCode {
    if let Some(role) = roles::role() {
        return roles::play(&role);
    }
    harness::main(&[
        damage::CASES,
        ends::CASES,
        kills::CASES,
        memory::CASES,
        places::CASES,
        #[cfg(feature = "profile")]
        profiles::CASES,
        told::CASES,
    ])
}
