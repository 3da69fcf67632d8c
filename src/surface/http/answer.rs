//! How an answer looks: JSON, or an error that says what is wrong and what would be right.

use crate::error::Error;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// An answer that is none: `{"success": false, "error", "error_type"}`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// For a request that makes no sense here.
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Refusal::of_type(status, error, "request_error")
    }

    fn of_type(status: StatusCode, error: impl Into<String>, error_type: &str) -> Self {
        let error: String = error.into();
        let body = json!({"success": false, "error": error, "error_type": error_type});
        Refusal { status, body, header: None }
    }

    pub(super) fn host(host: &str) -> Self {
        let host: String = host.chars().take(100).collect();
        let error = format!(
            "Host {host:?}: is none of this server's names; PLIMSOLL_HTTP_HOSTS or .http_hosts(..) adds one"
        );
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, error)
    }

    pub(super) fn unauthorized() -> Self {
        let error = "Authorization: must be Bearer with the token of PLIMSOLL_HTTP_TOKEN";
        let header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        Refusal { header, ..Refusal::new(StatusCode::UNAUTHORIZED, error) }
    }

    pub(super) fn late(patience: Duration) -> Self {
        let error = format!("no answer within {}", humantime::format_duration(patience));
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, error)
    }

    pub(super) fn busy(what: &str) -> Self {
        let header = Some((RETRY_AFTER, HeaderValue::from_static("5")));
        Refusal { header, ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, what) }
    }

    /// For what only callers that may change something can ask.
    pub(super) fn not_allowed() -> Self {
        let error = "changes are not allowed here: PLIMSOLL_HTTP_ACTIONS=on or .http_actions(true) allows them";
        Refusal::of_type(StatusCode::FORBIDDEN, error, "permission_error")
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::NotRunning => StatusCode::SERVICE_UNAVAILABLE,
            Error::NoAnswer(_) => StatusCode::GATEWAY_TIMEOUT,
            Error::Monitoring { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let mut body = error.to_json();
        body["success"] = false.into();
        Refusal { status, body, header: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
