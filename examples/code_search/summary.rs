//! What the run came to: in words, or as one JSON object.
#![expect(clippy::print_stdout, reason = "the summary is this program's result")]

use crate::args::Form;
use crate::corpus::Part;
use crate::index::{Answer, Read};
use crate::line::size;
use plimsoll::{EvictionStatistics, Level, Snapshot};
use serde::Serialize;
use std::time::Duration;

/// What was done, counted as it was done.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Indexed at least in part.
    pub(crate) projects: u64,
    /// Projects, or pieces of large ones, with an index of their own.
    parts: u64,
    files: u64,
    /// Source text, each file once.
    bytes_indexed: u64,
    /// What all indexes would hold together in live bytes, measured one by one.
    full_index_bytes: u64,
    queries: u64,
    /// Queries that found what they asked for; each was taken from a file, so all should.
    answered: u64,
    /// Files found, over all queries.
    hits: u64,
    pub(crate) cache_hits: u64,
    /// Indexes built again for a query, after they had been evicted.
    pub(crate) reindexed: u64,
    #[serde(skip)]
    example: Option<String>,
}

impl Tally {
    /// A part was indexed for the first time.
    pub(crate) fn indexed(&mut self, read: Read, kept_bytes: u64) {
        self.parts += 1;
        self.files += read.files;
        self.bytes_indexed += read.bytes;
        self.full_index_bytes += kept_bytes;
    }

    /// A query came back.
    pub(crate) fn answered(&mut self, part: &Part, identifier: &str, answer: &Answer) {
        self.queries += 1;
        self.answered += u64::from(answer.files > 0);
        self.hits += answer.files as u64;
        if let Some(hit) = answer.hits.iter().find(|hit| hit.line > 0) {
            let (project, files) = (part.name(), answer.files);
            let place = format!("{}:{}: {}", hit.path, hit.line, hit.text);
            self.example = Some(format!("{identifier} is in {files} files of {project}; {place}"));
        }
    }
}

/// The run in figures. Bytes, percent and seconds; `null` is unknown.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(flatten)]
    tally: Tally,
    live_objects: Option<u64>,
    live_bytes: Option<u64>,
    peak_live_bytes: Option<u64>,
    peak_rss_bytes: Option<u64>,
    budget_bytes: Option<u64>,
    evictions: u64,
    freed_bytes_measured: u64,
    /// The highest of all snapshots: the monitor's own and those taken before an index was built.
    max_usage_percent: f64,
    level: Level,
    seconds: f64,
    #[serde(skip)]
    ledger: String,
}

impl Summary {
    pub(crate) fn new(
        tally: Tally,
        (last, evictions, max_usage_percent): (Snapshot, EvictionStatistics, f64),
        took: Duration,
        ledger: String,
    ) -> Self {
        Summary {
            tally,
            live_objects: last.live_objects(),
            live_bytes: last.live_bytes(),
            peak_live_bytes: last.peak_live_bytes(),
            peak_rss_bytes: last.process_rss_peak_bytes(),
            budget_bytes: last.budget_bytes(),
            evictions: evictions.total_evictions,
            freed_bytes_measured: evictions.total_memory_freed_bytes.unwrap_or(0),
            max_usage_percent,
            level: last.level(),
            seconds: took.as_secs_f64(),
            ledger,
        }
    }

    /// The ledger and the summary in words; JSON in the last line, when it was asked for.
    pub(crate) fn print(&self, form: Form) {
        println!("{}\n{self}", self.ledger);
        if form == Form::Json {
            // Numbers and words only: nothing in it can fail to be written.
            println!("{}", serde_json::to_string(self).unwrap_or_default());
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { projects, files, queries, answered, cache_hits, reindexed, .. } = &self.tally;
        let (text, full) = (size(self.tally.bytes_indexed), size(self.tally.full_index_bytes));
        let known = |bytes: Option<u64>| bytes.map_or("unknown".into(), size);
        let (budget, highest) = (known(self.budget_bytes), self.max_usage_percent);
        let (live, rss) = (known(self.live_bytes), known(self.peak_rss_bytes));
        let freed = size(self.freed_bytes_measured);
        writeln!(f, "indexed   {files} files of {projects} projects, {text} of text")?;
        write!(f, "queries   {queries} asked, {answered} answered: ")?;
        writeln!(f, "{cache_hits} from the cache, {reindexed} after indexing again")?;
        writeln!(f, "evicted   {freed} in {} evictions, measured", self.evictions)?;
        writeln!(f, "held      {highest:.1} % of {budget} at the highest; all indexes are {full}")?;
        writeln!(f, "memory    {live} live now, peak RSS {rss}, level {}", self.level)?;
        write!(f, "took      {:.1} s", self.seconds)?;
        let example = self.tally.example.as_ref();
        example.map_or(Ok(()), |example| write!(f, "\nfor one   {example}"))
    }
}
