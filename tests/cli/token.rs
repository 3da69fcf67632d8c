//! The token: needed at the port, given in either way, and shown nowhere.

use crate::command::{finish, plimsoll, program};
use crate::target::Target;

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
