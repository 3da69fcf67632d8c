//! Whether the calling thread is inside the sampler: what it allocates there, and what a signal handler allocates that
//! interrupts it there, is not looked at.

use std::cell::Cell;

thread_local! {
    // `const` and without a destructor: the allocator reads it.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, no other can be had on this thread.
pub(super) struct Guard(());

impl Guard {
    /// `None` inside the sampler.
    pub(super) fn enter() -> Option<Self> {
        IS_INSIDE.with(|inside| !inside.replace(true)).then_some(Guard(()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        IS_INSIDE.with(|inside| inside.set(false));
    }
}
