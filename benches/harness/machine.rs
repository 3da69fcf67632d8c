//! Where and when it was measured.

use serde::Serialize;
use std::process::Command;

/// What figures depend on; `None` where it cannot be read here.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: Option<String>,
    pub(crate) cores: Option<usize>,
    pub(crate) kernel: Option<String>,
    pub(crate) rustc: Option<String>,
    /// UTC.
    pub(crate) date: Option<String>,
    /// Processes that wanted a core in the minute before: with more than one or two, somebody else was busy here.
    pub(crate) load: Option<f64>,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        Machine {
            cpu: cpu(),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            kernel: output("uname", &["-sr"]),
            rustc: output("rustc", &["--version"]),
            date: output("date", &["-u", "+%Y-%m-%d %H:%M"]),
            load: load.and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }
}

fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
