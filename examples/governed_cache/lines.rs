//! The lines of JSON that tell how it goes: one at the start, one each period, one for each of the monitor's events.

use crate::Result;
use crate::args::{Args, Strategy};
use crate::keeper::{Figures, Keeper};
use crate::latency::{Latencies, Latency};
use crate::plan::Plan;
use crate::service::{Service, Tallies};
use plimsoll::Event;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first line: what is going to be done.
#[derive(Debug, Serialize)]
struct Hello {
    strategy: Strategy,
    planned_requests: u64,
    load_seconds: f64,
    budget_bytes: Option<u64>,
    budget_provenance: String,
}

/// The line of a period: what has been done so far.
#[derive(Debug, Serialize)]
struct Progress {
    /// Seconds since the load began.
    at: f64,
    phase: &'static str,
    #[serde(flatten)]
    latency: Latency,
    #[serde(flatten)]
    caches: Tallies,
    #[serde(flatten)]
    monitor: Figures,
}

/// Says what is going to be done.
pub(crate) fn hello(args: &Args, plan: &Plan, keeper: &Keeper) -> Result<()> {
    let (budget_bytes, budget_provenance) = keeper.budget();
    say(&Hello {
        strategy: args.strategy,
        planned_requests: plan.requests(),
        load_seconds: plan.load_ends().as_secs_f64(),
        budget_bytes,
        budget_provenance,
    })
}

/// What there is to tell of.
pub(crate) struct Teller {
    pub(crate) plan: Arc<Plan>,
    pub(crate) keeper: Keeper,
    pub(crate) service: Arc<Service>,
    pub(crate) latencies: Arc<Latencies>,
    pub(crate) started: Instant,
}

impl Teller {
    /// Tells how it goes, every period, while `goes_on`.
    ///
    /// # Errors
    /// When nobody reads it any more: then the program has no reason to go on.
    pub(crate) fn tell_while(&self, period: Duration, goes_on: impl Fn() -> bool) -> Result<()> {
        while goes_on() {
            std::thread::sleep(period);
            self.tell()?;
        }
        Ok(())
    }

    /// Tells how it goes now.
    fn tell(&self) -> Result<()> {
        let at = self.started.elapsed();
        say(&Progress {
            at: at.as_secs_f64(),
            phase: self.plan.phase(at).map_or("rest", |phase| phase.name),
            latency: self.latencies.figures(),
            caches: self.service.tallies(),
            monitor: self.keeper.figures(),
        })
    }
}

/// One of the monitor's events, as a line among the others.
pub(crate) fn event(event: &Event) {
    // A reader that is gone is noticed by the next line of a period.
    let _ = writeln!(std::io::stdout(), "{}", plimsoll::event_json(event));
}

fn say(line: &impl Serialize) -> Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string(line)?)?;
    Ok(())
}

/// On standard error, before the program ends.
#[expect(clippy::print_stderr, reason = "errors are this program's talk with its user")]
pub(crate) fn complain(error: &dyn std::error::Error) {
    eprintln!("governed_cache: {error}");
}
