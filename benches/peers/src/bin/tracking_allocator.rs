//! `tracking-allocator` over jemalloc, with the least tracker that tells the live objects and bytes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tikv_jemallocator::Jemalloc;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOC: Allocator<Jemalloc> = Allocator::from_allocator(Jemalloc);

#[derive(Default)]
struct Counter {
    objects: AtomicUsize,
    bytes: AtomicUsize,
}

impl AllocationTracker for Counter {
    fn allocated(&self, _: usize, object_size: usize, _: usize, _: AllocationGroupId) {
        self.objects.fetch_add(1, Relaxed);
        self.bytes.fetch_add(object_size, Relaxed);
    }

    fn deallocated(
        &self,
        _: usize,
        object_size: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        self.objects.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(object_size, Relaxed);
    }
}

fn main() {
    let tracker = AllocationRegistry::set_global_tracker(Counter::default());
    tracker.expect("no other tracker was set");
    AllocationRegistry::enable_tracking();
    peers::run();
}
