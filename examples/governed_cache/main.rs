//! A key-value service under a load that would fill any memory, and three ways to live with that.
//!
//! ```text
//! cargo run --release --example governed_cache -- --strategy governed --budget 192MiB
//! cargo bench --bench governed     # all three at once, each in a control group of its own
//! ```
//!
//! The service answers from two caches: labels, small and cheap to make again, and tiles, large and dear. The load
//! knows no mercy: it comes at its times whether answers are late or not, it bursts, pauses, and comes back, and its
//! keys together take several times the budget. What is ungoverned grows until it is killed; a threshold polled by hand
//! evicts too much, too late; the governed one is nothing but a monitor with both caches registered.
//!
//! Every period one line of JSON on standard output says how it goes, so that whoever runs this knows, even when the
//! kernel has killed it.
//!
//! A file is a concept: [`args`]; what a request wants ([`value`]), where it is kept ([`store`]), who answers it
//! ([`service`]); the [`plan`] of the load and the [`load`] itself; how long answers take ([`latency`]); who keeps the
//! memory down ([`keeper`]: nobody, [`by_hand`], [`governed`]); the [`lines`] that tell of it.

mod args;
mod by_hand;
mod governed;
mod keeper;
mod latency;
mod lines;
mod load;
mod plan;
mod service;
mod store;
mod value;

use args::Args;
use clap::Parser;
use keeper::Keeper;
use latency::Latencies;
use lines::Teller;
use plan::Plan;
use service::Service;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

/// Any failure: the example only passes it on to the user.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            lines::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let plan = Arc::new(Plan::new(args));
    let service = Arc::new(Service::new(args.working_set.as_u64()));
    let latencies = Arc::new(Latencies::default());
    let keeper = Keeper::start(args, &service)?;
    lines::hello(args, &plan, &keeper)?;
    let load = load::start(&plan, &service, &latencies, args.seed)?;
    let teller = Teller { plan, keeper, service, latencies, started: load.started };
    teller.tell_while(args.period, || load.goes_on())?;
    load.finish()?;
    // Does it return to normal by itself?
    let rested = Instant::now() + args.rest();
    teller.tell_while(args.period, || Instant::now() < rested)
}
