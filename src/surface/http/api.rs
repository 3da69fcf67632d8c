//! `/api/v1`: every question, answered as JSON from the one report.

use super::Site;
use super::answer::Refusal;
use crate::event::EventLog;
use crate::eviction::{CacheStatus, EvictionPlan};
use crate::export::explain::Explanation;
use crate::export::history::{Columns, Wanted};
use crate::export::report::{HealthReport, MetricsReport};
use crate::export::status::{EvictionSummary, Status};
use crate::ledger::Ledger;
use crate::policy::forecast::Forecast;
use crate::setting::Setting;
use crate::snapshot::Snapshot;
use crate::surface::fresh;
use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

/// An answer, or why there is none.
type Answer<T> = Result<Json<T>, Refusal>;

/// A question's arguments.
type Arguments<T> = Result<Query<T>, QueryRejection>;

fn given<T>(arguments: Arguments<T>) -> Result<T, Refusal> {
    arguments
        .map(|Query(arguments)| arguments)
        .map_err(|rejection| Refusal::new(StatusCode::BAD_REQUEST, rejection.body_text()))
}

pub(super) async fn status(State(site): State<Site>) -> Json<Status> {
    site.freshen().await;
    Json(site.handle.status())
}

pub(super) async fn snapshot(State(site): State<Site>) -> Json<Snapshot> {
    site.freshen().await;
    Json(site.handle.snapshot())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryArguments {
    since: Option<f64>,
    points: Option<usize>,
    #[serde(default)]
    figures: String,
}

pub(super) async fn history(
    State(site): State<Site>,
    arguments: Arguments<HistoryArguments>,
) -> Answer<Columns> {
    let HistoryArguments { since, points, figures } = given(arguments)?;
    let figures = figures.split(',').map(str::trim).filter(|name| !name.is_empty());
    let wanted = Wanted { since, points, figures: figures.map(str::to_owned).collect() };
    wanted.check().map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))?;
    Ok(Json(site.handle.columns(&wanted)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventArguments {
    #[serde(default)]
    since: u64,
}

/// The events, and whose they are.
#[derive(Serialize)]
pub(super) struct Events {
    schema_version: u32,
    run: String,
    #[serde(flatten)]
    log: EventLog,
}

pub(super) async fn events(
    State(site): State<Site>,
    arguments: Arguments<EventArguments>,
) -> Answer<Events> {
    let log = site.handle.events_since(given(arguments)?.since);
    let run = site.handle.process().run;
    Ok(Json(Events { schema_version: Status::SCHEMA_VERSION, run, log }))
}

pub(super) async fn health(State(site): State<Site>) -> Answer<HealthReport> {
    Ok(Json(fresh::health(&site.handle).await?))
}

pub(super) async fn metrics(State(site): State<Site>) -> Json<MetricsReport> {
    site.freshen().await;
    Json(site.handle.metrics())
}

pub(super) async fn ledger(State(site): State<Site>) -> Json<Ledger> {
    site.freshen().await;
    Json(site.handle.ledger())
}

pub(super) async fn caches(State(site): State<Site>) -> Json<Vec<CacheStatus>> {
    site.freshen().await;
    Json(site.handle.caches())
}

pub(super) async fn forecast(State(site): State<Site>) -> Json<Forecast> {
    site.freshen().await;
    Json(site.handle.forecast())
}

pub(super) async fn settings(State(site): State<Site>) -> Json<Vec<Setting>> {
    Json(site.handle.settings())
}

pub(super) async fn evictions(State(site): State<Site>) -> Json<EvictionSummary> {
    Json(site.handle.eviction_statistics().into())
}

pub(super) async fn explain(State(site): State<Site>) -> Json<Explanation> {
    site.freshen().await;
    fresh::look_closely(&site.handle).await;
    Json(site.handle.explain_as_known())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanArguments {
    target_bytes: u64,
}

pub(super) async fn plan(
    State(site): State<Site>,
    arguments: Arguments<PlanArguments>,
) -> Answer<EvictionPlan> {
    Ok(Json(site.handle.plan_eviction_async(given(arguments)?.target_bytes).await?))
}

/// What all of this is, for programs.
pub(super) async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("../../../docs/openapi.json"))
}

impl Site {
    /// Has the monitor tick, when that is longer ago than a second, and waits a moment for it: what is as of the last tick
    /// shall be as of now.
    pub(super) async fn freshen(&self) {
        fresh::freshen(&self.handle).await;
    }
}
