//! A plug-in that counts its own allocations: a copy of the counters of its own, which goes when it is closed.
#![allow(unsafe_code, reason = "called through the loader")]

use plimsoll::Plimsoll;
use std::alloc::System;

#[global_allocator]
static ALLOC: Plimsoll<System> = Plimsoll::new(System);

/// Allocates and frees on the calling thread; says how many objects this copy has counted meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn plug_in_allocates() -> u64 {
    let before = plimsoll::counts();
    drop(std::hint::black_box(vec![1u8; 100]));
    (plimsoll::counts() - before).alloc_objects
}
