//! The demonstration from its beginning to beyond its end: it runs as a process of its own, dies by SIGKILL, and its autopsy
//! names the death, the leak and the function.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::Value;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Long enough for eight rises of the floor, each in an epoch, and for the profiles that agree on the function.
const SECONDS: &str = "30";
/// A machine may be busy; a demo that hangs is ended, and fails the test.
const GIVE_UP: Duration = Duration::from_secs(180);

const FUNCTION: &str = "remember_every_visitor";
const SIGKILL: i32 = 9;

fn plimsoll(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).env_clear().env("TMPDIR", home).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it said, and how it ended.
fn end(mut child: Child) -> (ExitStatus, String) {
    let mut stdout = child.stdout.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let give_up = Instant::now() + GIVE_UP;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > give_up {
            child.kill().unwrap();
            panic!("the demo hangs: {:?}", said.join());
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    (status, said.join().unwrap().unwrap())
}

fn autopsy(home: &Path, arguments: &[&str]) -> Output {
    plimsoll(home, &[&["autopsy", "run"], arguments].concat()).output().unwrap()
}

#[test]
fn it_leaks_is_found_out_dies_and_is_explained_by_its_autopsy() {
    let home = tempfile::tempdir().unwrap();
    let demo = ["demo", "--die", "--recorder", "run", "--seconds", SECONDS];
    let (status, said) = end(plimsoll(home.path(), &demo).spawn().unwrap());
    assert_eq!(status.signal(), Some(SIGKILL), "{said}");
    for words in ["http://127.0.0.1:", "The level rises from healthy", "An eviction: pages gave"] {
        assert!(said.contains(words), "{words:?} was never said: {said}");
    }
    assert!(said.contains("A leak is suspected"), "{said}");
    let verdict = said.lines().find(|line| line.contains("The leak is")).expect(&said);
    assert!(verdict.contains(FUNCTION), "{said}");

    let output = autopsy(home.path(), &["--json", "--html", "page.html"]);
    let told = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).expect(&told);
    assert_eq!(output.status.code(), Some(0), "{told} {}", found["damage"]);
    assert_eq!(found["verdict"], "killed_not_by_memory", "{}", found["evidence"]);
    let cause = found["cause"].as_str().unwrap();
    assert!(cause.contains(FUNCTION) && cause.contains("leak"), "{cause}");
    assert!(found["leak"]["event_type"].as_str().unwrap().starts_with("leak_"), "{found}");
    let top = &found["sites"][0];
    assert!(top["name"].as_str().unwrap().ends_with(FUNCTION), "{}", found["sites"]);
    held_what_it_leaked(top, &found);

    let text = autopsy(home.path(), &[]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("Killed") && text.contains(FUNCTION), "{text}");
    assert!(text.lines().count() <= 40, "{text}");
    let page = std::fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains(FUNCTION));
}

/// What the profile says of the place is what was leaked, as far as its own error allows.
fn held_what_it_leaked(top: &Value, found: &Value) {
    let number = |value: &Value| value.as_f64().unwrap();
    let leaked = number(&found["unexplained"]["last_bytes"]);
    let (held, error) = (number(&top["live_bytes"]), number(&top["live_standard_error"]));
    assert!(held > 0.2 * leaked && held < leaked + 6.0 * error, "{held} of {leaked} (+- {error})");
}

#[test]
fn what_it_cannot_do_is_told_in_a_line() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["demo", "--die"][..], "--recorder"),
        (&["demo", "--seconds", "3"][..], "15..=600"),
        (&["demo", "--recorder", "no/such/place"][..], "no/such/place"),
    ] {
        let output = plimsoll(home.path(), arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(words) && told.lines().count() == 1, "{told}");
    }
}
