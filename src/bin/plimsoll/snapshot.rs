//! `snapshot`: every figure of this moment, by where it comes from.

use super::args::Reach;
use super::fault::Fault;
use super::print::{Out, Table, figure, moment, text};
use plimsoll::METRICS;
use serde_json::Value;

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let answer = reach.client(super::SHORT)?.json("/api/v1/snapshot").await?;
    let shown = if reach.options.json { answer.text } else { page(&answer.value, out) };
    out.show(&shown).map(|()| 0)
}

fn page(snapshot: &Value, out: &Out) -> String {
    let level = out.word(&text(&snapshot["status"]));
    let mut page = format!("{}  {level}\n", moment(&snapshot["timestamp"]));
    let mut source = String::new();
    let mut table = Table::new("<>");
    for metric in METRICS.iter().filter(|metric| snapshot.get(metric.name).is_some()) {
        let its = serde_json::to_value(metric.source).map_or(String::new(), |word| text(&word));
        if its != source {
            table.row([out.heading(&its)]);
            source = its;
        }
        table.row([format!("  {}", metric.name), figure(metric.name, &snapshot[metric.name])]);
    }
    page += &table.lines(0);
    page + &metadata(&snapshot["metadata"], out)
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
