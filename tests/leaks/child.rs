//! An example that runs as a process of its own, and is asked through its socket.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that is asked for takes so long, unless it never comes.
const NEVER: Duration = Duration::from_secs(120);

/// Cargo builds the examples beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let example = profile.join("examples").join(name);
    assert!(example.exists(), "not built: cargo build --example {name}");
    example
}

pub(crate) struct Leaking {
    child: Child,
    home: tempfile::TempDir,
}

impl Leaking {
    /// With floors of a second each and a sample every 64 KiB, so that it takes seconds and not days.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let sampled = ("PLIMSOLL_HEAP_PROFILE", Path::new("64KiB"));
        Leaking::with(name, arguments, &[sampled])
    }

    /// The same with that in its environment.
    pub(crate) fn with(name: &str, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(example(name));
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("PLIMSOLL_SOCKET", socket(home.path()));
        command.env("PLIMSOLL_LEAK_WINDOW", "1s").envs(environment.iter().copied());
        Leaking { child: command.spawn().unwrap(), home }
    }

    /// What is answered to `path`; `None` while nobody listens.
    fn try_asking(&self, path: &str) -> Option<Value> {
        let head = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        self.try_sending(&head)
    }

    /// What a tool answers to an agent that gives it no arguments.
    pub(crate) fn tool(&self, name: &str) -> Value {
        let params = json!({"name": name, "arguments": {}});
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
        let body = body.to_string();
        let heads = [
            "POST /mcp HTTP/1.0\r\nhost: localhost\r\nconnection: close",
            "accept: application/json, text/event-stream\r\ncontent-type: application/json",
            &format!("mcp-protocol-version: 2025-11-25\r\ncontent-length: {}", body.len()),
        ];
        let answer = self.try_sending(&format!("{}\r\n\r\n{body}", heads.join("\r\n"))).unwrap();
        answer["result"]["structuredContent"].clone()
    }

    fn try_sending(&self, request: &str) -> Option<Value> {
        let mut stream = UnixStream::connect(socket(self.home.path())).ok()?;
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
    }

    pub(crate) fn ask(&self, path: &str) -> Value {
        self.until(path, |_| true)
    }

    /// Asks until the answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let (end, mut last) = (Instant::now() + NEVER, None);
        while Instant::now() < end {
            last = self.try_asking(path).or(last);
            if let Some(answer) = last.as_ref().filter(|answer| wanted(answer)) {
                return answer.clone();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{path}: {last:#?}");
    }

    /// The verdict, once it is that.
    pub(crate) fn found(&self, verdict: &str) -> Value {
        let status = self.until("/api/v1/status", |status| status["leak"]["verdict"] == verdict);
        status["leak"].clone()
    }
}

impl Drop for Leaking {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(home: &Path) -> PathBuf {
    home.join("socket")
}

/// Whether the first of a list of sites is that function.
pub(crate) fn is_first(function: &str, sites: &Value) -> bool {
    sites[0]["name"] == function
}
