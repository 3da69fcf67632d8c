//! Who holds the memory? A program whose functions each hold a known share of it, and its profile: as a table, and as files
//! for `pprof` and for a browser.
//!
//! ```console
//! $ cargo run --release --example heap_profile --features profile -- /tmp/profile
//! ```
//!
//! The folder gets `before.pb.gz` and `after.pb.gz` (with names), `bare.pb.gz` (with addresses only), `flame.svg` and
//! `stacks.txt`; without a folder nothing is written. Exit code 1 when a figure is outside of what its interval allows for
//! twice over.
#![allow(clippy::print_stdout, reason = "an example")]

use plimsoll::{HeapProfile, HeapProfiler, Plimsoll, Sampling, Tag};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOC: Plimsoll = Plimsoll::jemalloc();

const MIB: usize = 1 << 20;

static INDEXING: Tag = Tag::new("indexing");

/// 48 MiB in buffers of 64 KiB.
#[inline(never)]
fn load_pages() -> Vec<Vec<u8>> {
    (0..768).map(|n| vec![n as u8; 64 << 10]).collect()
}

/// 24 MiB in small strings, under a tag.
#[inline(never)]
fn build_index() -> BTreeMap<u32, String> {
    let _tag = INDEXING.enter();
    (0..98_304).map(|n| (n, "x".repeat(256))).collect()
}

/// 12 MiB in one growing buffer.
#[inline(never)]
fn write_log() -> Vec<u64> {
    let mut log = Vec::new();
    (0..12 * MIB / 8).for_each(|n| log.push(n as u64));
    log.shrink_to_fit();
    log
}

/// Forgets 8 MiB, as services do.
#[inline(never)]
fn forget_sessions(sessions: &mut Vec<Vec<u8>>) {
    sessions.extend((0..2097).map(|_| vec![1; 4000]));
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    HeapProfiler::start(Sampling::every(128 << 10))?;
    let pages = load_pages();
    let index = build_index();
    let log = write_log();
    let before = HeapProfiler::read().with_symbols();
    let mut sessions = Vec::new();
    forget_sessions(&mut sessions);
    let bare = HeapProfiler::read();
    let after = HeapProfiler::read().with_symbols();
    HeapProfiler::stop();

    let known = [
        ("load_pages", 48 * MIB),
        // Each string of 256 bytes; the map's own nodes come on top, some 3 MiB.
        ("build_index", 98_304 * 256),
        ("write_log", 12 * MIB),
        ("forget_sessions", 2097 * 4000),
    ];
    let is_right = known.map(|(name, bytes)| shown(&after, name, bytes as f64));
    for site in after.difference(&before).iter().take(3) {
        println!(
            "grew {:>7.2} MiB ± {:.2}  {}",
            site.bytes / 1e6,
            site.standard_error / 1e6,
            site.name
        );
    }
    if let Some(folder) = folder {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("before.pb.gz"), before.to_pprof())?;
        std::fs::write(folder.join("after.pb.gz"), after.to_pprof())?;
        std::fs::write(folder.join("bare.pb.gz"), bare.to_pprof())?;
        std::fs::write(folder.join("flame.svg"), after.to_flame_graph())?;
        std::fs::write(folder.join("stacks.txt"), after.to_collapsed())?;
    }
    drop((pages, index, log, sessions));
    Ok(if is_right.iter().all(|it| *it) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the function holds by the profile, beside what it is known to hold; whether both agree.
fn shown(profile: &HeapProfile, name: &str, known: f64) -> bool {
    let sites: Vec<_> = profile.sites.iter().filter(|site| site.name().contains(name)).collect();
    let bytes = sites.iter().fold(0.0, |sum, site| sum + site.live_bytes.value);
    let error = sites.iter().fold(0.0, |sum, site| sum + site.live_bytes.standard_error.powi(2));
    println!(
        "{name:<16} {:>7.2} MiB ± {:.2}, known {:.2}",
        bytes / MIB as f64,
        error.sqrt() / MIB as f64,
        known / MIB as f64
    );
    (bytes - known).abs() <= 4.0 * error.sqrt() + 0.1 * known
}
