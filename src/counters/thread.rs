//! Which slot is the calling thread's: found by one thread-local load, leased on first use, given back at its end.
#![expect(unsafe_code, reason = "the value of a pthread key comes back as a pointer")]

use super::Counts;
use super::os;
use super::peak::Watch;
use super::registry::Registry;
use super::slot::{Operation, Slot};
use crate::sync::global;
use std::cell::Cell;
use std::ffi::c_void;

global! {
    /// The counters of the process. Every `Plimsoll` in it counts here.
    static REGISTRY: Registry = Registry::new();
}
global! {
    /// Where a thread points before its first call: always due, so nothing is ever booked here.
    static FRESH: Slot = Slot::new();
}
global! {
    /// Where a thread points that has no lease and shall not try for one, being torn down or refused; as `FRESH`.
    static DETACHED: Slot = Slot::new();
}

#[cfg(not(loom))]
thread_local! {
    // Without a destructor: it can be read at any time, after the thread's teardown too.
    static SLOT: Cell<&'static Slot> = const { Cell::new(&FRESH) };
}
#[cfg(loom)]
loom::thread_local! {
    static SLOT: Cell<&'static Slot> = Cell::new(&*FRESH);
}

/// The calling thread's slot, or one of the two that are always due.
#[inline(always)]
pub(crate) fn slot() -> &'static Slot {
    SLOT.with(Cell::get)
}

/// Books what the hot path could not: a thread's first call, or one at which its slot has something due.
#[cold]
#[inline(never)]
pub(crate) fn book_slowly(operation: Operation) {
    match leased() {
        Some(slot) => {
            slot.book(operation);
            REGISTRY.settle(slot);
        }
        None => REGISTRY.book_shared(operation),
    }
}

fn fresh() -> &'static Slot {
    &FRESH
}

fn detached() -> &'static Slot {
    &DETACHED
}

/// The calling thread's slot, leased now if need be; `None` for a thread that has none.
fn leased() -> Option<&'static Slot> {
    let current = slot();
    if std::ptr::eq(current, detached()) {
        return None;
    }
    if !std::ptr::eq(current, fresh()) {
        return Some(current);
    }
    let leased = REGISTRY.lease();
    // A signal handler that allocated since `current` was read has leased a slot of its own: it stays unused,
    // with its totals counted. Set before the exit hook is registered: the C library may allocate for that, and may
    // do so through this very allocator.
    SLOT.with(|mine| mine.set(leased.unwrap_or(detached())));
    leased.filter(|slot| registered(slot))
}

/// Sees to it that the lease ends with the thread; where that cannot be had, it ends now.
fn registered(slot: &'static Slot) -> bool {
    let will_end = os::call_at_thread_exit(std::ptr::from_ref(slot).cast(), thread_ends);
    if !will_end {
        SLOT.with(|mine| mine.set(detached()));
        REGISTRY.give_back(slot);
    }
    will_end
}

/// # Safety
/// `slot` is what `registered` passed on: a `&'static Slot` that the calling thread has on lease.
unsafe extern "C" fn thread_ends(slot: *mut c_void) {
    // Detached first: what this thread still allocates and frees goes to the shared slot.
    SLOT.with(|mine| mine.set(detached()));
    // SAFETY: by the caller's promise.
    REGISTRY.give_back(unsafe { &*slot.cast_const().cast::<Slot>() });
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
    leased().map(Slot::counts)
}

/// Runs `work`, and says how far the calling thread's net bytes rose above their start; `None` without a slot.
pub(crate) fn peak_of_thread<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let Some(slot) = leased() else { return (work(), None) };
    let measurement = Measurement { slot, start: slot.net_bytes(), outer: slot.begin_measuring() };
    let value = work();
    let rise = measurement.slot.high_water().saturating_sub(measurement.start);
    (value, Some(rise.max(0).cast_unsigned()))
}

/// Ends on unwinding too; nested ones end in reverse order, since each lives on the stack of a closure call.
struct Measurement {
    slot: &'static Slot,
    start: i64,
    outer: i64,
}

impl Drop for Measurement {
    fn drop(&mut self) {
        self.slot.end_measuring(self.outer);
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
