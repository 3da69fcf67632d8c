//! The token: needed at the port, given in either way, and shown nowhere.

use crate::command::{finish, plimsoll, program};
use crate::target::Target;
use std::io::{BufRead, Write};

const TOKEN: &str = "correct-horse";

fn guarded() -> Target {
    Target::with(|builder| builder.http_token(TOKEN))
}

#[test]
fn a_token_opens_the_port_and_the_socket_needs_none() {
    let target = guarded();
    let url = target.url();
    let told = plimsoll(&["snapshot", &url]).complaint();
    assert!(told.contains("PLIMSOLL_HTTP_TOKEN"), "{told}");
    plimsoll(&["snapshot", &url, "--token", TOKEN]).well();
    let mut command = program(target.home(), &["watch", &url, "--count", "1"]);
    command.env("PLIMSOLL_HTTP_TOKEN", TOKEN);
    finish(command).well();
    plimsoll(&["snapshot", &target.socket()]).well();
}

/// Whoever may write to the directory may lie there in wait for it.
#[test]
fn a_socket_that_was_found_is_told_no_token() {
    let home = tempfile::tempdir().unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let started = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap();
    let path = home.path().join(format!("plimsoll-{}-{started}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let heard = std::thread::spawn(move || {
        let of_one = |stream: std::io::Result<std::os::unix::net::UnixStream>| {
            let (mut stream, mut head) = (stream.unwrap(), String::new());
            let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            stream.write_all(crate::fixture::json("{}").as_bytes()).unwrap();
            head
        };
        listener.incoming().take(3).map(of_one).collect::<Vec<_>>()
    });
    let (pid, path) = (std::process::id().to_string(), path.to_str().unwrap().to_owned());
    for target in [&["snapshot"][..], &["snapshot", &pid], &["snapshot", &path]] {
        let mut command = program(home.path(), target);
        command.env("PLIMSOLL_HTTP_TOKEN", TOKEN);
        finish(command).well();
    }
    let told: Vec<_> = heard.join().unwrap().iter().map(|head| head.contains(TOKEN)).collect();
    assert_eq!(told, [false, false, true], "only to whom it was meant for by name");
}

#[test]
fn a_wrong_token_is_refused_and_never_shown() {
    let target = guarded();
    for wrong in ["battery-staple", "-dash", "with\nline"] {
        for arguments in [&["snapshot"][..], &["watch"], &["snapshot", "--help"]] {
            let mut command = program(target.home(), arguments);
            command.args(["--attach", &target.url()]).env("PLIMSOLL_HTTP_TOKEN", wrong);
            let run = finish(command);
            assert!(!run.err.contains(wrong) && !run.out.contains(wrong), "{run:?}");
            assert_eq!(run.code, if arguments.len() == 2 { 0 } else { 3 }, "{run:?}");
        }
        let told = plimsoll(&["snapshot", &target.url(), "--token", wrong]).complaint();
        assert!(told.contains("token") && !told.contains(wrong), "{told}");
    }
}
