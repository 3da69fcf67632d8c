//! The heap profile: `/debug/pprof/heap`, `/debug/flamegraph`, `/api/v1/profile`.

use super::Site;
use super::answer::Refusal;
use crate::export::TopSites;
use crate::profile::{HeapProfile, HeapProfiler};
use crate::surface::profiles::{self, NoProfile, Symbols};
use axum::Json;
use axum::extract::{Query, State, rejection::JsonRejection, rejection::QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Between two profiles, in seconds.
const SECONDS: RangeInclusive<u64> = 1..=60;

/// Sites told at once.
const SITES: RangeInclusive<usize> = 1..=1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    seconds: Option<u64>,
    #[serde(default)]
    symbols: Symbols,
    limit: Option<usize>,
}

type Arguments = Result<Query<Wanted>, QueryRejection>;

/// For pprof: what is live, or with `seconds` what changed.
pub(super) async fn pprof(
    State(site): State<Site>,
    arguments: Arguments,
) -> Result<Response, Refusal> {
    let profile = site.take(&read(arguments, false)?, |profile| profile.to_pprof()).await?;
    let heads = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment; filename=\"heap.pb.gz\""),
    ];
    Ok((heads, profile).into_response())
}

/// The picture.
pub(super) async fn flame_graph(
    State(site): State<Site>,
    arguments: Arguments,
) -> Result<Response, Refusal> {
    let picture = site.take(&read(arguments, false)?, |profile| profile.to_flame_graph()).await?;
    let heads = [
        (CONTENT_TYPE, "image/svg+xml"),
        // Its colours are in it; nothing is fetched or run.
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
        ),
    ];
    Ok((heads, picture).into_response())
}

/// For flame graph tools.
pub(super) async fn collapsed(
    State(site): State<Site>,
    arguments: Arguments,
) -> Result<String, Refusal> {
    Ok(site.take(&read(arguments, false)?, |profile| profile.to_collapsed()).await?)
}

/// The largest sites; that none was ever sampled is an answer too.
pub(super) async fn top(
    State(site): State<Site>,
    arguments: Arguments,
) -> Result<Json<TopSites>, Refusal> {
    let wanted = read(arguments, true)?;
    let limit = wanted.limit.unwrap_or(20);
    Ok(Json(match site.take(&wanted, move |profile| profile.top(limit)).await {
        Err(NoProfile::NeverRan) => HeapProfiler::read().top(limit),
        top => top?,
    }))
}

fn read(arguments: Arguments, takes_limit: bool) -> Result<Wanted, Refusal> {
    let refused = |error: String| Refusal::new(StatusCode::BAD_REQUEST, error);
    let Query(wanted) = arguments.map_err(|rejection| refused(rejection.body_text()))?;
    match wanted {
        Wanted { seconds: Some(given), .. } if !SECONDS.contains(&given) => {
            Err(refused(format!("seconds of {given}: must be from 1 to 60")))
        }
        Wanted { limit: Some(_), .. } if !takes_limit => {
            Err(refused("limit: is for /api/v1/profile, which tells of so many sites".into()))
        }
        Wanted { limit: Some(given), .. } if !SITES.contains(&given) => {
            Err(refused(format!("limit of {given}: must be from 1 to 1000")))
        }
        wanted => Ok(wanted),
    }
}

impl Site {
    async fn take<T: Send + 'static>(
        &self,
        wanted: &Wanted,
        encode: impl FnOnce(HeapProfile) -> T + Send + 'static,
    ) -> Result<T, NoProfile> {
        match wanted.seconds {
            None => profiles::take(&self.handle, wanted.symbols, encode).await,
            Some(seconds) => {
                let time = Duration::from_secs(seconds);
                profiles::change(&self.handle, wanted.symbols, time, encode).await
            }
        }
    }
}

impl From<NoProfile> for Refusal {
    fn from(why: NoProfile) -> Self {
        match why {
            NoProfile::Busy => Refusal::busy("four profiles are made at the moment: ask again"),
            NoProfile::NeverRan => Refusal::new(
                StatusCode::CONFLICT,
                "the heap profile was never started: PLIMSOLL_HEAP_PROFILE=on, .heap_profile(..), or POST \
                 /api/v1/profile with {\"action\": \"start\"} starts it",
            ),
            NoProfile::Failed(error) => error.into(),
        }
    }
}

/// What can be done about the profile.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Start,
    Stop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    action: What,
    mean_bytes: Option<u64>,
    #[serde(default)]
    by_thread: bool,
}

/// What the profiler does from now on.
#[derive(Serialize)]
pub(super) struct Done {
    is_running: bool,
    /// The setting `heap_profile`, as it is now.
    heap_profile: String,
}

pub(super) async fn act(
    State(site): State<Site>,
    arguments: Result<Json<Action>, JsonRejection>,
) -> Result<Json<Done>, Refusal> {
    let action = site.allowed(arguments)?;
    site.handle.configure([("heap_profile", action.setting()?)])?;
    let settings = site.handle.settings();
    let heap_profile = settings.into_iter().find(|setting| setting.name == "heap_profile");
    let heap_profile = heap_profile.map(|setting| setting.value).unwrap_or_default();
    Ok(Json(Done { is_running: HeapProfiler::is_running(), heap_profile }))
}

impl Action {
    /// As the setting has it.
    fn setting(&self) -> Result<String, Refusal> {
        let suffix = if self.by_thread { " by_thread" } else { "" };
        let refused = |error| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error));
        match (self.action, self.mean_bytes) {
            (What::Start, None) => Ok(format!("on{suffix}")),
            (What::Start, Some(0)) => refused("mean_bytes of 0: must be at least 1"),
            // With its unit: 1 alone is `on`.
            (What::Start, Some(mean)) => Ok(format!("{mean}B{suffix}")),
            (What::Stop, None) if !self.by_thread => Ok("off".into()),
            (What::Stop, _) => refused("mean_bytes, by_thread: are for \"start\""),
        }
    }
}
