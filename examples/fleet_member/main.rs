//! One process of many: a small service with two caches whose figures Prometheus scrapes. Told to, one cache grows.
//!
//! ```text
//! cargo run --example fleet_member --features http,prometheus -- --grow sessions --run-for 60s
//! ops/fleet/run            # several of them under a real Prometheus and Alertmanager
//! ```
//!
//! The first line on standard output is JSON and says where it listens: `{"pid":7,"address":"127.0.0.1:40111"}`. It
//! ends by itself, and holds no more than `--up-to` and some MiB.

mod args;
mod store;

use args::{Args, Which};
use clap::Parser;
use plimsoll::{CacheSpec, Level, Limit, Monitor, OwnMetric, Unit};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Store, VALUE};

/// Whatever it is told, there is an end.
#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc().with_limit(Limit::bytes(2 << 30));

/// Any failure: the example only passes it on to the user.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What both caches hold at most while nobody tells them to grow.
const PAGES: u64 = 6 << 20;
const SESSIONS: u64 = 2 << 20;

/// Between two turns of the service.
const TURN: Duration = Duration::from_millis(50);

/// Values that were put into any cache.
static PUT: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fleet_member: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let most = |which, usual| if args.grow == Some(which) { args.up_to.as_u64() } else { usual };
    let pages = Arc::new(Store::new(most(Which::Pages, PAGES)));
    let sessions = Arc::new(Store::new(most(Which::Sessions, SESSIONS)));
    let monitor = monitor(args)?;
    monitor.register(CacheSpec::new("pages").from(Level::Critical), pages.clone())?;
    monitor.register(CacheSpec::new("sessions").from(Level::Critical), sessions.clone())?;
    for number in 0..args.more_caches {
        monitor.register(format!("empty-{number:03}"), Store::new(0))?;
    }
    hello(&monitor)?;
    let growing = match args.grow {
        Some(Which::Pages) => Some(&pages),
        Some(Which::Sessions) => Some(&sessions),
        None => None,
    };
    serve(args, [&pages, &sessions], growing);
    Ok(())
}

fn monitor(args: &Args) -> Result<Monitor> {
    let put =
        OwnMetric::counter("values_put_total", Unit::Count, "Values put into a cache.", || {
            Some(PUT.load(Ordering::Relaxed) as f64)
        });
    Ok(Monitor::builder().budget(args.budget).metric(put).http(&args.http).start()?)
}

fn hello(monitor: &Monitor) -> Result<()> {
    let address = monitor.http_address().ok_or("nothing listens")?;
    let mut out = std::io::stdout();
    writeln!(out, "{{\"pid\":{},\"address\":\"{address}\"}}", std::process::id())?;
    Ok(out.flush()?)
}

/// A few values a turn into each; into the one that grows, as many as its rate says.
fn serve(args: &Args, both: [&Arc<Store>; 2], growing: Option<&Arc<Store>>) {
    let (started, mut grown) = (Instant::now(), 0.0);
    while started.elapsed() < args.run_for {
        both.iter().for_each(|store| put(store));
        let wanted = args.rate.as_u64() as f64 * started.elapsed().as_secs_f64() / VALUE as f64;
        while let Some(store) = growing.filter(|_| grown < wanted) {
            put(store);
            grown += 1.0;
        }
        std::thread::sleep(TURN);
    }
}

fn put(store: &Store) {
    store.put();
    PUT.fetch_add(1, Ordering::Relaxed);
}
