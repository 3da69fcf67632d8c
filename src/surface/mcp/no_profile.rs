//! In the heap profile's place where it is not built in: says so.

use super::answer::{Answer, Failure};
use super::arguments::Profile;
use super::server::Server;

/// None to be kept.
#[derive(Clone, Default)]
pub(super) struct Kept;

pub(super) async fn profile(_: &Server, _: Profile) -> Answer {
    let error = "this build has no heap profile: it needs plimsoll's feature `profile`";
    let next_step = "ask explain_memory for the size of the objects that grow and what holds them, or build the \
        program with the feature `profile`";
    let failure = Failure::new("monitoring_error", error, next_step);
    Err(failure)
}
