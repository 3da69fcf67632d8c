//! In the heap profile's place where it is not built in: says so.

use super::answer::Refusal;
use axum::http::StatusCode;

pub(super) async fn pprof() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "this build has no heap profile: it lacks plimsoll's feature `profile`",
    )
}

pub(super) use pprof as flame_graph;
pub(super) use pprof as collapsed;
pub(super) use pprof as top;
pub(super) use pprof as act;
