//! Runs every bench and writes what they found: `benches/README.md` and the pictures beside it.
//!
//! `cargo bench --bench report [-- --quick] [-- --write-only]`. With `--write-only` the figures of the last run are written
//! again. `cargo bench` alone leaves this out: it would measure everything twice.
#![allow(clippy::print_stderr, reason = "a bench prints")]

mod chart;
mod governed;
#[path = "../harness/mod.rs"]
mod harness;
mod markdown;
mod pictures;
mod tables;
mod timeline;

use harness::arguments::Arguments;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    harness::exit_code("report", run())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::of_process(&["--quick", "--write-only"])?;
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-results");
    std::fs::create_dir_all(&results).map_err(|error| said(&results, error))?;
    if !arguments.write_only {
        for bench in ["overhead", "growth", "snapshot", "governed"] {
            bench_to_json(bench, &results, arguments.quick)?;
        }
        instructions(&results)?;
    }
    write(&results)
}

fn said(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

fn cargo_bench(bench: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["bench", "--locked", "--bench", bench]);
    command
}

fn bench_to_json(bench: &str, results: &Path, quick: bool) -> Result<(), String> {
    let file = results.join(format!("{bench}.json"));
    let mut command = cargo_bench(bench);
    command.args(["--", "--json"]).arg(&file);
    if quick {
        command.arg("--quick");
    }
    let status = command.status().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the bench {bench} failed: {status}")) }
}

/// What `instructions` prints is kept as it is: it says itself where valgrind is missing.
fn instructions(results: &Path) -> Result<(), String> {
    let output = cargo_bench("instructions").output();
    let output = output.map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the bench instructions failed: {stderr}"));
    }
    let file = results.join("instructions.txt");
    std::fs::write(&file, output.stdout).map_err(|error| said(&file, error))
}

fn write(results: &Path) -> Result<(), String> {
    let json = |bench: &str| read_json(results.join(format!("{bench}.json")));
    let (overhead, growth, snapshot) = (json("overhead")?, json("growth")?, json("snapshot")?);
    let governed = json("governed")?;
    let file = results.join("instructions.txt");
    let instructions = std::fs::read_to_string(&file).map_err(|error| said(&file, error))?;
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let files = [
        ("growth.svg", pictures::growth(&growth)),
        ("governed.svg", timeline::governed(&governed)),
        ("README.md", tables::readme(&overhead, &growth, &snapshot, &governed, &instructions)),
    ];
    for (name, text) in files {
        let file = benches.join(name);
        std::fs::write(&file, text).map_err(|error| said(&file, error))?;
        eprintln!("wrote {}", file.display());
    }
    Ok(())
}

fn read_json(file: PathBuf) -> Result<Value, String> {
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} (run without --write-only first)", said(&file, error)))?;
    serde_json::from_str(&text).map_err(|error| said(&file, error))
}
