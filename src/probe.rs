//! Is the wrapper really the program's global allocator? Allocates once and looks at the count.

use crate::counters;
use std::hint::black_box;

/// Whether [`Plimsoll`](crate::Plimsoll) is the program's global allocator.
///
/// Found by allocating one object and looking at the calling thread's count; exact.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// assert!(plimsoll::is_installed());
/// ```
pub fn is_installed() -> bool {
    // A thread without a slot of its own books in the shared one.
    let objects = || {
        let counts = counters::thread_counts().unwrap_or_else(counters::counts);
        counts.alloc_objects_total
    };
    let before = objects();
    drop(black_box(Box::new(black_box(0u8))));
    objects() != before
}
