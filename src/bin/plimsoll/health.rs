//! `health`: every check, and the exit code that scripts and probes go by.

use super::args::Reach;
use super::fault::Fault;
use super::print::{Out, Table, plain, text};
use serde_json::Value;

pub(crate) async fn run(reach: &Reach, out: &Out) -> Result<u8, Fault> {
    let answer = reach.client(super::SHORT)?.json("/api/v1/health").await?;
    let code = code(&answer.value)?;
    let shown = if reach.options.json { answer.text } else { page(&answer.value, out) };
    out.show_with(&shown, code)
}

fn code(report: &Value) -> Result<u8, Fault> {
    match report["status"].as_str() {
        Some("healthy") => Ok(0),
        Some("warning") => Ok(1),
        Some("critical") => Ok(2),
        _ => Err(Fault::new("the answer has no status: what answers is no monitored process")),
    }
}

fn page(report: &Value, out: &Out) -> String {
    let mut table = Table::new("<<<");
    let (status, level) = (text(&report["status"]), text(&report["memory_status"]));
    table.row([out.word(&status), format!("memory {}", out.word(&level))]);
    for (name, check) in report["checks"].as_object().into_iter().flatten() {
        let severity = check["severity"].as_str().unwrap_or("critical");
        let found = if check["healthy"] == true { "healthy" } else { severity };
        table.row([out.word(&plain(found)), plain(name), text(&check["message"])]);
    }
    table.lines(0)
}
