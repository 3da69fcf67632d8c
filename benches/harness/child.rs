//! One process that measures: a peer's program, given its order on the command line.

use super::peers::Program;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A child that says nothing for so long hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What is measured, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) workload: &'static str,
    pub(crate) threads: usize,
    pub(crate) samples: usize,
    pub(crate) sample_millis: u64,
}

/// Runs `program`; each sample is the nanoseconds that one operation takes of a core.
pub(crate) fn measure(program: &Program, order: Order) -> Result<Vec<f64>, String> {
    let numbers = [order.threads as u64, order.samples as u64, order.sample_millis];
    let mut words = vec![order.workload.to_owned()];
    words.extend(numbers.map(|number| number.to_string()));
    run(program, &words)
}

/// The resident bytes that each of `threads` waiting threads takes in `program`.
pub(crate) fn weigh_thread(program: &Program, threads: usize) -> Result<f64, String> {
    let numbers = run(program, &["weigh".to_owned(), threads.to_string()])?;
    numbers.first().copied().ok_or("printed nothing".to_owned())
}

/// The numbers that `program` prints when given `words`.
fn run(program: &Program, words: &[String]) -> Result<Vec<f64>, String> {
    let mut command = Command::new(&program.path);
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Whatever the caller's environment sets would be measured too.
    command.env_remove("_RJEM_MALLOC_CONF").env_remove("MALLOC_CONF");
    if let Some(conf) = program.peer.malloc_conf {
        command.env("_RJEM_MALLOC_CONF", conf);
    }
    let child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    parse(&finish(child)?)
}

/// What `child` prints, or how it failed.
fn finish(child: Child) -> Result<String, String> {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(LIMIT) else {
        // The thread above owns the child, so it is ended by its number, which is still its own.
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        return Err(format!("said nothing for {} s", LIMIT.as_secs()));
    };
    let output = output.map_err(|error| format!("cannot be waited for: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {}", output.status, stderr.lines().last().unwrap_or("no message")))
    }
}

fn parse(stdout: &str) -> Result<Vec<f64>, String> {
    let number = |line: &str| line.parse().map_err(|_| format!("printed {line:?}, not a number"));
    stdout.lines().map(number).collect()
}
