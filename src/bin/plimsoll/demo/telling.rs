//! `Teller`: what happens in the demo, a plain line for each thing.

use super::plan::{BUDGET, Plan};
use crate::args::Demo;
use crate::fault::Fault;
use crate::print::{Out, bytes, plain};
use plimsoll::{Event, EventKind, Handle, LeakFigures, LeakVerdict, Level};
use std::time::{Duration, Instant};

/// Between two lines of how it stands.
const EVERY: Duration = Duration::from_secs(5);

/// What is less is not told.
const WORTH_A_LINE: u64 = 2 << 20;

pub(super) struct Teller<'a> {
    out: &'a Out,
    handle: Handle,
    wanted: &'a Demo,
    began: Instant,
    told: Instant,
}

impl<'a> Teller<'a> {
    pub(super) fn new(out: &'a Out, handle: Handle, wanted: &'a Demo) -> Self {
        let now = Instant::now();
        Teller { out, handle, wanted, began: now, told: now }
    }

    fn line(&self, words: &str) -> Result<(), Fault> {
        let second = self.began.elapsed().as_secs();
        self.out.show(&format!("{second:>3} s  {words}"))
    }

    pub(super) fn begin(&self, plan: &Plan) -> Result<(), Fault> {
        let address = self.handle.http_address().map_or("nowhere".into(), |it| it.to_string());
        let (budget, lasts) = (bytes(BUDGET as f64), plan.lasts.as_secs());
        let mut lines = vec![
            format!("A small service runs for {lasts} s within a budget of {budget}. It renders pages and keeps them in a"),
            "cache; and by mistake it remembers every visitor for ever. Watch what is made of that:".into(),
            format!("  dashboard   http://{address}/"),
            format!("  terminal    plimsoll top http://{address}"),
            format!("  why         plimsoll explain http://{address}"),
        ];
        if let Some(file) = &self.wanted.recorder {
            lines.push(format!("  recorder    {}", plain(&file.display().to_string())));
        }
        self.out.show(&lines.join("\n"))
    }

    /// How it stands, from time to time.
    pub(super) fn look(&mut self) -> Result<(), Fault> {
        if self.told.elapsed() < EVERY {
            return Ok(());
        }
        self.told = Instant::now();
        self.stand()
    }

    fn stand(&self) -> Result<(), Fault> {
        let Some(now) = self.handle.latest() else { return Ok(()) };
        let size = |figure: Option<u64>| figure.map_or("unknown".into(), |it| bytes(it as f64));
        let share = now.usage_percent().map_or("unknown".into(), |share| format!("{share:.0} %"));
        let rest =
            now.live_bytes().zip(now.caches_bytes()).map(|(live, held)| live - held.min(live));
        self.line(&format!(
            "{}: {} used, {share} of the budget; the cache holds {}, {} are in no cache",
            now.level(),
            size(now.usage_bytes()),
            size(now.caches_bytes()),
            size(rest),
        ))
    }

    pub(super) fn event(&self, event: &Event) -> Result<(), Fault> {
        match words(&event.kind) {
            Some(words) => self.line(&plain(&words)),
            None => Ok(()),
        }
    }

    /// Why memory grows, as an agent would be told it; and the verdict.
    pub(super) fn end(&self) -> Result<(), Fault> {
        self.stand()?;
        self.line("Why does it grow? The process itself says:")?;
        for sentence in &self.handle.explain().verdict {
            self.out.show(&format!("         {}", plain(sentence)))?;
        }
        self.line(&plain(&verdict(&self.handle)))
    }

    pub(super) fn last_words(&self) -> Result<(), Fault> {
        let file = self.wanted.recorder.as_ref().map(|file| file.display().to_string());
        let file = plain(&file.unwrap_or_default());
        self.line(&format!("It is killed now (SIGKILL). What was it? plimsoll autopsy {file}"))
    }
}

/// What the watch over leaks has come to.
fn verdict(handle: &Handle) -> String {
    let leak = handle.leak();
    let names: Vec<_> = leak.sites.iter().map(|site| site.name.as_str()).collect();
    match (leak.verdict, names.first()) {
        (LeakVerdict::None, _) => "No leak was found: too little time for one.".into(),
        (verdict, None) => format!("The leak is {verdict}; no function is known for it yet."),
        (verdict, Some(_)) => format!("The leak is {verdict}: it is in {}.", names.join(", ")),
    }
}

fn words(kind: &EventKind) -> Option<String> {
    let size = |figure: &Option<u64>| figure.map_or("unknown".into(), |it| bytes(it as f64));
    Some(match kind {
        EventKind::LevelChanged { from, to, .. } if to > from => {
            format!("The level rises from {from} to {to}: {}", rises(*to))
        }
        EventKind::LevelChanged { from, to, .. } => format!("The level falls from {from} to {to}."),
        EventKind::EvictionCompleted { evicted, memory_freed_bytes, claimed_bytes, .. }
            if !evicted.is_empty() && *memory_freed_bytes >= Some(WORTH_A_LINE) =>
        {
            let (freed, claimed) = (size(memory_freed_bytes), bytes(*claimed_bytes as f64));
            format!(
                "An eviction: {} gave {freed}, measured; it said {claimed}.",
                evicted.join(", ")
            )
        }
        EventKind::PurgeCompleted { result, .. } if result.purged_bytes >= 8 * WORTH_A_LINE => {
            format!(
                "A purge: {} of unused pages went back to the system.",
                bytes(result.purged_bytes as f64)
            )
        }
        EventKind::GaveUp { grew, grew_bytes, .. } => {
            let grew = grew.as_deref().unwrap_or("unknown").replace('_', " ");
            format!("No cache is left to ask. What grew most: {grew}, by {}.", size(grew_bytes))
        }
        EventKind::LeakGrowing { leak, .. } => {
            grows("What no cache accounts for grows and grows", leak)
        }
        EventKind::LeakSuspected { leak, .. } => grows("A leak is suspected", leak),
        EventKind::LeakConfirmed { leak, .. } => {
            grows("A leak is confirmed, by two heap profiles", leak)
        }
        EventKind::PreviousRun { verdict, summary, .. } => {
            format!("The run before, by its recording: {} ({summary}).", verdict.replace('_', " "))
        }
        EventKind::Error { error_message, .. } => format!("Error: {error_message}"),
        _ => return None,
    })
}

const fn rises(to: Level) -> &'static str {
    match to {
        Level::Caution => "unused pages go back, and the cache is asked.",
        Level::Warning => "the health check fails, alerts would fire.",
        _ => "every cache is asked for all that it has.",
    }
}

fn grows(what: &str, leak: &LeakFigures) -> String {
    let by = leak.growth_bytes.map_or(String::new(), |by| format!(": {} more", bytes(by as f64)));
    let over = leak.span_seconds.map_or(String::new(), |over| format!(" in {over:.0} s"));
    let whose = leak.functions.as_ref().map_or(String::new(), |it| format!(", held by {it}"));
    format!("{what}{by}{over}{whose}.")
}
