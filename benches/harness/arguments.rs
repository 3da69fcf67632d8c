//! The command line of a bench.

use std::path::PathBuf;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Where all figures go; without it they are printed.
    pub(crate) json: Option<PathBuf>,
    /// Fewer rounds.
    pub(crate) quick: bool,
    /// Nothing is measured: the figures of the last run are written again.
    pub(crate) write_only: bool,
    /// The figures are held against those recorded.
    pub(crate) check: bool,
    /// The figures are recorded.
    pub(crate) record: bool,
    /// How long the load lasts, for a long run.
    pub(crate) minutes: Option<u64>,
    /// No control groups are made.
    pub(crate) unconfined: bool,
    /// Where every line that was heard goes.
    pub(crate) traces: Option<PathBuf>,
    /// The peers that are measured; all when empty.
    pub(crate) only: Vec<String>,
    /// The workloads that are measured; all when empty.
    pub(crate) workloads: Vec<String>,
}

impl Arguments {
    /// From the process's own; `valid` names the options that this bench has.
    pub(crate) fn of_process(valid: &[&str]) -> Result<Self, String> {
        // `cargo bench` adds `--bench`.
        let words = std::env::args().skip(1).filter(|word| word != "--bench");
        Self::parse(words, valid)
    }

    fn parse(words: impl Iterator<Item = String>, valid: &[&str]) -> Result<Self, String> {
        let mut arguments = Arguments::default();
        let mut words = words;
        while let Some(word) = words.next() {
            if !valid.contains(&word.as_str()) {
                return Err(format!("{word:?} is no option here: expected {}", valid.join(", ")));
            }
            let mut value = || words.next().ok_or(format!("{word} needs a value after it"));
            match word.as_str() {
                "--json" => arguments.json = Some(writable(value()?)?),
                "--minutes" => arguments.minutes = Some(minutes(&value()?)?),
                "--traces" => arguments.traces = Some(directory(value()?)?),
                "--only" => arguments.only = names(&value()?),
                "--workload" => arguments.workloads = names(&value()?),
                "--write-only" => arguments.write_only = true,
                "--unconfined" => arguments.unconfined = true,
                "--check" => arguments.check = true,
                "--record" => arguments.record = true,
                _ => arguments.quick = true,
            }
        }
        Ok(arguments)
    }
}

/// Tried at once: an error after ten minutes of measuring would come late.
fn writable(file: String) -> Result<PathBuf, String> {
    match std::fs::OpenOptions::new().create(true).append(true).open(&file) {
        Ok(_) => Ok(PathBuf::from(file)),
        Err(error) => Err(format!("{file:?} cannot be written: {error}")),
    }
}

fn directory(name: String) -> Result<PathBuf, String> {
    let directory = PathBuf::from(name);
    if directory.is_dir() { Ok(directory) } else { Err(format!("{directory:?} is no directory")) }
}

fn minutes(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of minutes"))
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// An error unless each of `wanted` is among `known`.
pub(crate) fn check_names(what: &str, wanted: &[String], known: &[&str]) -> Result<(), String> {
    match wanted.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{what} {name:?} is not known: expected {}", known.join(", "))),
        None => Ok(()),
    }
}
