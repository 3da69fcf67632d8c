//! `events`: what happened lately, a line an event; `watch` and `status` show them alike.

use super::args::{Events, Severity, Since};
use super::client::{Client, Json};
use super::fault::Fault;
use super::print::{Out, UNKNOWN, figure, moment, plain, text};
use clap::ValueEnum;
use serde_json::{Map, Value};

/// What every line shows in its own place.
const HEAD: [&str; 5] = ["sequence", "timestamp", "component", "level", "event_type"];

pub(crate) async fn run(wanted: &Events, out: &Out) -> Result<u8, Fault> {
    let client = wanted.reach.client(super::SHORT)?;
    let from = match wanted.since {
        Some(Since::Number(number)) => number,
        _ => 0,
    };
    let log = client.json(&format!("/api/v1/events?since={from}")).await?;
    let earliest = earliest(wanted, &client).await?;
    let is_wanted = |event: &Value| {
        severity(event) >= wanted.severity
            && event["timestamp"].as_f64().is_some_and(|time| time >= earliest)
    };
    let shown = if wanted.reach.options.json {
        kept(log, is_wanted)
    } else {
        page(&log.value, is_wanted, out)
    };
    if shown.is_empty() { Ok(0) } else { out.show(&shown).map(|()| 0) }
}

/// Reckoned from the process's own clock: ours may be another machine's.
async fn earliest(wanted: &Events, client: &Client) -> Result<f64, Fault> {
    let Some(Since::Last(back)) = wanted.since else { return Ok(f64::NEG_INFINITY) };
    let now = client.json("/api/v1/snapshot").await?.value["timestamp"].as_f64();
    let now = now.ok_or_else(|| Fault::new("the answer has no timestamp"))?;
    Ok(now - back.as_secs_f64())
}

/// An unknown severity is shown rather than hidden.
fn severity(event: &Value) -> Severity {
    let word = event["level"].as_str().unwrap_or_default();
    Severity::from_str(word, false).unwrap_or(Severity::Error)
}

/// The log as it came, with only the events that are wanted.
fn kept(mut log: Json, is_wanted: impl Fn(&Value) -> bool) -> String {
    if let Some(events) = log.value["events"].as_array_mut() {
        events.retain(|event| is_wanted(event));
    }
    log.value.to_string()
}

fn page(log: &Value, is_wanted: impl Fn(&Value) -> bool, out: &Out) -> String {
    let events = log["events"].as_array().into_iter().flatten();
    events.filter(|event| is_wanted(event)).map(|event| line(event, out) + "\n").collect()
}

/// One event: when, how much it matters, what it was, and its figures.
pub(crate) fn line(event: &Value, out: &Out) -> String {
    let severity = text(&event["level"]);
    let room = " ".repeat(8_usize.saturating_sub(severity.len()));
    let head = format!("{}  {}{room}", moment(&event["timestamp"]), out.word(&severity));
    let fields = event.as_object().map(fields).unwrap_or_default();
    let line = format!("{head}  {:18}  {fields}", text(&event["event_type"]));
    line.trim_end().to_owned()
}

/// What was said in words comes first. Twins in MiB and empty lists say nothing more.
fn fields(event: &Map<String, Value>) -> String {
    let message = event.get("message").and_then(Value::as_str).map(plain);
    let is_twin = |name: &str| {
        name.strip_suffix("_mb").is_some_and(|stem| event.contains_key(&format!("{stem}_bytes")))
    };
    let says_more = |name: &str, value: &Value| {
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        !HEAD.contains(&name) && name != "message" && !is_twin(name) && !is_empty
    };
    let shown = event.iter().filter(|(name, value)| says_more(name, value));
    let fields = shown.map(|(name, value)| field(name, value));
    message.into_iter().chain(fields).collect::<Vec<_>>().join("  ")
}

/// `threshold: 51.2 MiB`: a figure has its unit, so that its name need not say it.
fn field(name: &str, value: &Value) -> String {
    let units = ["_bytes", "_percent", "_seconds", "_secs"];
    let stem = units.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    let words = plain(&stem.replace('_', " "));
    format!("{words}: {}", worded(name, value))
}

fn worded(name: &str, value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(words) => plain(words),
        Value::Number(_) => figure(name, value),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| worded("", item)).collect();
            items.join(", ")
        }
        Value::Object(map) => {
            let pairs: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}={}", plain(key), worded(key, value)))
                .collect();
            pairs.join(", ")
        }
    }
}
