//! What can be asked for on the command line.

use crate::Result;
use crate::corpus::Bounds;
use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use plimsoll::Budget;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// A search index over source trees that lives within a memory budget.
#[derive(Debug, Parser)]
#[command(name = "code_search")]
pub(crate) struct Args {
    /// Directories to search: one with source files or a manifest of its own is a project, any other holds
    /// projects [default: the sources that cargo has downloaded]
    paths: Vec<PathBuf>,

    /// Memory the whole process may use: 64MiB, or 10% of what the machine or its control group allows
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) budget: Budget,

    /// Queries to ask, once everything is indexed
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) queries: u64,

    /// End after so long, even with queries left; two thirds of it may go into indexing
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,

    /// Leave out all projects after the first N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_projects: Option<u64>,

    /// Leave out what comes after so many bytes of source text
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    limit_bytes: ByteSize,

    /// Seed of the choice of queries: the same seed asks the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Leak on purpose: keep every question with what was found, where no eviction reaches it
    #[arg(long)]
    pub(crate) forget_to_forget: bool,

    /// How to end: in words, or with one JSON object as the last line
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Text)]
    pub(crate) summary: Form,
}

/// The form of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Args {
    /// Where to look for projects.
    pub(crate) fn roots(&self) -> Result<Vec<PathBuf>> {
        let roots = if self.paths.is_empty() { vec![downloaded()?] } else { self.paths.clone() };
        for root in &roots {
            if !root.is_dir() {
                return Err(format!("{}: no such directory", root.display()).into());
            }
        }
        Ok(roots)
    }

    /// How much to take of it. A part is indexed in one go, so it is small beside the budget.
    pub(crate) fn bounds(&self, budget_bytes: u64) -> Bounds {
        Bounds {
            projects: self.max_projects.unwrap_or(u64::MAX),
            bytes: self.limit_bytes.as_u64(),
            part_bytes: (budget_bytes / 32).clamp(MIB, 8 * MIB),
        }
    }

    /// When to stop indexing, and when to stop asking.
    pub(crate) fn deadlines(&self, started: Instant) -> (Option<Instant>, Option<Instant>) {
        let after = |duration| started.checked_add(duration);
        (self.duration.and_then(|all| after(all / 3 * 2)), self.duration.and_then(after))
    }
}

/// The sources cargo has unpacked on this machine.
fn downloaded() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources =
        cargo.ok_or("no CARGO_HOME and no home directory: give paths")?.join("registry/src");
    match sources.is_dir() {
        true => Ok(sources),
        false => {
            Err(format!("{}: cargo has downloaded nothing yet: give paths", sources.display())
                .into())
        }
    }
}
