//! A process that does as it is told, line by line: to see what a collector, an Alertmanager or a webhook makes of it.
//!
//! ```text
//! PLIMSOLL_WEBHOOK=http://127.0.0.1:9093 PLIMSOLL_WEBHOOK_FORM=alertmanager PLIMSOLL_OTLP=http://127.0.0.1:4318 \
//!     cargo run --example on_command --features otlp,webhook
//! ```
//!
//! On standard input: `fill 200` (MiB, in a cache that gives nothing back), `drop`, `status`, `latest`, `events`. Each is
//! answered by a line on standard output: JSON, or `done`. It ends with its input.
#![allow(clippy::print_stdout, reason = "it answers there")]

use plimsoll::{AlertRule, AlertWhen::Above, Error, Monitor, Plimsoll};
use std::io::BufRead;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

fn main() -> Result<(), Error> {
    // Resolved after a second, so that it can be watched; the rules that are there by themselves wait for a minute.
    let half = AlertRule::metric("usage_percent", Above(50.0))
        .named("OnCommandHalfFull")
        .keep_secs(1)
        .summary("{usage_percent} % of {budget_bytes} are used");
    let monitor = Monitor::builder().alert(half).start()?;
    let mut held = Vec::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", obey(&monitor, &mut held, line.trim()));
    }
    Ok(())
}

fn obey(monitor: &Monitor, held: &mut Vec<Vec<u8>>, command: &str) -> String {
    match command.split_once(' ').unwrap_or((command, "")) {
        ("fill", mib) => {
            let mib: usize = mib.parse().unwrap_or(0);
            // Touched, so that it is resident.
            held.extend((0..mib).map(|n| vec![n as u8 | 1; 1 << 20]));
            "done".into()
        }
        ("drop", _) => {
            held.clear();
            "done".into()
        }
        ("status", _) => json(&monitor.status()),
        ("latest", _) => json(&monitor.latest()),
        ("events", _) => json(&monitor.events()),
        _ => format!("cannot read {command:?}: fill <MiB>, drop, status, latest or events"),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
