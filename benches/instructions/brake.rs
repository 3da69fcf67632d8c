//! The brake far from the line: what a caller executes to be admitted.

use crate::callgrind::{self, Counted};
use plimsoll::{Brake, Budget, Monitor};
use std::hint::black_box;
use std::time::Duration;

/// So many that the monitor beside them does not show.
const REPEATS: u64 = 2_000_000;

/// Does the work of a child, if this process is one.
pub(crate) fn is_child() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, child, workload, repeats] = arguments.as_slice() else { return false };
    if child != "brake" {
        return false;
    }
    let repeats: u64 = repeats.parse().unwrap_or(0);
    let Some(monitor) = monitor() else { return true };
    let brake = monitor.brake();
    match workload.as_str() {
        "bare" => (0..repeats).for_each(|_| bare(&brake)),
        _ => (0..repeats).for_each(|_| admit(&brake)),
    }
    println!("1");
    true
}

/// One that has looked once, and does not do so again.
fn monitor() -> Option<Monitor> {
    let builder = Monitor::builder().budget(Budget::Bytes(1 << 30));
    let monitor = builder.interval(Duration::from_secs(3600)).start().ok()?;
    while monitor.latest().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(monitor)
}

#[inline(always)]
fn bare(brake: &Brake) {
    black_box((black_box(brake), black_box(4096_u64)));
}

#[inline(always)]
fn admit(brake: &Brake) {
    black_box(black_box(brake).admit(black_box(4096)).is_ok());
}

/// Its instructions.
pub(crate) fn count() -> Result<Counted, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let run = |workload| callgrind::per_operation(&program, &["brake", workload], REPEATS);
    let title = "a request far from the line".into();
    Ok(Counted { title, bare: run("bare")?, counting: run("admit")? })
}
