//! The dashboard: one page and its files, which hold no figures.

use super::answer::Refusal;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

pub(super) async fn index() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], "<!doctype html><title>plimsoll</title>")
        .into_response()
}

pub(super) async fn icon() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

pub(super) async fn asset(Path(file): Path<String>) -> Result<Response, Refusal> {
    Err(Refusal::new(StatusCode::NOT_FOUND, format!("the dashboard has no file {file:?}")))
}
