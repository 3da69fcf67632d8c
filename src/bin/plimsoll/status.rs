//! `status`: one screen of everything that matters now.

use super::args::Reach;
use super::client::Client;
use super::events;
use super::fault::Fault;
use super::print::{Out, Table, UNKNOWN, bytes, count, percent, plain, size, span, text};
use serde_json::{Value, json};

/// So many events fit.
const EVENTS: u64 = 6;

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let client = reach.client(super::SHORT)?;
    let answer = client.json("/api/v1/status").await?;
    if reach.options.json {
        return out.show(&answer.text).map(|()| 0);
    }
    let events = last_events(&answer.value, &client).await?;
    out.show(&page(&answer.value, &events, out)).map(|()| 0)
}

async fn last_events(status: &Value, client: &Client) -> Result<Value, Fault> {
    let since = status["events"]["total"].as_u64().unwrap_or(0).saturating_sub(EVENTS);
    let log = client.json(&format!("/api/v1/events?since={since}")).await?;
    Ok(log.value)
}

fn page(status: &Value, log: &Value, out: &Out) -> String {
    [
        head(status),
        line_of_level(status, out),
        facts(status, out).lines(0),
        warning(&status["warning"], out),
        ledger(&status["ledger"], out),
        caches(&status["caches"], out),
        own(&status["own_metrics"], out),
        last(log, out),
    ]
    .concat()
}

fn head(status: &Value) -> String {
    let process = &status["process"];
    let (name, version) = (text(&process["name"]), text(&process["plimsoll_version"]));
    let (pid, up) = (plain(&process["pid"].to_string()), span(&process["uptime_seconds"]));
    let stopped = if status["monitor_running"] == true { "" } else { ", MONITOR STOPPED" };
    format!("{name}, pid {pid}, monitored for {up}, plimsoll {version}{stopped}\n")
}

fn line_of_level(status: &Value, out: &Out) -> String {
    let (level, snapshot) = (out.word(&text(&status["level"])), &status["snapshot"]);
    let (used, share) = (size(&snapshot["usage_bytes"]), percent(&snapshot["usage_percent"]));
    format!("{level}: {used} used of {}, {share}\n", size(&status["budget"]["bytes"]))
}

fn facts(status: &Value, out: &Out) -> Table {
    let (budget, snapshot) = (&status["budget"], &status["snapshot"]);
    let limit = size(&budget["limit_bytes"]);
    let mut table = Table::new("<<");
    let mut fact = |name: &str, words: String| table.row([out.heading(name), words]);
    fact(
        "budget",
        format!(
            "{} (limit {limit}, meter {})",
            text(&budget["provenance"]),
            text(&budget["meter"])
        ),
    );
    fact("levels", thresholds(&status["thresholds"]));
    let (objects, live) = (count(&snapshot["live_objects"]), size(&snapshot["live_bytes"]));
    fact("heap", format!("{live} live in {objects} objects"));
    fact("growth", growth(&status["forecast"]));
    fact("to budget", to_budget(&status["forecast"]["time_to_budget"]));
    // A process of an older version does not tell.
    if status["leak"].is_object() {
        fact("leak", leak(&status["leak"]));
    }
    fact("evicted", evictions(&status["evictions"]));
    table
}

pub(crate) fn thresholds(thresholds: &Value) -> String {
    let thresholds = thresholds.as_array().into_iter().flatten();
    let each = |one: &Value| {
        format!("{} at {} ({})", text(&one["level"]), size(&one["bytes"]), percent(&one["percent"]))
    };
    thresholds.map(each).collect::<Vec<_>>().join(", ")
}

/// By the longest window that is known, with its interval.
pub(crate) fn growth(forecast: &Value) -> String {
    let kind = text(&forecast["growth"]).replace('_', " ");
    let windows = ["five_minutes", "minute", "ten_seconds"];
    let Some(trend) = windows.iter().map(|name| &forecast[*name]).find(|trend| trend.is_object())
    else {
        return kind;
    };
    let rate = |which: &str| size(&trend["usage_bytes_per_sec"][which]);
    let (likely, least, most) = (rate("likely"), rate("at_least"), rate("at_most"));
    format!("{kind}, {likely}/s ({least}/s to {most}/s) over {}", span(&trend["span_secs"]))
}

pub(crate) fn leak(leak: &Value) -> String {
    let verdict = text(&leak["verdict"]);
    if leak["growth_bytes"].is_null() {
        return verdict;
    }
    let sites = leak["sites"].as_array().into_iter().flatten();
    let names: Vec<_> = sites.map(|site| text(&site["name"])).collect();
    let named = if names.is_empty() { String::new() } else { format!(", in {}", names.join(", ")) };
    format!("{verdict}, {} in {}{named}", size(&leak["growth_bytes"]), span(&leak["span_secs"]))
}

pub(crate) fn to_budget(time: &Value) -> String {
    if time["likely_secs"].is_null() && time["soonest_secs"].is_null() {
        return UNKNOWN.into();
    }
    let (soonest, latest) = (span(&time["soonest_secs"]), span(&time["latest_secs"]));
    format!("{} (soonest {soonest}, latest {latest})", span(&time["likely_secs"]))
}

pub(crate) fn evictions(evictions: &Value) -> String {
    let (times, freed) = (&evictions["total_evictions"], &evictions["total_memory_freed_bytes"]);
    match times.as_u64() {
        Some(0) => "nothing so far".into(),
        _ => format!("{} in {} evictions", size(freed), count(times)),
    }
}

fn warning(warning: &Value, out: &Out) -> String {
    if warning.is_null() {
        return String::new();
    }
    let advice: Vec<_> =
        warning["recommendations"].as_array().into_iter().flatten().map(text).collect();
    format!("{}    {}: {}\n", out.word("warning"), text(&warning["message"]), advice.join("; "))
}

fn ledger(ledger: &Value, out: &Out) -> String {
    let mut table = Table::new("<>");
    for line in ledger["lines"].as_array().into_iter().flatten() {
        let sign = if line["kind"] == "sum" { "=" } else { "+" };
        let name = text(&line["name"]).replace('_', " ");
        table.row([format!("{sign} {name}"), size(&line["bytes"])]);
    }
    for source in ledger["sources"].as_array().into_iter().flatten() {
        let name = format!("  {} (reported)", text(&source["name"]));
        table.row([name, size(&source["reported_bytes"])]);
    }
    under("ledger", &table, out)
}

fn caches(caches: &Value, out: &Out) -> String {
    let Some(caches) = caches.as_array().filter(|caches| !caches.is_empty()) else {
        return String::new();
    };
    let mut table = Table::new("<>>>>>><");
    table.row(["cache", "holds", "ceiling", "asked", "claimed", "measured", "strikes", ""]);
    for cache in caches {
        table.row(cache_row(cache));
    }
    under("caches", &table, out)
}

fn cache_row(cache: &Value) -> [String; 8] {
    let ceiling = match &cache["ceiling_bytes"] {
        Value::Null => "none".into(),
        ceiling => size(ceiling),
    };
    let note = if cache["quarantined"] == true { "quarantined" } else { "" };
    [
        text(&cache["name"]),
        size(&cache["usage_bytes"]),
        ceiling,
        size(&cache["asked_bytes"]),
        size(&cache["claimed_bytes"]),
        size(&cache["given_bytes"]),
        count(&cache["strikes"]),
        note.into(),
    ]
}

fn own(figures: &Value, out: &Out) -> String {
    let mut table = Table::new("<>");
    for figure in figures.as_array().into_iter().flatten() {
        let value = &figure["value"];
        let words = match figure["unit"].as_str() {
            Some("bytes") => size(value),
            Some("bytes_per_second") => value.as_f64().map_or(UNKNOWN.into(), |v| bytes(v) + "/s"),
            Some("percent") => percent(value),
            Some("seconds") => span(value),
            // A whole number is a whole number, though it came as a float.
            _ => count(&whole(value)),
        };
        table.row([text(&figure["name"]), words]);
    }
    under("own figures", &table, out)
}

fn whole(value: &Value) -> Value {
    let whole = value.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15);
    whole.map_or_else(|| value.clone(), |whole| json!(whole as i64))
}

fn last(log: &Value, out: &Out) -> String {
    let events = log["events"].as_array().map_or(&[][..], Vec::as_slice);
    let lines: String =
        events.iter().map(|event| format!("  {}\n", events::line(event, out))).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}", out.heading("last events")) }
}

fn under(heading: &str, table: &Table, out: &Out) -> String {
    let lines = table.lines(2);
    if lines.is_empty() { lines } else { format!("{}\n{lines}", out.heading(&plain(heading))) }
}
