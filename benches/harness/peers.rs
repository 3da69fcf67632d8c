//! The allocators that are compared, and the building of a program for each.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One allocator, the global one of a program of its own: `benches/peers/src/bin/PROGRAM.rs`.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Also the feature that the program is built with.
    pub(crate) program: &'static str,
    /// What it wraps, or how it is set.
    pub(crate) about: &'static str,
    /// For jemalloc's `_RJEM_MALLOC_CONF`.
    pub(crate) malloc_conf: Option<&'static str>,
}

impl Peer {
    const fn new(name: &'static str, about: &'static str) -> Self {
        Peer { name, program: name, about, malloc_conf: None }
    }
}

/// What all ratios are to.
pub(crate) const BARE: &str = "jemalloc";

/// Bare jemalloc first, the slowest last.
pub(crate) const PEERS: [Peer; 19] = [
    Peer::new(BARE, "bare, with the features that plimsoll builds it with"),
    // The same file in a process of its own: how far its ratio is from 1 is how far any ratio can be trusted.
    Peer {
        name: "jemalloc_again",
        program: BARE,
        about: "the same program once more: its ratio is the noise",
        malloc_conf: None,
    },
    Peer::new("forwarding", "over jemalloc, does nothing: what a changed layout of the code does"),
    Peer::new("jemalloc_plain", "bare, with tikv-jemallocator's default features"),
    Peer::new("jemalloc_plug_in", "bare, as the feature plug_in has it built"),
    Peer::new("system", "bare"),
    Peer::new("plimsoll", "over jemalloc"),
    Peer::new("plimsoll_monitor", "over jemalloc, a snapshot every second"),
    Peer::new("plimsoll_profile_off", "over jemalloc, the heap profile built in and off"),
    Peer::new("plimsoll_profile", "over jemalloc, the heap profile on, a sample every 512 KiB"),
    Peer::new("naive", "over jemalloc, two relaxed global atomics"),
    Peer::new("stats_alloc", "over jemalloc"),
    Peer::new("cap", "over jemalloc"),
    Peer::new("accounting_allocator", "over jemalloc"),
    Peer::new("tracking_allocator", "over jemalloc, a tracker with two atomics"),
    Peer::new("re_memory", "over jemalloc, tracking on"),
    Peer::new("peak_alloc", "over the system's allocator"),
    Peer {
        name: "jemalloc_profile",
        program: "jemalloc_profile",
        about: "jemalloc's own heap profile, lg_prof_sample:19",
        malloc_conf: Some("prof:true,prof_active:true,lg_prof_sample:19"),
    },
    Peer::new("dhat", "over the system's allocator, its profiler on"),
];

/// The peers of these names, in the order of `PEERS`.
pub(crate) fn named(names: &[&str]) -> Vec<&'static Peer> {
    PEERS.iter().filter(|peer| names.contains(&peer.name)).collect()
}

/// How the programs are optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    FatLto,
    NoLto,
}

impl Build {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Build::FatLto => "lto = \"fat\", 1 codegen unit",
            Build::NoLto => "lto = \"off\", 16 codegen units",
        }
    }

    /// The profile in `benches/peers/Cargo.toml`, and its folder in the target directory.
    fn profile(self) -> &'static str {
        match self {
            Build::FatLto => "release",
            Build::NoLto => "no-lto",
        }
    }
}

/// A peer's program, ready to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) peer: &'static Peer,
    pub(crate) path: PathBuf,
}

/// A peer that cannot be measured here, and why.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Missing {
    pub(crate) allocator: &'static str,
    pub(crate) build: &'static str,
    pub(crate) reason: String,
}

/// Builds the programs of the `wanted` peers, one after the other, and reports what cannot be built.
pub(crate) fn build(wanted: &[&'static Peer], build: Build) -> (Vec<Program>, Vec<Missing>) {
    let (mut programs, mut missing) = (vec![], vec![]);
    for peer in wanted {
        eprintln!("building {}, {}", peer.name, build.name());
        match build_one(peer.program, build) {
            Ok(path) => programs.push(Program { peer, path }),
            Err(reason) => {
                eprintln!("  missing: {reason}");
                missing.push(Missing { allocator: peer.name, build: build.name(), reason });
            }
        }
    }
    (programs, missing)
}

fn build_one(program: &str, build: Build) -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/Cargo.toml");
    if !manifest.exists() {
        // Cargo packs no package within a package.
        return Err(format!("no {}: only the repository has it", manifest.display()));
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--locked", "--bin", program, "--features", program])
        .args(["--profile", build.profile(), "--color", "never"])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        Ok(target.join(build.profile()).join(program))
    } else {
        Err(reason(&String::from_utf8_lossy(&output.stderr)))
    }
}

/// The last error of cargo's that says more than that there were errors.
fn reason(stderr: &str) -> String {
    let mut errors = stderr.lines().rev().filter(|line| line.starts_with("error"));
    let error = errors.find(|line| !line.contains("could not compile"));
    error.or(stderr.lines().last()).unwrap_or("cargo failed and said nothing").to_owned()
}
