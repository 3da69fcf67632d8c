//! `explain`: why memory is as it is, what grew, and what to do next, in the process's own words.

use super::args::Reach;
use super::fault::Fault;
use super::print::{Out, Table, items, plain, size, span, text};
use serde_json::Value;

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let answer = reach.client(super::SHORT)?.json("/api/v1/explain").await?;
    let shown = if reach.options.json { answer.text } else { page(&answer.value, out) };
    out.show(&shown).map(|()| 0)
}

fn page(explanation: &Value, out: &Out) -> String {
    let mut page = format!("{}\n", out.word(&text(&explanation["level"])));
    for sentence in items(&explanation["verdict"]) {
        page += &format!("{}\n", text(sentence));
    }
    page += &changes(&explanation["changes"], out);
    page += &numbered(&explanation["next_steps"], out);
    page
}

/// The lines and caches that changed, largest first as they come.
fn changes(changes: &Value, out: &Out) -> String {
    let mut table = Table::new("<>>");
    for change in items(&changes["lines"]) {
        table.row(row(text(&change["name"]).replace('_', " "), change));
    }
    for change in items(&changes["caches"]) {
        table.row(row(format!("cache {}", text(&change["name"])), change));
    }
    let lines = table.lines(2);
    if lines.is_empty() {
        return lines;
    }
    let window = span(&changes["window_secs"]);
    format!("{}\n{lines}", out.heading(&format!("changed in {window}")))
}

fn row(name: String, change: &Value) -> [String; 3] {
    let by = size(&change["change_bytes"]);
    let sign = if by.starts_with('-') { "" } else { "+" };
    [name, size(&change["now_bytes"]), format!("{sign}{by}")]
}

fn numbered(steps: &Value, out: &Out) -> String {
    let steps = (1..).zip(items(steps));
    let lines: String =
        steps.map(|(number, step)| format!("  {number}. {}\n", worded(step))).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}", out.heading("next")) }
}

/// What to do, the command that does it, and the setting that it needs.
fn worded(step: &Value) -> String {
    let what =
        step.as_str().or(step["what"].as_str()).map_or_else(|| plain(&step.to_string()), plain);
    let command = command(step).map_or_else(String::new, |command| format!(" [{command}]"));
    match step["setting"].as_str() {
        Some(setting) if !what.contains(setting) => {
            format!("{what}{command} (setting: {})", plain(setting))
        }
        _ => what + &command,
    }
}

/// What an agent would call, as it is typed.
fn command(step: &Value) -> Option<String> {
    let arguments = &step["arguments"];
    match step["tool"].as_str()? {
        "trigger_eviction" => {
            let dry_run = if arguments["dry_run"] == true { " --dry-run" } else { "" };
            Some(format!("plimsoll evict {}MiB{dry_run}", arguments["target_mb"].as_f64()?))
        }
        "purge_memory" => Some("plimsoll purge".into()),
        "get_heap_profile" => Some("plimsoll profile".into()),
        "get_memory_snapshots" => Some("plimsoll history".into()),
        _ => None,
    }
}
