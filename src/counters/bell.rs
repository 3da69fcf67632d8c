//! One bell: a line of live bytes, and the thread that is woken when the approximate process total passes it.
//!
//! Bells are static and never freed. What has to be guarded is the handle of the thread, which changes hands when
//! a monitor stops and another starts. Nobody waits for anybody here, for whom one would wait may not exist in a
//! forked child: who rings counts itself in and out by one atomic step each, an owner who leaves goes at once, and a
//! bell is only had anew when nobody is counted in.
//!
//! ```text
//!             claim               leave                    nobody rings: emptied by `leave`
//! FREE (0) ----------> READY --------------> not READY ----------------------------------> FREE
//!            (TAKEN meanwhile)                    |        somebody rings: emptied by the next claim, after it has ended
//! ```
#![expect(unsafe_code, reason = "the handle of a thread is exchanged under a word of atomic flags")]

use crate::sync::{AtomicBool, AtomicI64, AtomicU64, Ordering, Thread, UnsafeCell};

/// Nobody owns it and nobody rings it.
const FREE: u64 = 0;
/// There is a sleeper to wake.
const READY: u64 = 1;
/// The sleeper is being exchanged, by the thread that set this.
const TAKEN: u64 = 2;
/// Above these: how many ring it just now.
const RINGING: u64 = 4;

pub(super) struct Bell {
    state: AtomicU64,
    /// Where it rings, in bytes of the approximate process total.
    line: AtomicI64,
    rung: AtomicBool,
    /// Written only while TAKEN, read only by those who count themselves in and find it READY.
    sleeper: UnsafeCell<Option<Thread>>,
}

// SAFETY: `sleeper` is the only field that is not `Sync` by itself. It is written by one thread at a time, while TAKEN,
// and that is had only when nobody is counted in and it is not READY; it is read only by threads that are counted in and
// saw READY. Both ways the one goes before the other: `claim` releases what it wrote with READY, and acquires what
// `ring` releases when it counts itself out. `Thread` is `Send` and `Sync`.
unsafe impl Sync for Bell {}

impl Bell {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Bell {
            state: AtomicU64::new(FREE),
            line: AtomicI64::new(0),
            rung: AtomicBool::new(false),
            sleeper: UnsafeCell::new(None),
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Bell {
            state: AtomicU64::new(FREE),
            line: AtomicI64::new(0),
            rung: AtomicBool::new(false),
            sleeper: UnsafeCell::new(None),
        }
    }

    /// Makes `sleeper` the thread to be woken; false when the bell is another's, or is being rung for its last owner.
    ///
    /// Ordering: acquire, paired with the release at the end of `ring`; release, paired with the acquire at its beginning.
    pub(super) fn claim(&self, sleeper: &Thread) -> bool {
        if !self.take() {
            return false;
        }
        // SAFETY: TAKEN by this thread, see the `impl Sync`.
        self.sleeper.with_mut(|place| unsafe { *place = Some(sleeper.clone()) });
        self.rung.store(false, Ordering::Relaxed);
        self.state.fetch_xor(TAKEN | READY, Ordering::Release);
        true
    }

    /// Ends the claim. Whoever rings it just now may go on to do so; nobody is waited for.
    ///
    /// Where nobody rings the handle is dropped, else it stays for the next claim to replace: as many as there are bells.
    /// In a forked child somebody who rang it as the fork came is counted in for ever: that bell is not had again there.
    pub(super) fn leave(&self) {
        self.state.fetch_and(!READY, Ordering::Release);
        if self.take() {
            // SAFETY: TAKEN by this thread, see the `impl Sync`.
            self.sleeper.with_mut(|place| unsafe { *place = None });
            self.state.fetch_and(!TAKEN, Ordering::Release);
        }
    }

    fn take(&self) -> bool {
        let taken = self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Wakes the owner, if there is one. Neither allocates nor locks, which the standard library promises of `unpark`
    /// since 1.93. One that was late, and rings for the next owner, wakes it for nothing.
    pub(super) fn ring(&self) {
        // Before the unpark, which releases it to the thread that wakes up.
        self.rung.store(true, Ordering::Relaxed);
        if self.state.fetch_add(RINGING, Ordering::Acquire) & READY != 0 {
            // SAFETY: counted in and READY, see the `impl Sync`.
            self.sleeper.with(|sleeper| unsafe { &*sleeper }.as_ref().map(Thread::unpark));
        }
        self.state.fetch_sub(RINGING, Ordering::Release);
    }

    /// Whether it has rung since `take_ring`.
    pub(super) fn has_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed)
    }

    /// Whether it has rung since the last call.
    pub(super) fn take_ring(&self) -> bool {
        self.has_rung() && self.rung.swap(false, Ordering::Relaxed)
    }

    pub(super) fn set_line(&self, line: i64) {
        self.line.store(line, Ordering::Relaxed);
    }

    pub(super) fn is_passed_by(&self, live: i64) -> bool {
        live >= self.line.load(Ordering::Relaxed)
    }
}
