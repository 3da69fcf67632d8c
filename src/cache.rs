//! What can be evicted: the `Cache` a user registers, and what it is asked.

use crate::level::Level;
use crate::policy::eviction::{Priority, Terms};
use std::time::{Duration, Instant};

/// What a cache is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// Bytes to give up; more is welcome only as far as entries come in lumps.
    pub bytes: u64,
    /// The most the cache may hold from now on, as in [`Cache::set_ceiling`]; `None` for one that has no ceilings or does
    /// not say what it holds.
    pub ceiling: Option<u64>,
    /// How full the budget is.
    pub level: Level,
    /// When the answer is no longer waited for: a cache that takes longer is put into quarantine.
    pub deadline: Instant,
}

/// What a cache says of its answer. It is a claim: what counts is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShrinkReport {
    /// Bytes that the cache thinks it freed.
    pub freed_bytes: u64,
}

impl From<u64> for ShrinkReport {
    fn from(freed_bytes: u64) -> Self {
        ShrinkReport { freed_bytes }
    }
}

/// Something that holds memory and can give some back.
///
/// A closure that takes bytes and returns bytes is one already. The monitor calls these methods on a thread of its own,
/// one at a time; a panic or a hang costs the cache its turn and nobody else anything. What it returns is only its claim:
/// what it gave is measured.
///
/// ```
/// use plimsoll::{Ask, Cache, ShrinkReport};
/// use std::sync::Mutex;
///
/// struct Pages(Mutex<Vec<Box<[u8; 4096]>>>);
///
/// impl Cache for Pages {
///     fn shrink(&self, ask: &Ask) -> ShrinkReport {
///         let mut pages = self.0.lock().unwrap();
///         let keep = pages.len().saturating_sub(ask.bytes.div_ceil(4096) as usize);
///         let freed = pages.len() - keep;
///         pages.truncate(keep);
///         ShrinkReport::from(freed as u64 * 4096)
///     }
///
///     fn usage_bytes(&self) -> Option<u64> {
///         Some(self.0.lock().unwrap().len() as u64 * 4096)
///     }
/// }
/// ```
pub trait Cache: Send + Sync + 'static {
    /// Gives up about `ask.bytes` bytes; says what it thinks it freed.
    fn shrink(&self, ask: &Ask) -> ShrinkReport;

    /// From now on holds at most `ceiling` bytes; with `None`, as many as it was made for. Says whether it can.
    ///
    /// A cache that can does not fill up again while it is being asked to shrink: without ceilings a cache and its
    /// evictions may go round for ever. Nothing has to be evicted at once for a ceiling below what is held. A cache that
    /// says `false`, as every closure does, is known to be evict-only. Called on the same thread as [`Cache::shrink`].
    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        let _ = ceiling;
        false
    }

    /// Bytes held, as far as the cache knows; `None` when it does not. Should be quick: asked once per tick.
    fn usage_bytes(&self) -> Option<u64> {
        None
    }

    /// Time since it was last used; `None` when it does not know.
    fn idle(&self) -> Option<Duration> {
        None
    }
}

impl<F: Fn(u64) -> u64 + Send + Sync + 'static> Cache for F {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self(ask.bytes).into()
    }
}

impl<C: Cache + ?Sized> Cache for std::sync::Arc<C> {
    fn shrink(&self, ask: &Ask) -> ShrinkReport {
        self.as_ref().shrink(ask)
    }

    fn set_ceiling(&self, ceiling: Option<u64>) -> bool {
        self.as_ref().set_ceiling(ceiling)
    }

    fn usage_bytes(&self) -> Option<u64> {
        self.as_ref().usage_bytes()
    }

    fn idle(&self) -> Option<Duration> {
        self.as_ref().idle()
    }
}

/// How a cache is to be treated: its name, who is asked before whom, from which level on, and what it keeps.
///
/// ```
/// use plimsoll::{CacheSpec, Level, Priority};
/// let thumbnails = CacheSpec::new("thumbnails").priority(Priority::Low).from(Level::Caution);
/// let sessions = CacheSpec::new("sessions").tier(1).floor(16 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct CacheSpec {
    pub(crate) name: String,
    pub(crate) terms: Terms,
}

impl CacheSpec {
    /// A cache of normal priority in the lowest tier, without a floor, that is asked only in an emergency (`critical`).
    pub fn new(name: impl Into<String>) -> Self {
        CacheSpec { name: name.into(), terms: Terms::default() }
    }

    fn with(mut self, change: impl FnOnce(&mut Terms)) -> Self {
        change(&mut self.terms);
        self
    }

    /// How much it matters within its tier: what matters least is asked first.
    #[must_use]
    pub fn priority(self, priority: Priority) -> Self {
        self.with(|terms| terms.priority = priority)
    }

    /// The lowest level at which it may be asked without anybody's command; `critical` unless given, as in the original. A
    /// cache that can be filled again at little cost should be asked at [`Level::Caution`]: then emergencies stay rare.
    #[must_use]
    pub fn from(self, level: Level) -> Self {
        self.with(|terms| terms.from = level.max(Level::Caution))
    }

    /// Its tier: while a cache of a lower one can give something, none of a higher one is asked. 0 unless given.
    ///
    /// Put large entries before small ones rather than cheap before dear: entries much smaller than a page, evicted in any
    /// order but that of their age, free objects and hardly any pages. Within a tier that is learnt and allowed for.
    #[must_use]
    pub fn tier(self, tier: u8) -> Self {
        self.with(|terms| terms.tier = tier)
    }

    /// Bytes that it is never asked to go below, as far as it says what it holds. None unless given.
    #[must_use]
    pub fn floor(self, bytes: u64) -> Self {
        self.with(|terms| terms.floor = bytes)
    }

    /// The least bytes it can give: what one of its entries takes, or a segment. It is not asked for less. 1 unless given.
    #[must_use]
    pub fn unit(self, bytes: u64) -> Self {
        self.with(|terms| terms.unit = bytes.max(1))
    }

    /// What it costs to have a byte again, beside other caches' bytes: twice the cost, asked half as soon. 1.0 unless
    /// given; what is no positive number counts as 1.0.
    #[must_use]
    pub fn cost(self, cost: f64) -> Self {
        let is_sensible = cost.is_finite() && cost > 0.0;
        self.with(|terms| terms.cost = if is_sensible { cost } else { 1.0 })
    }
}

impl From<&str> for CacheSpec {
    fn from(name: &str) -> Self {
        CacheSpec::new(name)
    }
}

impl From<String> for CacheSpec {
    fn from(name: String) -> Self {
        CacheSpec::new(name)
    }
}
