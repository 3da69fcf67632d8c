//! The brake: one word that says what passes unseen, and behind it the account for whoever comes near the line.

use super::account::Account;
use super::admission::Admission;
use super::wake::Wake;
use super::worker::caught;
use crate::block_on::block_until;
use crate::policy::brake::{BrakeStatistics, LOOK_EVERY, Refused, Sight};
use crate::source::CountSource;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

/// The word when everything is admitted.
const OPEN: u64 = u64::MAX;

/// Nobody waits longer than this for anything.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Says whether the process may grow, to callers that can wait or refuse. Cheap to clone; needs no reference to the
/// [`Monitor`](crate::Monitor) whose figures it goes by.
///
/// - *Far from the line*, below the warning threshold, a request costs one relaxed load. It is not booked: what is at most
///   a sixteenth of the room below `prompt` passes.
/// - *Up to `prompt`* everything that fits is admitted: the usage at the last tick, moved by the exact live bytes since,
///   and all that was admitted since, stay below the emergency line with it.
/// - *Between `prompt` and `emergency`* requests are refused in proportion: none at the one, all at the other.
/// - *From `emergency` on* nothing is admitted.
/// - *While somebody waits* ([`Brake::admit_within`], [`Brake::admit_async`]) requests that do not wait are refused, unless
///   they pass unseen.
///
/// Who is admitted should allocate soon: at the next tick the usage is measured anew and what was admitted before is
/// forgotten. So callers that allocate what they were admitted pass the emergency line by no more than what each has been
/// admitted and not yet allocated when the monitor looks, and what passed unseen before it has seen the usage rise. What
/// was allocated since the last tick and had been admitted counts twice until the next, which comes within 100 ms of a
/// refusal.
///
/// When the monitor has stopped, in a forked child, and while the usage is unknown, everything is admitted.
///
/// ```
/// use plimsoll::{Monitor, Refused};
///
/// #[global_allocator]
/// static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
///
/// fn receive(brake: &plimsoll::Brake, length: u64) -> Result<Vec<u8>, Refused> {
///     brake.admit(length)?;
///     Ok(vec![0; length as usize])
/// }
///
/// fn main() -> Result<(), plimsoll::Error> {
///     let monitor = Monitor::builder().budget("256MiB".parse()?).start()?;
///     let brake = monitor.brake();
///     assert!(receive(&brake, 4096).is_ok());
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Brake(Arc<Inner>);

struct Inner {
    /// Requests below so many bytes are admitted unseen. Relaxed: a figure that orders nothing.
    unseen_below: AtomicU64,
    /// Whether the monitor should look again soon.
    look_wanted: AtomicBool,
    account: Mutex<Account>,
    counts: Option<CountSource>,
    wake: Arc<Wake>,
    pid: u32,
}

impl std::fmt::Debug for Brake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unseen_below = self.0.unseen_below.load(Ordering::Relaxed);
        f.debug_struct("Brake").field("unseen_below", &unseen_below).finish_non_exhaustive()
    }
}

impl Brake {
    pub(super) fn new(counts: Option<CountSource>, wake: Arc<Wake>) -> Self {
        Brake(Arc::new(Inner {
            unseen_below: AtomicU64::new(OPEN),
            look_wanted: AtomicBool::new(false),
            account: Mutex::default(),
            counts,
            wake,
            pid: std::process::id(),
        }))
    }

    /// Whether the process may grow at all, for callers that do not know by how much. Costs and counts as
    /// [`Brake::admit`] of 0 bytes does.
    #[inline]
    pub fn may_grow(&self) -> bool {
        self.admit(0).is_ok()
    }

    /// Whether the process may grow by `bytes`, which are booked if it may. Never waits, and takes nobody's turn who does.
    ///
    /// One relaxed load far from the line; near it some hundred nanoseconds, as long as the counts take to be read.
    ///
    /// # Errors
    /// [`Refused`], with what is used and when to try again.
    #[inline]
    pub fn admit(&self, bytes: u64) -> Result<(), Refused> {
        if self.passes_unseen(bytes) { Ok(()) } else { self.admit_seen(bytes) }
    }

    /// As [`Brake::admit`], but waits for its turn, for `patience` at most.
    ///
    /// Whoever waits is judged anew at every tick, ten times a second, in the order of arrival, and all others only when
    /// nobody waits any more: none can take another's turn. So one that wants much holds up all behind it until it fits or
    /// is given up; far from the line small requests pass unseen all the same. On the monitor's own thread, which does the
    /// looking, this does not wait.
    ///
    /// # Errors
    /// [`Refused`] when the time is up; at once when 16 384 requests wait already; and as soon as `bytes` would not fit into
    /// an empty budget, which may have become smaller meanwhile, with no [`Refused::retry_after`].
    pub fn admit_within(&self, bytes: u64, patience: Duration) -> Result<(), Refused> {
        if self.passes_unseen(bytes) {
            return Ok(());
        }
        if self.0.wake.is_own_thread() {
            return self.admit(bytes);
        }
        let deadline = Instant::now() + patience.min(FOR_EVER);
        block_until(deadline, self.admit_async(bytes)).unwrap_or_else(|| self.admit(bytes))
    }

    /// As [`Brake::admit_within`], for callers that must not block, and without an end: drop it to give up. Needs no
    /// particular runtime.
    ///
    /// Dropped while it waits, or when it has been admitted and not yet said so, it leaves nothing behind. Its waker runs on
    /// the monitor's thread, under no lock.
    ///
    /// # Errors
    /// As [`Brake::admit_within`], but for the time.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();
    /// async fn receive(brake: &plimsoll::Brake, length: u64) -> Result<Vec<u8>, plimsoll::Refused> {
    ///     brake.admit_async(length).await?;
    ///     Ok(vec![0; length as usize])
    /// }
    /// ```
    pub fn admit_async(&self, bytes: u64) -> Admission {
        Admission::new(self.clone(), bytes)
    }

    /// What it has done so far.
    pub fn statistics(&self) -> BrakeStatistics {
        if self.is_elsewhere() {
            BrakeStatistics::default()
        } else {
            self.0.account.lock().statistics()
        }
    }

    #[inline]
    fn passes_unseen(&self, bytes: u64) -> bool {
        bytes < self.0.unseen_below.load(Ordering::Relaxed)
    }

    /// In a forked child, where no monitor looks, and where another thread may have held the lock for ever.
    fn is_elsewhere(&self) -> bool {
        self.0.pid != std::process::id()
    }

    #[inline(never)]
    fn admit_seen(&self, bytes: u64) -> Result<(), Refused> {
        let judged = self.judge(bytes);
        if judged.is_err() {
            self.0.account.lock().count_refusal();
            self.want_look();
        }
        judged
    }

    fn judge(&self, bytes: u64) -> Result<(), Refused> {
        if self.is_elsewhere() {
            return Ok(());
        }
        loop {
            let looks = self.0.account.lock().looks();
            // Under no lock: the counts may be the user's code.
            let live = self.0.counts.as_ref().and_then(CountSource::read);
            let mut account = self.0.account.lock();
            // Live bytes from before a look say nothing of what has changed since.
            if account.looks() == looks {
                return account.judge(bytes, live.map(|counts| counts.live_bytes()));
            }
        }
    }

    /// The ticket of a request that has to wait; `None` for one that is admitted.
    pub(super) fn admit_or_wait(&self, bytes: u64, waker: &Waker) -> Result<Option<u64>, Refused> {
        if self.passes_unseen(bytes) {
            return Ok(None);
        }
        let Err(refused) = self.judge(bytes) else { return Ok(None) };
        let waker = waker.clone();
        let mut account = self.0.account.lock();
        let ticket = match refused.retry_after {
            Some(_) => account.enqueue(bytes, waker, refused),
            None => Err(refused),
        };
        if ticket.is_err() {
            account.count_refusal();
        }
        drop(account);
        self.want_look();
        ticket
    }

    /// What the request with that ticket has come to, and so has no ticket any more; until then `waker` is told.
    pub(super) fn answer(&self, ticket: u64, waker: &Waker) -> Option<Result<(), Refused>> {
        if self.is_elsewhere() {
            return Some(Ok(()));
        }
        // Dropped after the lock is given back, as the one that it was exchanged for: both are the user's code.
        let mut waker = Some(waker.clone());
        let mut account = self.0.account.lock();
        let answer = account.answer(ticket, &mut waker);
        let left = if answer.is_some() { account.leave(ticket) } else { None };
        drop(account);
        drop(left);
        answer
    }

    pub(super) fn give_up(&self, ticket: u64) {
        if !self.is_elsewhere() {
            let waker = self.0.account.lock().give_up(ticket);
            drop(waker);
        }
    }

    fn want_look(&self) {
        if !self.0.look_wanted.load(Ordering::Relaxed)
            && !self.0.look_wanted.swap(true, Ordering::Relaxed)
        {
            self.0.wake.notify();
        }
    }

    /// When the monitor should look again at the latest, for those that wait or were refused.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let wanted = self.0.look_wanted.load(Ordering::Relaxed);
        wanted.then(|| self.0.account.lock().looked_at())?.map(|last| last + LOOK_EVERY)
    }

    /// Takes in what the monitor saw at `now`; `None` is an unknown usage.
    pub(super) fn set(&self, sight: Option<Sight>, now: Instant) {
        // Before the look, so that a request which is refused by the old one has the next look come soon.
        self.0.look_wanted.store(false, Ordering::Relaxed);
        if self.look(sight, Some(now)) {
            self.0.look_wanted.store(true, Ordering::Relaxed);
        }
    }

    /// Nobody looks any more: everything is admitted from now on.
    pub(super) fn release(&self) {
        self.look(None, None);
    }

    /// Whether somebody still waits after it.
    fn look(&self, sight: Option<Sight>, now: Option<Instant>) -> bool {
        let mut account = self.0.account.lock();
        let waiting = account.look(sight, now);
        // Under the lock, so that the word never says more than the account.
        let unseen_below = sight.map_or(OPEN, |sight| sight.unseen_below());
        self.0.unseen_below.store(unseen_below, Ordering::Relaxed);
        drop(account);
        self.wake_answered();
        waiting
    }

    /// Wakes whoever was answered, one at a time and under no lock. What panics there is the waker's own.
    fn wake_answered(&self) {
        let mut from = 0;
        loop {
            let next = self.0.account.lock().next_to_wake(from);
            let Some((next, waker)) = next else { return };
            from = next;
            let _ = caught(|| waker.wake());
        }
    }
}
