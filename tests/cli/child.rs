//! A monitored process of its own, that tools find by its id: this test binary, run for one function.

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const SERVED: &str = "PLIMSOLL_TEST_SERVED";

/// A process with a monitor and its usual socket in `home`.
pub(crate) struct Served {
    child: Child,
    /// Held open: it has more to say when it ends.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Served {
    pub(crate) fn start(home: &Path) -> Self {
        Served::with(home, &[("PLIMSOLL_SOCKET", "on")])
    }

    pub(crate) fn with(home: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::served", "--ignored", "--nocapture"]);
        command.env("XDG_RUNTIME_DIR", home).env(SERVED, "1");
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("is served")), "it could not be started");
        Served { child, _output: lines }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// As a machine that is out of memory would: nothing is put in order.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The end of its input ends it; if not, this does.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what [`Served`] runs. It lasts until the end of its input.
#[test]
#[ignore = "the process that other tests look at"]
fn served() {
    if std::env::var_os(SERVED).is_none() {
        return;
    }
    let monitor = crate::support::builder().start().unwrap();
    println!("it is served");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(monitor);
}
