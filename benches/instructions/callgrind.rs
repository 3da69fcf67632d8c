//! A program's instructions, counted by valgrind's callgrind.

use std::path::Path;
use std::process::Command;

/// What one operation executes, without counting and with it.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) title: String,
    pub(crate) bare: f64,
    pub(crate) counting: f64,
}

/// Whether there is a valgrind to be run.
pub(crate) fn is_here() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions for one operation: `program` is given `words` and a number of repeats, and prints the operations of one.
pub(crate) fn per_operation(program: &Path, words: &[&str], repeats: u64) -> Result<f64, String> {
    let (once, _) = run(program, words, repeats)?;
    let (twice, operations) = run(program, words, 2 * repeats)?;
    Ok((twice - once) / (repeats as f64 * operations))
}

/// The instructions that `program` executes in all, and the number it prints.
fn run(program: &Path, words: &[&str], repeats: u64) -> Result<(f64, f64), String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(words)
        // As many digits whatever the number: the length of the command line moves the stack.
        .arg(format!("{repeats:08}"))
        .env_remove("_RJEM_MALLOC_CONF")
        .env_remove("MALLOC_CONF")
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let collected = stderr.lines().find_map(|line| line.split("Collected : ").nth(1));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let numbers =
        collected.and_then(|total| total.trim().parse().ok()).zip(stdout.trim().parse().ok());
    numbers
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{} {words:?} under valgrind: {}", program.display(), stderr.trim()))
}
