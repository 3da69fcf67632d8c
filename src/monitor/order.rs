//! An eviction that is wanted, and by whom.

use super::registry::Entry;
use super::reply::Replier;
use crate::error::Error;
use crate::eviction::EvictionResult;
use crate::level::Level;

/// Who wants an eviction.
pub(super) enum Orderer {
    /// The monitor, at this level.
    Automatic(Level),
    /// A caller, who waits for the result; every cache may be asked.
    Caller(Replier<Result<EvictionResult, Error>>),
}

/// An eviction that is wanted.
pub(super) struct Order {
    pub(super) target: u64,
    pub(super) by: Orderer,
}

/// An eviction that has come to its end.
pub(super) struct Finished {
    pub(super) result: EvictionResult,
    /// Who is to be told, once everybody else can see it too.
    pub(super) by: Orderer,
}

impl Orderer {
    /// Whether anybody still waits for the result.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Orderer::Automatic(_) => true,
            Orderer::Caller(replier) => replier.is_wanted(),
        }
    }

    /// Whether this cache may be asked for it.
    pub(super) fn may_ask(&self, entry: &Entry) -> bool {
        match self {
            Orderer::Automatic(level) => entry.spec.from <= *level,
            Orderer::Caller(_) => true,
        }
    }
}
