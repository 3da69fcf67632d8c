//! `history`: figures over time, oldest first.

use super::args::History;
use super::client::Client;
use super::fault::Fault;
use super::print::{Out, Table, figure, moment, text};
use serde_json::Value;

pub(crate) async fn run(wanted: &History, out: &Out) -> Result<u8, Fault> {
    check(&wanted.figures)?;
    let client = wanted.reach.client(super::SHORT)?;
    let answer = client.json(&path(wanted, &client).await?).await?;
    let shown = match wanted.reach.options.json {
        true => answer.text,
        false => page(&answer.value, &wanted.figures, out),
    };
    out.show(&shown).map(|()| 0)
}

/// What would not pass in a URL is no figure's name.
fn check(figures: &[String]) -> Result<(), Fault> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match figures.iter().find(|name| !is_name(name)) {
        Some(wrong) => Err(Fault::new(format!(
            "--figures: {wrong:?} is no figure's name: `plimsoll snapshot` shows them"
        ))),
        None => Ok(()),
    }
}

async fn path(wanted: &History, client: &Client) -> Result<String, Fault> {
    let (points, figures) = (wanted.points, wanted.figures.join(","));
    let path = format!("/api/v1/history?points={points}&figures={figures}");
    let Some(back) = wanted.since else { return Ok(path) };
    // By the process's own clock: ours may be another machine's.
    let now = client.json("/api/v1/snapshot").await?.value["timestamp"].as_f64();
    let now = now.ok_or_else(|| Fault::new("the answer has no timestamp"))?;
    Ok(format!("{path}&since={}", now - back.as_secs_f64()))
}

fn page(history: &Value, names: &[String], out: &Out) -> String {
    let column = |name: &str| history["figures"][name].as_array().map_or(&[][..], Vec::as_slice);
    let mut table = Table::new(format!("<<{}", ">".repeat(names.len())));
    table.row(["time", "level"].into_iter().chain(names.iter().map(String::as_str)));
    for (index, time) in column("timestamp").iter().enumerate() {
        let of = |name: &str| column(name).get(index).unwrap_or(&Value::Null);
        let head = [moment(time), out.word(&text(of("level")))];
        table.row(head.into_iter().chain(names.iter().map(|name| figure(name, of(name)))));
    }
    table.lines(0)
        + if history["thinned"] == true { "(thinned: --points shows more)\n" } else { "" }
}
