//! `SimulatedCache`: one that behaves as told.

use crate::cache::{Ask, Cache, ShrinkReport};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A cache that holds no memory but says so: honest, keeping ceilings and not growing, unless told otherwise.
///
/// Clones are the same cache: keep one to look at what becomes of it.
///
/// ```
/// use plimsoll::testing::SimulatedCache;
/// let liar = SimulatedCache::holding(64 << 20).claims(8.0).without_ceilings();
/// assert_eq!(liar.held_bytes(), 64 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct SimulatedCache(Arc<Mutex<State>>);

#[derive(Clone, Debug)]
struct State {
    held: u64,
    capacity: u64,
    ceiling: Option<u64>,
    keeps_ceilings: bool,
    says_usage: bool,
    idle: Option<Duration>,
    refill_per_sec: f64,
    /// A part of a byte that has not been refilled yet.
    rest: f64,
    entry: u64,
    gives: f64,
    claims: f64,
    states: f64,
    panics: bool,
    takes: Duration,
    page_yield: f64,
    /// Evicted, and still held by half-empty pages: room for its own entries only.
    trapped: u64,
}

impl SimulatedCache {
    /// An honest cache with this many bytes in it.
    pub fn holding(bytes: u64) -> Self {
        SimulatedCache(Arc::new(Mutex::new(State {
            held: bytes,
            capacity: u64::MAX,
            ceiling: None,
            keeps_ceilings: true,
            says_usage: true,
            idle: None,
            refill_per_sec: 0.0,
            rest: 0.0,
            entry: 1,
            gives: 1.0,
            claims: 1.0,
            states: 1.0,
            panics: false,
            takes: Duration::from_millis(1),
            page_yield: 1.0,
            trapped: 0,
        })))
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.0.lock());
        self
    }

    /// Grows by this many bytes a second, up to its capacity and its ceiling.
    #[must_use]
    pub fn refills(self, bytes_per_sec: u64) -> Self {
        self.with(|state| state.refill_per_sec = bytes_per_sec as f64)
    }

    /// Holds no more than this by itself.
    #[must_use]
    pub fn capacity(self, bytes: u64) -> Self {
        self.with(|state| state.capacity = bytes)
    }

    /// Entries of this size: gives whole ones only.
    #[must_use]
    pub fn entries_of(self, bytes: u64) -> Self {
        self.with(|state| state.entry = bytes.max(1))
    }

    /// Gives this share of what it is asked for: 0.0 refuses, 2.0 gives twice as much.
    #[must_use]
    pub fn gives(self, share: f64) -> Self {
        self.with(|state| state.gives = share.max(0.0))
    }

    /// Claims this many times what it gave; when it gave nothing, of what it was asked for.
    #[must_use]
    pub fn claims(self, times: f64) -> Self {
        self.with(|state| state.claims = times.max(0.0))
    }

    /// Says that it holds this many times what it does.
    #[must_use]
    pub fn states(self, times: f64) -> Self {
        self.with(|state| state.states = times.max(0.0))
    }

    /// Has no ceilings: only evicts.
    #[must_use]
    pub fn without_ceilings(self) -> Self {
        self.with(|state| state.keeps_ceilings = false)
    }

    /// Does not say what it holds.
    #[must_use]
    pub fn silent(self) -> Self {
        self.with(|state| state.says_usage = false)
    }

    /// Says that it was last used so long ago.
    #[must_use]
    pub fn idle_for(self, idle: Duration) -> Self {
        self.with(|state| state.idle = Some(idle))
    }

    /// Panics whenever it is asked.
    #[must_use]
    pub fn panics(self) -> Self {
        self.with(|state| state.panics = true)
    }

    /// Takes this long to answer, by the plant's clock: longer than the time-out, and it hangs.
    #[must_use]
    pub fn takes(self, time: Duration) -> Self {
        self.with(|state| state.takes = time)
    }

    /// This share of what it evicts goes back to the kernel. The rest stays as half-empty pages, which only its own entries
    /// can fill again: small objects evicted at random.
    #[must_use]
    pub fn page_yield(self, share: f64) -> Self {
        self.with(|state| state.page_yield = share.clamp(0.0, 1.0))
    }

    /// What it really holds.
    pub fn held_bytes(&self) -> u64 {
        self.0.lock().held
    }

    /// The ceiling it was last given.
    pub fn ceiling_bytes(&self) -> Option<u64> {
        self.0.lock().ceiling
    }

    /// Puts more into it, ceiling or not.
    pub fn fill(&self, bytes: u64) {
        let mut state = self.0.lock();
        state.held = state.held.saturating_add(bytes);
    }

    /// What of it the kernel counts: what it holds, and the half-empty pages.
    pub(super) fn resident(&self) -> u64 {
        let state = self.0.lock();
        state.held.saturating_add(state.trapped)
    }

    pub(super) fn answer_time(&self) -> Duration {
        self.0.lock().takes
    }

    /// Bytes a second by which it grows now.
    pub(super) fn rate(&self) -> f64 {
        let state = self.0.lock();
        if state.held < state.most() { state.refill_per_sec } else { 0.0 }
    }

    pub(super) fn pass(&self, time: Duration) {
        let mut state = self.0.lock();
        let wanted = state.refill_per_sec * time.as_secs_f64() + state.rest;
        let bytes = (wanted as u64).min(state.most().saturating_sub(state.held));
        state.rest = wanted.fract();
        state.held += bytes;
        state.trapped = state.trapped.saturating_sub(bytes);
    }
}

impl State {
    fn most(&self) -> u64 {
        let ceiling = self.ceiling.filter(|_| self.keeps_ceilings);
        self.capacity.min(ceiling.unwrap_or(u64::MAX))
    }

    fn evict(&mut self, bytes: u64) -> u64 {
        let whole = bytes.checked_next_multiple_of(self.entry).unwrap_or(bytes).min(self.held);
        self.held -= whole;
        let stays = (whole as f64 * (1.0 - self.page_yield)) as u64;
        self.trapped = self.trapped.saturating_add(stays);
        whole
    }
}

impl Cache for SimulatedCache {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        let mut state = self.0.lock();
        if state.panics {
            drop(state);
            std::panic::resume_unwind(Box::new("a simulated panic"));
        }
        let wanted = (ask.bytes as f64 * state.gives) as u64;
        let given = if wanted == 0 { 0 } else { state.evict(wanted) };
        let of = if given == 0 { ask.bytes } else { given };
        let claimed = if state.gives == 0.0 && state.claims == 1.0 { 0.0 } else { state.claims };
        ShrinkReport::from((of as f64 * claimed) as u64)
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        let mut state = self.0.lock();
        if state.keeps_ceilings {
            state.ceiling = ceiling;
        }
        state.keeps_ceilings
    }

    fn usage_bytes(&self) -> Option<u64> {
        let state = self.0.lock();
        state.says_usage.then(|| (state.held as f64 * state.states) as u64)
    }

    fn idle(&self) -> Option<Duration> {
        self.0.lock().idle
    }
}
