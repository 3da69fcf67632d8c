//! `/metrics`: the figures as Prometheus reads them.

use super::Site;
use super::answer::Refusal;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

#[cfg(not(feature = "prometheus"))]
pub(super) async fn metrics(_: State<Site>, _: HeaderMap) -> Result<Response, Refusal> {
    Err(Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "this build has no Prometheus text: it lacks plimsoll's feature `prometheus`; /api/v1/metrics has the figures",
    ))
}

#[cfg(feature = "prometheus")]
pub(super) async fn metrics(State(site): State<Site>, _: HeaderMap) -> Result<Response, Refusal> {
    site.freshen().await;
    Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "to be merged"))
}
