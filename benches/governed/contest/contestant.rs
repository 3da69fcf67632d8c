//! One process of the contest: started, listened to, looked at, ended.

use super::group::Group;
use super::sample::{Sample, bytes_of};
use super::{BUDGET_PERCENT, Setup, WORKING_SET};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Who is going to take part.
pub(crate) struct Contestant {
    pub(crate) strategy: &'static str,
    pub(crate) group: Option<Group>,
}

/// A process at work. Dropping it ends it, and removes its group after it.
pub(crate) struct Running {
    strategy: &'static str,
    child: Child,
    ended: Option<ExitStatus>,
    heard: Arc<Mutex<Heard>>,
    listener: Option<std::thread::JoinHandle<()>>,
    samples: Vec<Sample>,
    // The last field: dropped when the process has ended.
    group: Option<Group>,
}

/// What it has said so far.
#[derive(Default)]
struct Heard {
    /// When it said the first word: then its load began.
    began: Option<Instant>,
    lines: Vec<Value>,
}

/// All there is to know of a process that has ended.
pub(crate) struct Finished {
    pub(crate) strategy: &'static str,
    pub(crate) status: ExitStatus,
    pub(crate) oom_kills: Option<u64>,
    pub(crate) lines: Vec<Value>,
    pub(crate) samples: Vec<Sample>,
}

impl Contestant {
    pub(crate) fn start(self, setup: &Setup) -> Result<Running, String> {
        let mut command = match &self.group {
            Some(group) => group.command(&setup.program),
            None => Command::new(&setup.program),
        };
        self.order(setup, &mut command);
        let mut child = command.spawn().map_err(|error| format!("{:?}: {error}", setup.program))?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let stdout = child.stdout.take();
        let listener = std::thread::spawn({
            let heard = heard.clone();
            move || listen(stdout, &heard)
        });
        let Contestant { strategy, group } = self;
        let (ended, samples, listener) = (None, vec![], Some(listener));
        Ok(Running { strategy, child, ended, heard, listener, samples, group })
    }

    fn order(&self, setup: &Setup, command: &mut Command) {
        let [working_set, budget] =
            [setup.limit * WORKING_SET, setup.budget()].map(|b| b.to_string());
        command.args(["--strategy", self.strategy, "--working-set", &working_set]);
        // In a group the governor finds the limit by itself.
        let share = format!("{BUDGET_PERCENT}%");
        let finds = self.strategy == "governed" && self.group.is_some();
        command.args(["--budget", if finds { &share } else { &budget }]);
        command.args(["--round", &format!("{}ms", setup.round.as_millis())]);
        command.args(["--rounds", &setup.rounds.to_string(), "--rate", &setup.rate.to_string()]);
        command.args(["--seed", &setup.seed.to_string()]);
        // Whatever the caller's environment sets for jemalloc would be compared too.
        command.env_remove("_RJEM_MALLOC_CONF").env_remove("MALLOC_CONF");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
    }
}

fn listen(stdout: Option<ChildStdout>, heard: &Mutex<Heard>) {
    // The last line of a process that was killed may be cut off.
    let parsed = |line: std::io::Result<String>| serde_json::from_str(&line.ok()?).ok();
    for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let mut heard = lock(heard);
        let is_first = |line: &Value| line.get("planned_requests").is_some();
        if let Some(line) = parsed(line) {
            if is_first(&line) {
                heard.began = Some(Instant::now());
            }
            heard.lines.push(line);
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Looks at what it takes.
    pub(crate) fn look(&mut self) {
        // What is charged after its end is the kernel's.
        if self.has_ended() {
            return;
        }
        let began = lock(&self.heard).began;
        if let Some(began) = began
            && let Some(bytes) = bytes_of(self.child.id(), self.group.as_ref())
        {
            self.samples.push(Sample { at: began.elapsed(), bytes });
        }
    }

    fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.was_seen_to_end()
    }

    pub(crate) fn was_seen_to_end(&self) -> bool {
        self.ended.is_some()
    }

    /// What there is to know of it, now that it has ended.
    pub(crate) fn finish(mut self) -> Result<Finished, String> {
        let status = self.ended.ok_or("it has not ended")?;
        if let Some(listener) = self.listener.take() {
            listener.join().map_err(|_| "its listener has panicked")?;
        }
        Ok(Finished {
            strategy: self.strategy,
            status,
            oom_kills: self.group.as_ref().and_then(Group::oom_kills),
            lines: std::mem::take(&mut lock(&self.heard).lines),
            samples: std::mem::take(&mut self.samples),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself meanwhile; nothing else has its number until it is waited for.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
