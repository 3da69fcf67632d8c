//! `autopsy`: what became of a run, from its recorder's file. No process is asked.

use super::args::Autopsy as Wanted;
use super::fault::Fault;
use super::print::Out;
use plimsoll::Autopsy;
use ratatui::crossterm::terminal;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Parts of the file cannot be read.
const DAMAGED: u8 = 1;
/// None of it can.
const UNUSABLE: u8 = 2;
/// Lines longer than this are hard to follow.
const WIDEST: u16 = 120;
const USUAL: u16 = 80;

pub(crate) fn run(wanted: &Wanted, out: &Out) -> Result<u8, Fault> {
    let autopsy = match Autopsy::read(&wanted.file) {
        Ok(autopsy) => autopsy,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "plimsoll: {error}");
            return Ok(UNUSABLE);
        }
    };
    if let Some(page) = &wanted.html {
        write(page, &autopsy.html())?;
    }
    let code = told_of_damage(&autopsy);
    let shown = if wanted.json { json(&autopsy)? } else { autopsy.text(width().into()) };
    out.show_with(&shown, code)
}

/// For its owner's eyes, as the file it is from.
fn write(page: &Path, html: &str) -> Result<(), Fault> {
    let unwritten = |error| Fault::new(format!("{}: cannot be written: {error}", page.display()));
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.write(true).create(true).truncate(true).open(page);
    file.and_then(|mut file| file.write_all(html.as_bytes())).map_err(unwritten)
}

fn json(autopsy: &Autopsy) -> Result<String, Fault> {
    let broken = |error| Fault::new(format!("no JSON can be made of it: {error}"));
    serde_json::to_string(autopsy).map_err(broken)
}

/// For whoever reads no further than the exit code and stderr.
fn told_of_damage(autopsy: &Autopsy) -> u8 {
    let Some(first) = autopsy.damage.first() else { return 0 };
    let (path, count) = (autopsy.path.display(), autopsy.damage.len());
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let told = super::print::plain(&format!("{path} cannot be read as a whole: {first}{more}"));
    let _ = writeln!(std::io::stderr(), "plimsoll: {told}");
    DAMAGED
}

fn width() -> u16 {
    let is_seen = std::io::stdout().is_terminal();
    let columns = terminal::size().ok().filter(|_| is_seen).map(|(columns, _)| columns);
    columns.filter(|columns| *columns > 0).unwrap_or(USUAL).min(WIDEST)
}
