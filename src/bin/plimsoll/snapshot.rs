//! `snapshot`: every figure of this moment, by where it comes from.

use super::args::Reach;
use super::fault::Fault;
use super::print::{Out, Table, figure, moment, text};
use plimsoll::{METRICS, Metric};
use serde_json::Value;

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let answer = reach.client(super::SHORT)?.json("/api/v1/snapshot").await?;
    let shown = if reach.options.json { answer.text } else { page(&answer.value, out) };
    out.show(&shown).map(|()| 0)
}

fn page(snapshot: &Value, out: &Out) -> String {
    let level = out.word(&text(&snapshot["status"]));
    let mut page = format!("{}  {level}\n", moment(&snapshot["timestamp"]));
    let mut table = Table::new("<>");
    for source in sources() {
        table.row([out.heading(&source)]);
        let is_its = |metric: &&Metric| word(metric) == source;
        for metric in METRICS.iter().filter(is_its) {
            let value = figure(metric.name, &snapshot[metric.name]);
            table.row([format!("  {}", metric.name), value]);
        }
    }
    page += &table.lines(0);
    page + &metadata(&snapshot["metadata"], out)
}

/// Where figures come from, in the order of the pipeline: what the monitor makes of the others comes last.
fn sources() -> Vec<String> {
    let mut sources: Vec<_> = METRICS.iter().map(word).collect();
    let mut seen = std::collections::BTreeSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    sources.sort_by_key(|source| source == "monitor");
    sources
}

fn word(metric: &Metric) -> String {
    serde_json::to_value(metric.source).map_or(String::new(), |word| text(&word))
}

/// The user's own keys; limits are shown elsewhere.
fn metadata(metadata: &Value, out: &Out) -> String {
    let pairs = metadata.as_object().into_iter().flatten();
    let own = pairs.filter(|(key, value)| value.is_string() && *key != "budget_provenance");
    let mut table = Table::new("<<");
    own.for_each(|(key, value)| table.row([super::print::plain(key), text(value)]));
    let lines = table.lines(2);
    if lines.is_empty() { lines } else { format!("{}\n{lines}", out.heading("metadata")) }
}
