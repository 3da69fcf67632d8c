//! A thread's private side: what is due when, what is published, what a measurement sees.

use crate::counters::BATCH;
use crate::counters::peak::Peak;
use crate::counters::slot::{Operation, Slot};
use crate::counters::tenant::Tenant;

const HALF: u64 = BATCH / 2;

/// What the tenant of a slot does, and what the approximate process total says of it.
struct Lease<'a> {
    tenant: Tenant<'a>,
    peak: &'a Peak,
}

impl<'a> Lease<'a> {
    fn of(slot: &'a Slot, peak: &'a Peak) -> Self {
        let tenant = Tenant::homeless(slot);
        tenant.move_in(slot);
        Lease { tenant, peak }
    }

    /// Whether the slow path was due.
    fn book(&self, operation: Operation) -> bool {
        let due = !self.tenant.book(operation);
        if due {
            self.tenant.book_due(operation, self.peak);
        }
        due
    }
}

#[test]
fn something_is_due_at_first_and_then_at_every_half_batch() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    assert!(lease.book(Operation::Free(1)), "nothing is left before the first slow path");
    assert!(!lease.book(Operation::Alloc(HALF - 1)));
    assert!(!lease.book(Operation::Free(HALF - 1)));
    assert!(lease.book(Operation::Alloc(1)), "a half batch has been allocated");
    assert!(!lease.book(Operation::Shrink(HALF - 1)));
    assert!(!lease.book(Operation::Grow(HALF - 1)));
    assert!(lease.book(Operation::Free(1)), "a half batch has been freed");
    assert_eq!(slot.counts().alloc_bytes_total, 2 * HALF - 1);
    assert_eq!(slot.counts().free_bytes_total, 2 * HALF);
}

#[test]
fn every_booking_is_counted_once_on_either_path() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    let mut due = 0;
    for _ in 0..1000 {
        due += u64::from(lease.book(Operation::Alloc(HALF / 8)));
    }
    assert_eq!(due, 1000 / 8);
    assert_eq!(slot.counts().alloc_objects_total, 1000);
    assert_eq!(slot.counts().alloc_bytes_total, 1000 * (HALF / 8));
}

#[test]
fn the_largest_sizes_are_due_and_balance() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    for _ in 0..3 {
        assert!(lease.book(Operation::Alloc(isize::MAX as u64)));
        assert!(lease.book(Operation::Free(isize::MAX as u64)));
    }
    let counts = slot.counts();
    assert_eq!((counts.alloc_objects_total, counts.live_objects()), (3, 0));
    assert_eq!(counts.live_bytes(), 0);
}

/// What a signal handler finds that comes when its thread is about to take the slow path, without a lease even.
#[test]
fn what_is_due_stays_due_until_the_slow_path_was_taken() {
    let (slot, peak) = (Slot::new(), Peak::new());
    for tenant in [Tenant::homeless(&slot), Lease::of(&slot, &peak).tenant] {
        for bytes in [0, 1, 1 << 40, 1 << 47] {
            assert!(!tenant.book(Operation::Alloc(bytes)));
            assert!(!tenant.book(Operation::Free(bytes)));
        }
    }
    assert_eq!(slot.counts().alloc_objects_total, 0);
}

#[test]
fn the_approximate_total_lags_by_less_than_a_batch() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    let mut live = 0u64;
    for size in (1..4000u64).cycle().take(20_000) {
        let operation =
            if size % 3 == 0 { Operation::Free(size / 3) } else { Operation::Alloc(size) };
        lease.book(operation);
        live = live.wrapping_add_signed(operation.net_bytes());
        assert!(peak.live().abs_diff(live.cast_signed()) < BATCH);
    }
    assert!(peak.all_time().abs_diff(live) < BATCH);
    lease.tenant.move_out(&Slot::new(), &peak);
    assert_eq!(peak.live(), live.cast_signed(), "a leaving tenant leaves nothing out");
}

#[test]
fn the_next_tenant_publishes_only_its_own() {
    let (slot, nowhere, peak) = (Slot::new(), Slot::new(), Peak::new());
    for stay in 1..4 {
        let lease = Lease::of(&slot, &peak);
        lease.book(Operation::Alloc(10 * BATCH));
        assert_eq!(peak.live(), stay * 10 * BATCH.cast_signed());
        lease.tenant.move_out(&nowhere, &peak);
        assert!(std::ptr::eq(lease.tenant.slot(), &nowhere));
        assert!(!lease.tenant.book(Operation::Alloc(1)), "nothing is booked in no slot");
    }
    assert_eq!(nowhere.counts().alloc_objects_total, 0);
}

/// A signal handler's slow path that comes while the lease ends must not leave anything to be booked by later.
#[test]
fn a_slow_path_after_the_lease_leaves_nothing() {
    let (slot, nowhere, peak) = (Slot::new(), Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    lease.book(Operation::Alloc(1));
    lease.tenant.move_out(&nowhere, &peak);
    assert!(lease.book(Operation::Alloc(1)) && lease.book(Operation::Alloc(1)));
    assert!(lease.book(Operation::Free(1)));
}

#[test]
fn a_balanced_thread_publishes_nothing() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    for _ in 0..10_000 {
        lease.book(Operation::Alloc(1000));
        lease.book(Operation::Free(1000));
        assert_eq!(peak.live(), 0);
    }
}

#[test]
fn nested_measurements_each_see_their_own_peak() {
    let (slot, peak) = (Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    let outer = lease.tenant.begin_measuring();
    lease.book(Operation::Alloc(100));
    lease.book(Operation::Free(100));
    let inner = lease.tenant.begin_measuring();
    lease.book(Operation::Alloc(40));
    assert_eq!(lease.tenant.high_water(), 40);
    lease.tenant.end_measuring(&inner);
    assert!(lease.book(Operation::Alloc(0)), "the outer one goes on");
    assert_eq!(lease.tenant.high_water(), 100);
    lease.tenant.end_measuring(&outer);
    lease.book(Operation::Alloc(0));
    assert!(!lease.book(Operation::Alloc(1)), "every call is due only while it lasts");
}

#[test]
fn a_measurement_that_outlives_its_lease_leaves_nothing() {
    let (slot, nowhere, peak) = (Slot::new(), Slot::new(), Peak::new());
    let lease = Lease::of(&slot, &peak);
    lease.book(Operation::Alloc(1));
    let measurement = lease.tenant.begin_measuring();
    lease.tenant.move_out(&nowhere, &peak);
    lease.tenant.end_measuring(&measurement);
    assert!(
        lease.book(Operation::Alloc(1)) && lease.book(Operation::Alloc(1)),
        "every call is due"
    );
}
