//! A search index over source trees that lives within a memory budget.
//!
//! ```text
//! cargo run --release --example code_search -- --budget 64MiB
//! ```
//!
//! Every project of the source trees (by default what cargo has downloaded) is indexed in memory. All indexes together
//! need more than the budget, so the monitor evicts idle projects as it fills, and a query for an evicted project
//! indexes it again. Every query is answered; the line is held; the summary says what that took.
//!
//! A file is a concept: [`args`], the [`corpus`] on disk, the [`index`] of one project, the [`projects`] held and the
//! [`answers`] remembered (the two caches that can be evicted), the [`questions`] to ask, the [`line`](mod@line) that
//! is held, the [`engine`] that joins them, [`progress`] and [`summary`]; and, to see a leak found, a [`trail`] that nobody asked
//! for.

mod answers;
mod args;
mod corpus;
mod engine;
mod index;
mod line;
mod needs;
mod progress;
mod projects;
mod questions;
mod summary;
mod trail;

use args::Args;
use clap::Parser;
use corpus::Corpus;
use engine::Engine;
use line::Line;
use progress::Progress;
use std::process::ExitCode;
use std::time::Instant;
use summary::Summary;

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

/// Any failure: the example only passes it on to the user.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(summary) => {
            summary.print(args.summary);
            ExitCode::SUCCESS
        }
        Err(error) => {
            progress::say(&format!("code_search: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<Summary> {
    let started = Instant::now();
    let mut line = Line::start(args.budget)?;
    let corpus = Corpus::scan(&args.roots()?, &args.bounds(line.budget_bytes()))?;
    line.check_holds(needs::guess(corpus.largest_part_bytes()))?;
    progress::say(&format!("{corpus}; budget {}", line::size(line.budget_bytes())));

    let mut engine = Engine::new(corpus, line, args)?;
    let (indexing, asking) = args.deadlines(started);
    engine.index_all(&mut Progress::new("indexing", engine.parts()), indexing)?;
    engine.ask(&mut Progress::new("asking", args.queries), args.queries, asking)?;
    Ok(engine.finish(started.elapsed()))
}
