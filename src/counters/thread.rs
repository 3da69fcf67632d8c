//! Which slot is the calling thread's: leased at its first call, booked in by thread-local means, given back at its end.

use super::Counts;
use super::os;
use super::peak::{Peak, Watch};
use super::registry::Registry;
use super::slot::{Operation, Slot};
use super::tenant::{Outer, Tenant};
use crate::sync::global;
use std::cell::Cell;
use std::ffi::c_void;

global! {
    /// The counters of the process. Every `Plimsoll` in it counts here.
    static REGISTRY: Registry = Registry::new();
}
global! {
    /// Where a thread stands before its first call. Nothing is ever booked here.
    static FRESH: Slot = Slot::new();
}
global! {
    /// Where a thread stands that has no lease and shall not try for one, being torn down or refused; as `FRESH`.
    static DETACHED: Slot = Slot::new();
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

#[cfg(not(loom))]
thread_local! {
    // Without a destructor: it can be used at any time, after the thread's teardown too.
    static TENANT: Tenant<'static> = const { Tenant::homeless(&FRESH) };
}
#[cfg(loom)]
loom::thread_local! {
    static TENANT: Tenant<'static> = Tenant::homeless(&FRESH);
}

/// Books what the allocator did; false when it did not, since something is due: [`book_slowly`] must.
///
/// PERF: `try_with`, which is inlined without link-time optimisation too; `with` is not, and costs 80 instructions more
/// for an allocation and its free. It never fails: there is no destructor.
#[inline(always)]
pub(crate) fn book(operation: Operation) -> bool {
    TENANT.try_with(|tenant| tenant.book(operation)).unwrap_or(false)
}

/// Books what the hot path could not: a thread's first call, or one at which something is due.
#[cold]
#[inline(never)]
pub(crate) fn book_slowly(operation: Operation) {
    TENANT.with(|tenant| {
        if has_lease(tenant) {
            tenant.book_due(operation, REGISTRY.peak());
        } else {
            REGISTRY.book_shared(operation);
            tenant.leave_nothing();
        }
    });
}

/// Takes the bytes that the calling thread is about to ask for into the approximate process total; false, and counted as
/// refused, when that would take it above `ceiling`.
///
/// Where it is true, [`book_admitted`] or [`retract`] follows.
pub(crate) fn admit(operation: Operation, ceiling: u64) -> bool {
    let ceiling = i64::try_from(ceiling).unwrap_or(i64::MAX);
    let (bytes, total) = (operation.net_bytes(), REGISTRY.peak());
    TENANT.with(|tenant| {
        // Sizes that are refused may be so large that two of them would take what is left round to positive.
        tenant.leave_nothing();
        let admitted = match has_lease(tenant) {
            true => tenant.admit(bytes, ceiling, total),
            false => total.admit(bytes, ceiling),
        };
        if !admitted {
            REGISTRY.count_refusal();
        }
        admitted
    })
}

/// As [`book_slowly`], for bytes that were admitted.
pub(crate) fn book_admitted(operation: Operation) {
    TENANT.with(|tenant| match has_lease(tenant) {
        true => tenant.book_due(operation, REGISTRY.peak()),
        false => REGISTRY.book_shared_admitted(operation),
    });
    REGISTRY.peak().look();
}

/// Gives back bytes that were admitted and could not be had.
pub(crate) fn retract(operation: Operation) {
    let bytes = operation.net_bytes();
    TENANT.with(|tenant| match has_lease(tenant) {
        true => tenant.retract(bytes, REGISTRY.peak()),
        false => REGISTRY.peak().publish(bytes.wrapping_neg()),
    });
}

/// Whether the calling thread may book `operation`, which takes bytes, before anything is due.
#[inline(always)]
pub(crate) fn has_left_for(operation: Operation) -> bool {
    TENANT.try_with(|tenant| tenant.has_left_for(operation)).unwrap_or(false)
}

/// Says that the calling thread is one of ours: what is held back of a limit is held back for it.
pub(crate) fn use_reserve() {
    IS_OURS.with(|ours| ours.set(true));
}

/// Whether the calling thread is one of ours.
pub(crate) fn may_use_reserve() -> bool {
    IS_OURS.with(Cell::get)
}

/// Requests that a [`Limit`](crate::Limit) has refused so far, in the whole process. Exact; a total that only grows.
///
/// A refused request is not counted anywhere else. Source: the wrapper's own counter.
///
/// ```
/// # use plimsoll::{Limit, Plimsoll};
/// #[global_allocator]
/// static ALLOC: Plimsoll = Plimsoll::jemalloc().with_limit(Limit::bytes(64 << 20));
///
/// let mut buffer = Vec::<u8>::new();
/// assert!(buffer.try_reserve(100 << 20).is_err());
/// assert_eq!(plimsoll::limit_refusals(), 1);
/// ```
pub fn limit_refusals() -> u64 {
    REGISTRY.refusals()
}

/// The approximate process total, and what happens on its way up.
pub(super) fn process_total() -> &'static Peak {
    REGISTRY.peak()
}

/// Does `work` with the calling thread's private side.
#[cfg(feature = "profile")]
pub(super) fn with_tenant<T>(work: impl FnOnce(&Tenant<'static>) -> T) -> T {
    TENANT.with(work)
}

fn fresh() -> &'static Slot {
    &FRESH
}

fn detached() -> &'static Slot {
    &DETACHED
}

/// Whether the calling thread has a slot, leased now if need be.
fn has_lease(tenant: &Tenant<'static>) -> bool {
    if std::ptr::eq(tenant.slot(), fresh()) {
        lease(tenant);
    }
    !std::ptr::eq(tenant.slot(), detached())
}

/// Moves the thread into a slot; where none can be had, or no end of the lease, the thread is detached.
fn lease(tenant: &Tenant<'static>) {
    let Some(slot) = REGISTRY.lease() else { return detach(tenant) };
    // A signal handler that allocates before this has leased a slot of its own: it stays unused, with its totals
    // counted. Moved in before the exit hook is registered: the C library may allocate for that, and may do so
    // through this very allocator.
    tenant.move_in(slot);
    // Before anything is left to it: what is due first may be a free, after which no object is looked at for a while.
    #[cfg(feature = "profile")]
    tenant.countdown.adopt(super::sampling::sampling_mean());
    if !os::call_at_thread_exit(thread_ends) {
        detach(tenant);
        REGISTRY.give_back(slot);
    }
}

/// What the thread allocates and frees from now on goes to the shared slot.
fn detach(tenant: &Tenant<'static>) {
    tenant.move_out(detached(), REGISTRY.peak());
}

/// What the C library calls when a thread ends that has a lease.
extern "C" fn thread_ends(_: *mut c_void) {
    TENANT.with(|tenant| {
        let slot = tenant.slot();
        // First: as soon as it is given back, the slot is another thread's.
        detach(tenant);
        REGISTRY.give_back(slot);
    });
}

/// Sums every thread's totals: the figures of the process.
///
/// Exact while no thread is inside the allocator; while threads run, live figures are never negative. All zero
/// when [`Plimsoll`](crate::Plimsoll) is not the program's global allocator. Costs some nanoseconds per thread
/// slot, allocates nothing and takes no lock. Source: the wrapper's own counters.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
/// let counts = plimsoll::counts();
/// println!("{} objects, {} bytes", counts.live_objects(), counts.live_bytes());
/// # assert!(counts.live_objects() > 0);
/// ```
pub fn counts() -> Counts {
    REGISTRY.counts()
}

/// The calling thread's own totals, those of its slot's former tenants included; `None` without a slot.
pub(crate) fn thread_counts() -> Option<Counts> {
    TENANT.with(|tenant| has_lease(tenant).then(|| tenant.slot().counts()))
}

/// Runs `work`, and says how far the calling thread's net bytes rose above their start; `None` without a slot.
pub(crate) fn peak_of_thread<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let Some(measurement) = Measurement::begin() else { return (work(), None) };
    let value = work();
    (value, Some(measurement.rise()))
}

/// Ends on unwinding too; nested ones end in reverse order, since each lives on the stack of a closure call.
struct Measurement {
    start: i64,
    outer: Outer<'static>,
}

impl Measurement {
    fn begin() -> Option<Self> {
        TENANT.with(|tenant| {
            has_lease(tenant).then(|| Measurement {
                start: tenant.slot().net_bytes(),
                outer: tenant.begin_measuring(),
            })
        })
    }

    fn rise(&self) -> u64 {
        let high_water = TENANT.with(Tenant::high_water);
        high_water.saturating_sub(self.start).max(0).cast_unsigned()
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        TENANT.with(|tenant| tenant.end_measuring(&self.outer));
    }
}

/// Watches the process's peak while it lives.
#[derive(Debug)]
pub(crate) struct ProcessPeak(Option<Watch>);

impl ProcessPeak {
    pub(crate) fn begin() -> Self {
        ProcessPeak(REGISTRY.peak().watch())
    }

    pub(crate) fn above_start(&self) -> Option<u64> {
        self.0.as_ref().map(|watch| REGISTRY.peak().above_start(watch))
    }
}

impl Drop for ProcessPeak {
    fn drop(&mut self) {
        if let Some(watch) = &self.0 {
            REGISTRY.peak().unwatch(watch);
        }
    }
}
