//! What is going on, on standard error: a bar on a terminal, else a plain line now and then.
#![expect(
    clippy::print_stderr,
    reason = "progress and errors are this program's talk with its user"
)]

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// At most one plain line in so long.
const PLAIN: Duration = Duration::from_secs(1);
const BAR: &str = "{prefix:>9} [{bar:40}] {pos}/{len} {msg} {elapsed}";

/// One stage of the work, step by step.
pub(crate) struct Progress {
    stage: &'static str,
    steps: u64,
    all: u64,
    /// On a terminal only.
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// A stage of `all` steps.
    pub(crate) fn new(stage: &'static str, all: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(stage, all));
        Progress { stage, steps: 0, all, bar, said: Instant::now() }
    }

    /// One step is done; `note` says what else is worth knowing, when it is shown.
    pub(crate) fn step(&mut self, note: impl Fn() -> String) {
        self.steps += 1;
        match &self.bar {
            Some(bar) => {
                bar.set_message(note());
                bar.inc(1);
            }
            None if self.said.elapsed() >= PLAIN => {
                self.said = Instant::now();
                say(&format!("{} {}/{}: {}", self.stage, self.steps, self.all, note()));
            }
            None => {}
        }
    }

    /// The stage is over, whether or not all steps were made.
    pub(crate) fn done(&self) {
        match &self.bar {
            Some(bar) => bar.abandon(),
            None => say(&format!("{} {}/{}: done", self.stage, self.steps, self.all)),
        }
    }
}

/// A line for the user, beside the result.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

fn bar(stage: &'static str, all: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(all).with_style(style.progress_chars("=> ")).with_prefix(stage)
}
