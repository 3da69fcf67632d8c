//! Which question is whose.

use super::answer::Refusal;
use super::guard::{self, Guard};
use super::{Site, actions, api, figures, pages, probes, profile, stream};
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

/// Everything there is to ask, guarded.
pub(super) fn all(site: Site, guard: Guard) -> Router {
    let streams = stream::Streams::default();
    let routes = Router::new()
        .route("/", get(pages::index))
        .route("/index.html", get(pages::page))
        .route("/favicon.ico", get(pages::icon))
        .route("/assets/{file}", get(pages::asset))
        .route("/metrics", get(figures::metrics))
        .route("/livez", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/health", get(probes::health))
        .route(
            "/events",
            get(move |state, via, headers| stream::events(state, via, headers, streams)),
        )
        .route("/debug/pprof/heap", get(profile::pprof))
        .route("/debug/collapsed", get(profile::collapsed))
        .route("/debug/flamegraph", get(profile::flame_graph))
        .nest("/api/v1", api())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so);
    let routes = routes.with_state(site.clone());
    #[cfg(feature = "mcp")]
    let routes = routes.merge(crate::surface::mcp::routes(site.handle.clone(), site.actions));
    routes.layer(from_fn_with_state(guard, guard::around))
}

fn api() -> Router<Site> {
    Router::new()
        .route("/status", get(api::status))
        .route("/snapshot", get(api::snapshot))
        .route("/history", get(api::history))
        .route("/events", get(api::events))
        .route("/health", get(api::health))
        .route("/metrics", get(api::metrics))
        .route("/ledger", get(api::ledger))
        .route("/caches", get(api::caches))
        .route("/forecast", get(api::forecast))
        .route("/settings", get(api::settings))
        .route("/evictions", get(api::evictions))
        .route("/explain", get(api::explain))
        .route("/plan", get(api::plan))
        .route("/profile", get(profile::top).post(profile::act))
        .route("/openapi.json", get(api::description))
        .route("/evict", post(actions::evict))
        .route("/purge", post(actions::purge))
        .route("/configure", post(actions::configure))
}

async fn nothing_here() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "nothing is here: / is the dashboard, /api/v1/status the figures",
    )
}

async fn not_so() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "not by this method: questions are GET, actions POST",
    )
}
