//! `evict`, `purge`, `configure`: what changes something in the process, if it allows that.

use super::args::{Configure, Evict, Reach};
use super::fault::Fault;
use super::print::{Out, Table, percent, size, span, text};
use serde_json::{Map, Value, json};

/// The exit code of what freed less than was asked for.
const TOO_LITTLE: u8 = 1;

pub(crate) async fn evict(wanted: &Evict, out: &Out) -> Result<u8, Fault> {
    if wanted.dry_run {
        return plan(wanted, out).await;
    }
    let client = wanted.reach.client(super::LONG)?;
    let mut body = json!({"target_bytes": wanted.size});
    if let Some(cache) = &wanted.cache {
        body["cache"] = json!(cache);
    }
    let answer = client.post("/api/v1/evict", &body).await?;
    let shown = if wanted.reach.options.json { answer.text } else { evicted(&answer.value) };
    out.show_with(&shown, code(&answer.value))
}

async fn plan(wanted: &Evict, out: &Out) -> Result<u8, Fault> {
    let client = wanted.reach.client(super::SHORT)?;
    let mut answer = client.json(&format!("/api/v1/plan?target_bytes={}", wanted.size)).await?;
    if let Some(cache) = &wanted.cache {
        // For the plan all caches were asked what they hold; one alone is asked by that.
        let status = client.json("/api/v1/status").await?.value;
        keep(&mut answer.value, one(&status["caches"], cache)?, wanted.size);
        answer.text = answer.value.to_string();
    }
    let shown = if wanted.reach.options.json { answer.text } else { planned(&answer.value) };
    out.show(&shown).map(|()| 0)
}

fn one<'a>(caches: &'a Value, name: &str) -> Result<&'a Value, Fault> {
    let all = || caches.as_array().into_iter().flatten();
    all().find(|cache| cache["name"] == name).ok_or_else(|| {
        let names: Vec<_> = all().map(|cache| text(&cache["name"])).collect();
        Fault::new(format!("no cache is called {name:?}: there are [{}]", names.join(", ")))
    })
}

/// All that the cache holds above its floor, as far as it is wanted; all that is wanted where it does not say.
fn keep(plan: &mut Value, cache: &Value, wanted: u64) {
    let floor = cache["floor_bytes"].as_u64().unwrap_or(0);
    let above = cache["usage_bytes"].as_u64().map_or(wanted, |held| held.saturating_sub(floor));
    let bytes = if cache["quarantined"] == true { 0 } else { above.min(wanted) };
    let mb = bytes as f64 / 1_048_576.0;
    let ask = json!({"cache": cache["name"], "mb": mb, "bytes": bytes});
    plan["asks"] = if bytes > 0 { json!([ask]) } else { json!([]) };
    (plan["planned_bytes"], plan["planned_mb"]) = (json!(bytes), json!(mb));
}

fn planned(plan: &Value) -> String {
    let mut table = Table::new("<>");
    for ask in plan["asks"].as_array().into_iter().flatten() {
        table.row([text(&ask["cache"]), size(&ask["bytes"])]);
    }
    let (planned, target) = (size(&plan["planned_bytes"]), size(&plan["target_bytes"]));
    format!("{}would be asked for {planned} of {target}; nobody was asked\n", table.lines(0))
}

fn evicted(result: &Value) -> String {
    let asked = names(&result["evicted"]);
    let took = span(&result["duration_seconds"]);
    let (freed, claimed) = (size(&result["memory_freed_bytes"]), size(&result["claimed_bytes"]));
    let mut page = format!("{}\n", text(&result["message"]));
    page += &format!("measured {freed}, claimed {claimed}, asked: {asked}, took {took}\n");
    for error in result["errors"].as_array().into_iter().flatten() {
        page += &format!("failed: {}\n", text(error));
    }
    page
}

fn names(list: &Value) -> String {
    let names: Vec<_> = list.as_array().into_iter().flatten().map(text).collect();
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

fn code(result: &Value) -> u8 {
    if result["success"] == true { 0 } else { TOO_LITTLE }
}

pub(crate) async fn purge(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let answer = reach.client(super::LONG)?.post("/api/v1/purge", &json!({})).await?;
    let shown = if reach.options.json { answer.text } else { purged(&answer.value) };
    out.show_with(&shown, code(&answer.value))
}

fn purged(result: &Value) -> String {
    let share = result["yield_ratio"].as_f64().map(|ratio| ratio * 100.0);
    let (before, after) = (&result["dirty_before_bytes"], &result["dirty_after_bytes"]);
    format!(
        "gave back {} of unused pages ({} before, {} after), yield {}, took {}\n",
        size(&result["purged_bytes"]),
        size(before),
        size(after),
        percent(&json!(share)),
        span(&result["duration_seconds"]),
    )
}

pub(crate) async fn configure(wanted: &Configure, out: &Out) -> Result<u8, Fault> {
    let client = wanted.options.client(super::LONG)?;
    let changes: Map<String, Value> =
        wanted.changes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let answer = client.post("/api/v1/configure", &Value::Object(changes)).await?;
    let shown = if wanted.options.json { answer.text } else { configured(&answer.value) };
    out.show(&shown).map(|()| 0)
}

fn configured(configured: &Value) -> String {
    let mut table = Table::new("<>><");
    for name in configured["updated_fields"].as_array().into_iter().flatten() {
        let of = |values: &str| text(&configured[values][name.as_str().unwrap_or_default()]);
        table.row([text(name), of("old_values"), "->".into(), of("new_values")]);
    }
    let lines = table.lines(0);
    if lines.is_empty() { "nothing changed: these are the values in force\n".into() } else { lines }
}
