//! The tools that change something, which must be allowed.

use super::answer::{Answer, Failure, found, found_as, object};
use super::arguments::{Eviction, SETTINGS, TARGETS, Unload, within};
use super::server::Server;
use crate::error::Error;
use crate::eviction::{CacheStatus, EvictionResult};
use crate::monitor::Handle;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a caller waits for a purge at most: hundreds of GiB take no longer.
const PATIENCE: Duration = Duration::from_secs(60);

const MIB: f64 = 1_048_576.0;

pub(super) fn configure(server: &Server, settings: Vec<(String, String)>) -> Answer {
    server.allows("changing settings")?;
    if settings.is_empty() {
        let known: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
        let next_step = format!("give at least one of {}", known.join(", "));
        return Err(Failure::new("request_error", "nothing was given to change", next_step));
    }
    let refused = |error: Error| {
        Failure::of(&error, "nothing was changed; call again with a value that fits")
    };
    let configured = server.handle.configure(settings).map_err(refused)?;
    found(configured, "in force at once and until a restart; old_values undo it")
}

pub(super) async fn evict(server: &Server, arguments: Eviction) -> Answer {
    let target = (within("target_mb", arguments.target_mb, &TARGETS)? * MIB) as u64;
    if arguments.dry_run {
        return plan(&server.handle, target).await;
    }
    server.allows("an eviction")?;
    let result = server.handle.evict_async(target).await.map_err(|error| failed(&error))?;
    evicted(&result)
}

async fn plan(handle: &Handle, target: u64) -> Answer {
    let plan = handle.plan_eviction_async(target).await.map_err(|error| failed(&error))?;
    let next_step = match plan.asks.is_empty() {
        true => "no cache has anything to give: explain_memory says what holds the memory",
        false => "call again without dry_run to have these caches asked",
    };
    let mut json = object(serde_json::to_value(plan).unwrap_or_default());
    json.insert("dry_run".into(), true.into());
    found(json, next_step)
}

fn failed(error: &Error) -> Failure {
    Failure::of(
        error,
        "nothing was evicted; get_memory_status says whether the monitor runs and what caches there are",
    )
}

/// Freeing less than was asked for is no failure of the tool: `reached_target` says so.
fn evicted(result: &EvictionResult) -> Answer {
    let next_step = match (result.success, result.evicted.is_empty()) {
        (true, _) => "ask get_memory_status whether the level has fallen",
        (false, true) => "no cache could be asked: explain_memory says what holds the memory",
        (false, false) => {
            "the caches have no more to give: explain_memory says what else holds memory"
        }
    };
    let mut json = found_as("eviction", result, next_step)?;
    json.insert("reached_target".into(), result.success.into());
    json.insert("measured".into(), result.memory_freed_bytes.is_some().into());
    Ok(json)
}

pub(super) async fn unload(server: &Server, arguments: Unload) -> Answer {
    let Unload { cache, dry_run } = arguments;
    if !dry_run {
        server.allows("unloading a cache")?;
    }
    let status = surveyed(&server.handle, &cache).await?;
    let target = above_floor(&status)?;
    if dry_run || target == 0 {
        return Ok(not_asked(&status, target, dry_run));
    }
    let result = server.handle.evict_from_async(&cache, target).await;
    evicted(&result.map_err(|error| failed(&error))?)
}

/// How the cache of that name does, with what it says just now.
async fn surveyed(handle: &Handle, cache: &str) -> Result<CacheStatus, Failure> {
    // A dry run asks the caches what they hold, and nothing else.
    handle.plan_eviction_async(1).await.map_err(|error| failed(&error))?;
    let caches = handle.caches();
    let names: Vec<_> = caches.iter().map(|status| status.name.clone()).collect();
    caches.into_iter().find(|status| status.name == cache).ok_or_else(|| {
        let error = format!("no cache is called {cache:?}: there are [{}]", names.join(", "));
        Failure::new("eviction_error", error, "call again with one of these names")
    })
}

fn above_floor(status: &CacheStatus) -> Result<u64, Failure> {
    let held = status.usage_bytes.ok_or_else(|| {
        let error = format!("cache {:?} does not say what it holds", status.name);
        let next_step = "call trigger_eviction with a target_mb instead, or implement `Cache::usage_bytes` for it";
        Failure::new("eviction_error", error, next_step)
    })?;
    Ok(held.saturating_sub(status.floor_bytes))
}

fn not_asked(status: &CacheStatus, target: u64, dry_run: bool) -> serde_json::Map<String, Value> {
    let next_step = match target {
        0 => "it holds nothing above its floor: explain_memory says what else holds memory",
        _ => "call again without dry_run to have it asked",
    };
    object(json!({
        "cache": status.name, "usage_bytes": status.usage_bytes, "floor_bytes": status.floor_bytes,
        "would_ask_bytes": target, "dry_run": dry_run, "next_step": next_step,
    }))
}

pub(super) async fn purge(server: &Server) -> Answer {
    server.allows("a purge")?;
    let purged = tokio::time::timeout(PATIENCE, server.handle.purge_async()).await;
    let purged = purged.unwrap_or(Err(Error::NoAnswer(PATIENCE)));
    let next_step =
        "get_memory_status says what serves the heap; evicting makes pages free that can be purged";
    let result = purged.map_err(|error| Failure::of(&error, next_step))?;
    found_as("purge", result, "get_memory_status shows what is left in the ledger's line `dirty`")
}
