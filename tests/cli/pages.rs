//! Completions and manual pages: of what there is, and well formed.

use crate::command::{plimsoll, with_input};
use std::process::{Command, Stdio};

const COMMANDS: [&str; 15] = [
    "status",
    "snapshot",
    "health",
    "explain",
    "watch",
    "metrics",
    "events",
    "history",
    "evict",
    "purge",
    "configure",
    "mcp",
    "list",
    "completions",
    "man",
];

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok_and(|mut child| child.wait().is_ok())
}

#[test]
fn every_shell_is_told_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = plimsoll(&["completions", shell]).well().out;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn bash_loads_its_completions_and_completes() {
    let script = plimsoll(&["completions", "bash"]).well().out;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-s"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let asked = "COMP_WORDS=(plimsoll he); COMP_CWORD=1; _plimsoll plimsoll he plimsoll; echo \"${COMPREPLY[@]}\"";
    let run = with_input(bash, &format!("{script}\n{asked}\n")).well();
    assert_eq!(run.out.split_whitespace().collect::<Vec<_>>(), ["health", "help"]);
}

#[test]
fn shells_that_are_there_can_read_theirs() {
    for (shell, check) in [("zsh", &["-n"][..]), ("fish", &["--no-execute"])] {
        if is_there(shell) {
            let script = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(script.path(), plimsoll(&["completions", shell]).well().out).unwrap();
            assert!(Command::new(shell).args(check).arg(script.path()).status().unwrap().success());
        }
    }
}

#[test]
fn the_manual_has_a_page_a_command() {
    let page = plimsoll(&["man"]).well().out;
    assert!(page.contains(".TH plimsoll 1") && page.contains("Exit codes"), "{page}");
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("man1");
    plimsoll(&["man", "--dir", dir.to_str().unwrap()]).well();
    for command in COMMANDS {
        let page = std::fs::read_to_string(dir.join(format!("plimsoll-{command}.1"))).unwrap();
        assert!(page.contains(&format!(".TH plimsoll-{command} 1")), "{command}: {page}");
    }
    if is_there("man") {
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"]).arg(dir.join("plimsoll-health.1"));
        let man = man.env("MANPAGER", "cat").env("MANWIDTH", "80").output().unwrap();
        let text = String::from_utf8_lossy(&man.stdout);
        assert!(text.contains("--timeout"), "{man:?}");
    }
    let told = plimsoll(&["man", "--dir", "/dev/null/pages"]).complaint();
    assert!(told.contains("/dev/null/pages"), "{told}");
}
