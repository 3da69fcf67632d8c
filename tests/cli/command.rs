//! Runs the program to its end, in an environment that holds nothing but what a test puts there.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Long past anything that is tested: for hangs only.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Each line as JSON.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(parse).collect()
    }

    /// Ended well, without a word of complaint.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert!(self.code == 0 && self.err.is_empty(), "{self:?}");
        self
    }

    /// Ended with the exit code of what cannot be done, one line of complaint, and nothing else.
    #[track_caller]
    pub(crate) fn complaint(self) -> String {
        assert_eq!(self.code, 3, "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        assert!(self.err.starts_with("plimsoll: ") && self.err.lines().count() == 1, "{self:?}");
        self.err
    }
}

/// The program with sockets looked for in `home` and nowhere else.
pub(crate) fn program(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    let command_line = command.args(arguments).env_clear();
    command_line.env("XDG_RUNTIME_DIR", home).env("TMPDIR", home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(home: &Path, arguments: &[&str]) -> Run {
    finish(program(home, arguments))
}

/// As [`run`], for what does not look for sockets.
pub(crate) fn plimsoll(arguments: &[&str]) -> Run {
    run(Path::new("/nowhere"), arguments)
}

pub(crate) fn finish(mut command: Command) -> Run {
    end(command.spawn().unwrap())
}

/// Waits for its end; one that hangs is ended, and fails the test.
#[track_caller]
pub(crate) fn end(mut child: Child) -> Run {
    let read = |mut from: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).map(|_| text)
        })
    };
    let out = child.stdout.take().map(|out| read(Box::new(out)));
    let err = child.stderr.take().map(|err| read(Box::new(err)));
    let give_up = Instant::now() + GIVE_UP;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > give_up {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let [out, err] = [out, err].map(|text| text.map(|thread| thread.join().unwrap().unwrap()));
    let code = status.code().expect("an exit code");
    Run { code, out: out.unwrap_or_default(), err: err.unwrap_or_default() }
}

/// The lines of a program that still runs, as they come.
pub(crate) struct Lines(mpsc::Receiver<String>);

impl Lines {
    pub(crate) fn of(child: &mut Child) -> Self {
        let (sender, receiver) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let _ = lines.map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        Lines(receiver)
    }

    /// The next; `None` when there will be none. One that does not come fails the test.
    #[track_caller]
    pub(crate) fn next(&self) -> Option<String> {
        match self.0.recv_timeout(GIVE_UP) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program says nothing more"),
        }
    }

    /// Reads on to the first that is as wanted, of those that are JSON.
    #[track_caller]
    pub(crate) fn find(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + GIVE_UP;
        loop {
            let line = self.next().expect("it ended before that");
            let json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if is_wanted(&json) {
                return json;
            }
            assert!(Instant::now() < give_up, "it never comes");
        }
    }
}

/// Gives it its input, and its input's end.
pub(crate) fn with_input(mut command: Command, input: &str) -> Run {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    end(child)
}
