//! Caches whose claims are not what was measured.

use super::words::size;
use crate::eviction::CacheStatus;
use crate::export::status::Status;
use serde::Serialize;

/// Less than this share of what was claimed, or of what was freed, is worth a word.
const HALF: f64 = 0.5;
const HARDLY: f64 = 0.2;

/// Less than this says nothing about pages.
const LEAST_JUDGED: u64 = 1 << 20;

/// So many are told.
const TOLD: usize = 8;

/// In which way a cache is not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DoubtKind {
    /// It panicked or hung, and is left alone for a while.
    Quarantined,
    /// It says that it freed more than it did.
    ClaimsMoreThanItFrees,
    /// It frees objects, and the pages stay.
    FreesObjectsNotPages,
    /// It gave less than a quarter of what it was asked for.
    GivesLittle,
    /// All caches together say they hold more than is live.
    HoldsMoreThanIsLive,
}

/// A cache that is not what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Doubt {
    /// Its name; `all` for what is said of all caches together.
    pub cache: String,
    /// In which way.
    pub kind: DoubtKind,
    /// What was claimed, or asked for, in bytes.
    pub said_bytes: u64,
    /// What was measured, in bytes.
    pub measured_bytes: u64,
    /// In words.
    pub words: String,
}

impl Doubt {
    pub(super) fn all(status: &Status) -> Vec<Self> {
        let together = of_all(status).into_iter();
        together.chain(status.caches.iter().filter_map(of_one)).take(TOLD).collect()
    }
}

fn of_all(status: &Status) -> Option<Doubt> {
    let said = status.snapshot.caches_bytes()?;
    let live = status.snapshot.live_bytes().filter(|live| *live < said)?;
    let words = format!(
        "all caches together say they hold {}, and only {} are live: what they say is not what they hold",
        size(said as f64),
        size(live as f64)
    );
    let kind = DoubtKind::HoldsMoreThanIsLive;
    Some(Doubt { cache: "all".into(), kind, said_bytes: said, measured_bytes: live, words })
}

/// The worst that is known of a cache.
fn of_one(cache: &CacheStatus) -> Option<Doubt> {
    let CacheStatus { name, asked_bytes, claimed_bytes, given_bytes, .. } = cache;
    let [asked, claimed, given] =
        [asked_bytes, claimed_bytes, given_bytes].map(|bytes| size(*bytes as f64));
    let (kind, said_bytes, words) = if cache.quarantined {
        let words = format!("cache {name} panicked or hung, and is left alone for a while");
        (DoubtKind::Quarantined, *claimed_bytes, words)
    } else if cache.honesty.is_some_and(|share| share < HALF) {
        let words = format!("cache {name} claimed to have freed {claimed}; {given} were measured");
        (DoubtKind::ClaimsMoreThanItFrees, *claimed_bytes, words)
    } else if cache.page_yield.is_some_and(|share| share < HARDLY) && *given_bytes >= LEAST_JUDGED {
        let words = format!("cache {name} freed {given} of objects, and hardly any of their pages");
        (DoubtKind::FreesObjectsNotPages, *given_bytes, words)
    } else if cache.strikes > 0 && *given_bytes < asked_bytes / 4 {
        let words = format!("cache {name} was asked for {asked} and gave {given}");
        (DoubtKind::GivesLittle, *asked_bytes, words)
    } else {
        return None;
    };
    Some(Doubt { cache: name.clone(), kind, said_bytes, measured_bytes: *given_bytes, words })
}
