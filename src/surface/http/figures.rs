//! `/metrics`: the figures as Prometheus reads them.

use super::Site;
use super::answer::Refusal;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

#[cfg(not(feature = "prometheus"))]
pub(super) async fn metrics(_: State<Site>, _: HeaderMap) -> Result<Response, Refusal> {
    Err(Refusal::new(
        axum::http::StatusCode::NOT_IMPLEMENTED,
        "this build has no Prometheus text: it lacks plimsoll's feature `prometheus`; /api/v1/metrics has the figures",
    ))
}

#[cfg(feature = "prometheus")]
pub(super) async fn metrics(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
    use axum::response::IntoResponse;

    site.freshen().await;
    // Several `Accept` lines are one list.
    let accepts: Vec<_> =
        headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    let wanted = crate::Exposition::accepted_by(Some(&accepts.join(",")));
    let heads = [
        (CONTENT_TYPE, wanted.content_type()),
        (CACHE_CONTROL, "no-store"),
        (VARY, ACCEPT.as_str()),
    ];
    Ok((heads, site.handle.prometheus(wanted)).into_response())
}
