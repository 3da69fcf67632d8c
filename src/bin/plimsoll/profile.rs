//! `profile`: which functions hold the memory, as a table, or as files for pprof and browsers; starts and stops the sampling.

use super::args::Profile;
use super::client::Client;
use super::fault::Fault;
use super::print::{Out, Table, count, items, percent, plain, size, span, text};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// What a stack's lines are cut to.
const LINE: usize = 160;

pub(crate) async fn run(wanted: &Profile, out: &Out) -> Result<u8, Fault> {
    let seconds = wanted.seconds.unwrap_or(0);
    let client = wanted.reach.client(super::LONG + Duration::from_secs(seconds.into()))?;
    if wanted.start.is_some() || wanted.stop {
        return act(wanted, &client, out).await;
    }
    let files = [
        (&wanted.pprof, "/debug/pprof/heap"),
        (&wanted.flamegraph, "/debug/flamegraph"),
        (&wanted.collapsed, "/debug/collapsed"),
    ];
    let asked: Vec<_> =
        files.iter().filter_map(|(file, path)| Some((file.as_deref()?, *path))).collect();
    for (file, path) in &asked {
        let bytes = client.bytes(&format!("{path}{}", query(wanted, None))).await?;
        write(file, &bytes)?;
        out.show(&format!("{} written to {}", size(&json!(bytes.len())), file.display()))?;
    }
    if !asked.is_empty() {
        return Ok(0);
    }
    let path = format!("/api/v1/profile{}", query(wanted, Some(wanted.limit)));
    let answer = client.json(&path).await?;
    let shown = match wanted.reach.options.json {
        true => answer.text,
        false => page(&answer.value, wanted, out),
    };
    out.show(&shown).map(|()| 0)
}

/// What is asked besides the path.
fn query(wanted: &Profile, limit: Option<u32>) -> String {
    let seconds = wanted.seconds.map(|seconds| format!("seconds={seconds}"));
    let symbols = wanted.no_symbols.then(|| "symbols=off".to_owned());
    let limit = limit.map(|limit| format!("limit={limit}"));
    let parts: Vec<_> = [seconds, symbols, limit].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(file, bytes).map_err(|error| Fault::new(format!("{}: {error}", file.display())))
}

async fn act(wanted: &Profile, client: &Client, out: &Out) -> Result<u8, Fault> {
    let body = match wanted.start {
        None => json!({ "action": "stop" }),
        Some(None) => json!({ "action": "start", "by_thread": wanted.by_thread }),
        Some(Some(mean)) => {
            json!({ "action": "start", "mean_bytes": mean, "by_thread": wanted.by_thread })
        }
    };
    let answer = client.post("/api/v1/profile", &body).await?;
    if wanted.reach.options.json {
        return out.show(&answer.text).map(|()| 0);
    }
    let setting = text(&answer.value["heap_profile"]);
    let does = match answer.value["is_running"].as_bool() {
        Some(true) => format!("runs: one sample every {setting} on average"),
        _ => "does not run".into(),
    };
    out.show(&format!("the heap profile {does}")).map(|()| 0)
}

fn page(top: &Value, wanted: &Profile, out: &Out) -> String {
    let Some(mean) = top["mean_bytes"].as_u64() else {
        return "the heap profile was never started: plimsoll profile --start, or PLIMSOLL_HEAP_PROFILE=on\n".into();
    };
    let running = if top["is_running"] == true { "runs" } else { "stopped" };
    let mut page = format!("{running}, one sample every {} on average\n", size(&json!(mean)));
    page += &total(top, wanted);
    let lost: u64 = top["lost"]
        .as_object()
        .into_iter()
        .flat_map(|lost| lost.values())
        .filter_map(Value::as_u64)
        .sum();
    if lost > 0 {
        page += &format!(
            "{} samples were lost: the figures are too low by some {} each\n",
            count(&json!(lost)),
            size(&json!(mean))
        );
    }
    page + &functions(top, out)
}

fn total(top: &Value, wanted: &Profile) -> String {
    let live = &top["live_bytes"];
    let what = match wanted.seconds {
        Some(seconds) => format!("grown in {}", span(&json!(seconds))),
        None => "live".to_owned(),
    };
    format!(
        "{} {what} (with 95 % {} to {}), {} samples, {} sites\n",
        size(&live["value"]),
        size(&live["low"]),
        size(&live["high"]),
        count(&top["live_samples"]),
        count(&top["sites_total"]),
    )
}

/// Each function with its interval, its share, and who leads to the largest of its sites.
fn functions(top: &Value, out: &Out) -> String {
    let mut table = Table::new(">>>><");
    table.row(["live", "low", "high", "share", "function"].map(|head| out.heading(head)));
    for function in items(&top["functions"]) {
        let live = &function["live_bytes"];
        let share = percent(&function["share_percent"]);
        let site = items(&top["sites"]).iter().find(|it| it["key"] == function["largest_site"]);
        let figures = [size(&live["value"]), size(&live["low"]), size(&live["high"]), share];
        table.row(figures.into_iter().chain([name(function, site)]));
        for line in site.map(callers).unwrap_or_default() {
            table.row(["", "", "", "", &line]);
        }
    }
    table.lines(0)
}

fn name(function: &Value, site: Option<&Value>) -> String {
    let mut name = cut(&text(&function["name"]));
    match function["sites"].as_u64() {
        None | Some(1) => {}
        Some(sites) => name += &format!("  [{sites} sites]"),
    }
    for word in ["via", "tag", "thread"] {
        if let Some(value) = site.and_then(|site| site[word].as_str()) {
            name += &format!("  [{word} {}]", cut(&plain(value)));
        }
    }
    name
}

/// The three functions that lead there.
fn callers(site: &Value) -> Vec<String> {
    let own = text(&site["name"]);
    let stack = items(&site["stack"]).iter().map(text);
    let callers = stack.skip_while(|line| !line.starts_with(&own));
    let callers = callers.skip_while(|line| line.starts_with(&own)).take(3);
    callers.map(|line| format!("  < {}", cut(&line))).collect()
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
