//! An eviction that is wanted, and by whom.

use super::reply::Replier;
use crate::error::Error;
use crate::eviction::{EvictionPlan, EvictionResult};
use crate::level::Level;
use crate::policy::eviction::{CacheId, GivenUp, Scope};

/// Who wants an eviction.
pub(super) enum Orderer {
    /// The monitor, at this level.
    Automatic(Level),
    /// A caller, who waits for the result; every cache may be asked.
    Caller(Replier<Result<EvictionResult, Error>>),
    /// A caller who wants to know what would be asked of whom: nothing is.
    DryRun(Replier<Result<EvictionPlan, Error>>),
}

/// An eviction that is wanted.
pub(super) struct Order {
    pub(super) target: u64,
    pub(super) by: Orderer,
    /// The only cache to be asked, if it is one.
    pub(super) only: Option<CacheId>,
}

impl Order {
    pub(super) fn scope(&self) -> Scope {
        match (&self.by, self.only) {
            (Orderer::Automatic(level), _) => Scope::Automatic(*level),
            (_, Some(cache)) => Scope::Only(cache),
            _ => Scope::Command,
        }
    }
}

/// An eviction that has come to its end.
pub(super) struct Finished {
    pub(super) result: EvictionResult,
    /// Who is to be told, once everybody else can see it too.
    pub(super) by: Orderer,
    /// What nobody was left to give in an emergency.
    pub(super) given_up: Option<GivenUp>,
}

impl Orderer {
    /// Whether anybody still waits for the result.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Orderer::Automatic(_) => true,
            Orderer::Caller(replier) => replier.is_wanted(),
            Orderer::DryRun(replier) => replier.is_wanted(),
        }
    }

    /// Tells a caller that there will be no eviction.
    pub(super) fn refuse(self, error: Error) {
        match self {
            Orderer::Automatic(_) => {}
            Orderer::Caller(replier) => replier.send(Err(error)),
            Orderer::DryRun(replier) => replier.send(Err(error)),
        }
    }
}
