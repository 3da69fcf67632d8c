//! `completions` and `man`: what shells and manuals are told of the command line.

use super::args::Line;
use super::fault::Fault;
use super::print::Out;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;

pub(crate) fn completions(shell: Shell, out: &Out) -> Result<u8, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "plimsoll", &mut script);
    out.show(&String::from_utf8_lossy(&script)).map(|()| 0)
}

/// The main page, or all of them into a directory.
pub(crate) fn manual(dir: Option<&Path>, out: &Out) -> Result<u8, Fault> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Line::command()).render(&mut page)?;
        return out.show(&String::from_utf8_lossy(&page)).map(|()| 0);
    };
    let written =
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Line::command(), dir));
    let wrong = |error| Fault::new(format!("{}: {error}", dir.display()));
    written.map(|()| 0).map_err(wrong)
}
