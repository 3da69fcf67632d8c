//! A harness in which every case is a process of its own, with a time limit.
//!
//! The counts are one set per process, so exact figures want a process in which nothing else runs: no harness
//! thread, no other case. It also makes a crash or a hang the failure of one case, reported by its name.
//! Understands what `cargo test` and `cargo nextest` ask of a test binary.

use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

/// A case is hung when it has not ended by then.
const LIMIT: Duration = Duration::from_secs(60);

/// Names the case that a child process shall run.
const CASE: &str = "PLIMSOLL_TEST_CASE";

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) path: &'static str,
    pub(crate) run: fn(),
}

impl Case {
    /// The module path without the crate's name.
    fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }
}

/// Declares `CASES`, the functions of a module that the harness runs.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const CASES: &[$crate::common::harness::Case] = &[$(
            $crate::common::harness::Case {
                path: concat!(module_path!(), "::", stringify!($case)),
                run: $case,
            }
        ),+];
    };
}
pub(crate) use cases;

/// What the command line asks for.
#[derive(Default)]
struct Request {
    list: bool,
    exact: bool,
    ignored: bool,
    filters: Vec<String>,
    skips: Vec<String>,
}

impl Request {
    fn parse(mut args: impl Iterator<Item = String>) -> Self {
        let mut request = Request::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => request.list = true,
                "--exact" => request.exact = true,
                "--ignored" => request.ignored = true,
                "--skip" => request.skips.extend(args.next()),
                "--format" | "--test-threads" | "--color" | "--logfile" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => request.filters.push(arg),
            }
        }
        request
    }

    fn wants(&self, case: &Case) -> bool {
        let matches = |filter: &String| {
            if self.exact { case.name() == filter } else { case.name().contains(filter.as_str()) }
        };
        !self.ignored
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skips.iter().any(matches)
    }
}

/// Runs the case that the environment names, or each case that the command line selects in a child process.
pub(crate) fn main(groups: &[&[Case]]) -> ExitCode {
    let cases = groups.iter().copied().flatten();
    if let Ok(name) = std::env::var(CASE) {
        let Some(case) = { cases }.find(|case| case.name() == name) else {
            return ExitCode::FAILURE;
        };
        (case.run)();
        return ExitCode::SUCCESS;
    }
    let request = Request::parse(std::env::args().skip(1));
    let wanted: Vec<&Case> = cases.filter(|case| request.wants(case)).collect();
    if request.list {
        wanted.iter().for_each(|case| println!("{}: test", case.name()));
        return ExitCode::SUCCESS;
    }
    run_all(&wanted)
}

fn run_all(cases: &[&Case]) -> ExitCode {
    println!("\nrunning {} tests", cases.len());
    let failed = cases.iter().filter(|case| !passes(case)).count();
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {} passed; {failed} failed\n", cases.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(case: &Case) -> bool {
    let verdict = run_in_child(case);
    let word = verdict.as_ref().err().map_or("ok".into(), |reason| format!("FAILED: {reason}"));
    println!("test {} ... {word}", case.name());
    verdict.is_ok()
}

fn run_in_child(case: &Case) -> Result<(), String> {
    let mut output = tempfile::tempfile().expect("a temporary file");
    let child = Command::new(std::env::current_exe().expect("this program"))
        .env(CASE, case.name())
        .stdout(output.try_clone().expect("a descriptor"))
        .stderr(output.try_clone().expect("a descriptor"))
        .process_group(0)
        .spawn()
        .expect("a child process");
    let verdict = judge(wait(child));
    if verdict.is_err() {
        let mut text = String::new();
        output.rewind().and_then(|()| output.read_to_string(&mut text)).expect("its output");
        println!("{text}");
    }
    verdict
}

fn judge(status: Option<ExitStatus>) -> Result<(), String> {
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(status.to_string()),
        None => Err(format!("hung: killed after {} s", LIMIT.as_secs())),
    }
}

/// `None` when the child had to be killed, with all that it had started.
fn wait(mut child: Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let group = child.id().cast_signed();
    // SAFETY: a signal to the process group that the child leads and that we started.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    child.wait().expect("a child of ours");
    None
}
