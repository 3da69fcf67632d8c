//! `/api/v1`: what changes something, for callers who may.

use super::Site;
use super::answer::Refusal;
use crate::eviction::EvictionResult;
use crate::monitor::Configured;
use crate::policy::purge::PurgeResult;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

type Answer<T> = Result<Json<T>, Refusal>;
type Arguments<T> = Result<Json<T>, JsonRejection>;

impl Site {
    /// What was asked for, by somebody who may ask for it.
    pub(super) fn allowed<T>(&self, arguments: Arguments<T>) -> Result<T, Refusal> {
        if !self.actions {
            return Err(Refusal::not_allowed());
        }
        arguments
            .map(|Json(arguments)| arguments)
            .map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Eviction {
    target_bytes: u64,
    cache: Option<String>,
}

pub(super) async fn evict(
    State(site): State<Site>,
    arguments: Arguments<Eviction>,
) -> Answer<EvictionResult> {
    let Eviction { target_bytes, cache } = site.allowed(arguments)?;
    Ok(Json(match cache {
        Some(cache) => site.handle.evict_from_async(&cache, target_bytes).await?,
        None => site.handle.evict_async(target_bytes).await?,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purge {}

pub(super) async fn purge(
    State(site): State<Site>,
    arguments: Arguments<Purge>,
) -> Answer<PurgeResult> {
    let Purge {} = site.allowed(arguments)?;
    Ok(Json(site.handle.purge_async().await?))
}

/// Settings by their names; numbers and switches as JSON has them, or as an operator writes them.
pub(super) async fn configure(
    State(site): State<Site>,
    arguments: Arguments<BTreeMap<String, Value>>,
) -> Answer<Configured> {
    let changes = site.allowed(arguments)?;
    Ok(Json(site.handle.configure(changes.into_iter().map(|(name, value)| (name, text(value))))?))
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Bool(on) => if on { "on" } else { "off" }.into(),
        other => other.to_string(),
    }
}
