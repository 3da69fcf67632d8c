//! `plimsoll`: a monitored process seen from a terminal, over its HTTP surface and nothing else.

mod act;
mod args;
mod autopsy;
mod client;
#[cfg_attr(not(feature = "http"), path = "no_demo.rs")]
mod demo;
mod events;
mod explain;
mod fault;
mod health;
mod history;
mod list;
mod mcp;
mod metrics;
mod pages;
mod print;
mod profile;
mod snapshot;
mod sockets;
mod sse;
mod status;
mod target;
mod top;
mod watch;

use args::{Command, Line};
use clap::Parser;
use fault::Fault;
use print::Out;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// What the demo is about: it counts itself. The other commands allocate too little for it to matter.
#[cfg(all(feature = "http", feature = "jemalloc"))]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll = plimsoll::Plimsoll::jemalloc();

#[cfg(all(feature = "http", not(feature = "jemalloc")))]
#[global_allocator]
static ALLOC: plimsoll::Plimsoll<std::alloc::System> = plimsoll::Plimsoll::new(std::alloc::System);

/// For what is only read.
const SHORT: Duration = Duration::from_secs(5);
/// For what runs the caches' own code.
const LONG: Duration = Duration::from_secs(60);
/// The command line makes no sense, or nobody answered well.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let code = match Line::try_parse() {
        Ok(line) => run(line.command),
        // Help and version are no errors.
        Err(said) if !said.use_stderr() => Out::stdout().show(&said.to_string()).map(|()| 0),
        Err(said) => Err(misused(&said)),
    };
    ExitCode::from(code.unwrap_or_else(|fault| tell(&fault)))
}

/// What is wrong with the command line, and what would be right, in a line. Without any command: which ones there are.
fn misused(said: &clap::Error) -> Fault {
    let text = said.to_string();
    if !text.starts_with("error: ") {
        return Fault::new(format!("a command is wanted\n\n{text}"));
    }
    let told = text.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more").next().unwrap_or_default();
    let words: Vec<_> = told.trim_start_matches("error: ").split_whitespace().collect();
    Fault::new(format!("{} (--help says more)", words.join(" ")))
}

/// One line; nothing when whoever read us has gone.
fn tell(fault: &Fault) -> u8 {
    if matches!(fault, Fault::Closed) {
        return 0;
    }
    let _ = writeln!(std::io::stderr(), "plimsoll: {fault}");
    FAILED
}

fn run(command: Command) -> Result<u8, Fault> {
    let out = Out::stdout();
    match command {
        Command::Completions { shell } => return pages::completions(shell, &out),
        Command::Demo(wanted) => return demo::run(&wanted, &out),
        Command::Autopsy(wanted) => return autopsy::run(&wanted, &out),
        Command::Man { dir } => return pages::manual(dir.as_deref(), &out),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Fault::new(format!("no runtime: {error}")))?;
    let code = runtime.block_on(ask(command, &out));
    // A thread may still wait for a line of stdin, or for a name's address.
    runtime.shutdown_background();
    code
}

async fn ask(command: Command, out: &Out) -> Result<u8, Fault> {
    match command {
        Command::Status(reach) => status::run(&reach, out).await,
        Command::Snapshot(reach) => snapshot::run(&reach, out).await,
        Command::Health(reach) => health::run(&reach, out).await,
        Command::Explain(reach) => explain::run(&reach, out).await,
        Command::Watch(watch) => watch::run(&watch, out).await,
        Command::Metrics(reach) => metrics::run(&reach, out).await,
        Command::Events(events) => events::run(&events, out).await,
        Command::History(history) => history::run(&history, out).await,
        Command::Evict(evict) => act::evict(&evict, out).await,
        Command::Purge(reach) => act::purge(&reach, out).await,
        Command::Configure(configure) => act::configure(&configure, out).await,
        Command::Mcp(reach) => mcp::run(&reach).await,
        Command::Top(reach) => top::run(&reach, out.colour).await,
        Command::Profile(profile) => profile::run(&profile, out).await,
        Command::List(list) => list::run(&list, out).await,
        Command::Autopsy(_)
        | Command::Demo(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(0),
    }
}
