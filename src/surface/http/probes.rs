//! Is it alive, is it ready, is it well? For those who restart, who send work, and who look.

use super::Site;
use super::answer::Refusal;
use crate::level::Level;
use crate::policy::health::HealthStatus;
use crate::surface::fresh;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// 200 while the monitor ticks. Memory never fails it: a process that is restarted for want of memory would be for ever.
pub(super) async fn alive(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.handle.is_ticking() {
        (StatusCode::OK, "alive\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the monitor does not tick\n")
    }
}

/// 503 while the budget is used up: no new work, please.
pub(super) async fn ready(State(site): State<Site>) -> (StatusCode, String) {
    site.freshen().await;
    match site.handle.level() {
        level @ Level::Critical => (StatusCode::SERVICE_UNAVAILABLE, format!("{level}\n")),
        level => (StatusCode::OK, format!("{level}\n")),
    }
}

const HEALTH_JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/health+json");

/// Every check, as draft-inadarei-api-health-check-06 has it: 200 for `pass` and `warn`, 503 for `fail`.
pub(super) async fn health(State(site): State<Site>) -> Result<Response, Refusal> {
    let report = fresh::health(&site.handle).await?;
    let status = match report.status {
        HealthStatus::Critical => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    let mut checks: Map<String, Value> = report
        .checks
        .iter()
        .map(|(name, check)| (name.clone(), json!([component(check)])))
        .collect();
    let snapshot = site.handle.latest();
    let usage = snapshot.as_ref().and_then(|snapshot| snapshot.usage_percent());
    checks.insert(
        "memory:utilization".into(),
        json!([{
            "componentType": "system", "observedValue": usage, "observedUnit": "percent",
            "status": word(report.status),
        }]),
    );
    let body = json!({
        "status": word(report.status),
        "version": env!("CARGO_PKG_VERSION"),
        "serviceId": site.handle.process().name,
        "output": report.critical_issues.join("; "),
        "checks": checks,
    });
    Ok((status, [HEALTH_JSON], Json(body)).into_response())
}

fn component(check: &Value) -> Value {
    let status = match check.get("severity").and_then(Value::as_str) {
        None => "pass",
        Some("warning") => "warn",
        Some(_) => "fail",
    };
    json!({ "componentType": "component", "status": status, "output": check.get("message") })
}

fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "pass",
        HealthStatus::Warning => "warn",
        HealthStatus::Critical => "fail",
    }
}
