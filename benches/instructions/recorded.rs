//! The figures that were recorded, and how far they may be exceeded.

use crate::callgrind::Counted;
use crate::harness;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// A rise by more than so much fails the check.
const TOLERANCE: f64 = 0.05;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/recorded.json")
}

pub(crate) fn write(counted: &[Counted]) -> Result<(), String> {
    let figures = counted.iter().map(|Counted { title, bare, counting }| {
        let tenth = |figure: f64| (figure * 10.0).round() / 10.0;
        (title.clone(), json!({ "bare": tenth(*bare), "plimsoll": tenth(*counting) }))
    });
    harness::write_json(&file(), &Value::Object(figures.collect::<Map<_, _>>()))
}

/// Fails when a figure of plimsoll's has risen, or is not recorded.
pub(crate) fn check(counted: &[Counted]) -> Result<(), String> {
    let file = file();
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}; --record writes it", file.display()))?;
    let recorded: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut risen = vec![];
    for Counted { title, counting, .. } in counted {
        let most = recorded[title]["plimsoll"].as_f64();
        let most =
            most.ok_or(format!("{title:?} is not recorded; --record does"))? * (1.0 + TOLERANCE);
        if *counting > most {
            risen.push(format!("{title}: {counting:.1} instructions, {most:.1} at most"));
        }
    }
    if risen.is_empty() { Ok(()) } else { Err(format!("risen: {}", risen.join("; "))) }
}
