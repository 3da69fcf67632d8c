//! Whom it answers.

use super::client::{Answer, address, ask, get, post, send, served};
use super::support::{alone, builder};
use plimsoll::Monitor;

fn with_host(monitor: &Monitor, path: &str, host: &str) -> Answer {
    let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    send(address(monitor), &text)
}

/// Every route there is: none forgets to look.
const ROUTES: [&str; 18] = [
    "/",
    "/assets/app.js",
    "/favicon.ico",
    "/metrics",
    "/livez",
    "/readyz",
    "/health",
    "/events",
    "/mcp",
    "/debug/pprof/heap",
    "/debug/flamegraph",
    "/api/v1/profile",
    "/api/v1/status",
    "/api/v1/history",
    "/api/v1/events",
    "/api/v1/evict",
    "/api/v1/openapi.json",
    "/nothing",
];

#[test]
fn a_foreign_name_gets_nothing_on_any_route() {
    let _alone = alone();
    let monitor = served(builder().http_hosts(["search.internal"]));
    for path in ROUTES {
        for host in ["evil.example", "evil.example:9464", "localhost.evil.example", ""] {
            assert_eq!(with_host(&monitor, path, host).status, 421, "{path} as {host:?}");
        }
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:9464", "search.internal"] {
        assert_eq!(with_host(&monitor, "/livez", host).status, 200, "{host}");
    }
    let two =
        "GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(send(address(&monitor), two).status, 421, "one name, or none");
    let none = send(address(&monitor), "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert!([400, 421].contains(&none.status), "{none:?}");
}

#[test]
fn a_page_of_another_origin_gets_nothing() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    for path in ROUTES {
        assert_eq!(ask(to, path, "origin: http://evil.example\r\n").status, 403, "{path}");
    }
    let own = format!("origin: http://{to}\r\n");
    let answer = ask(to, "/api/v1/status", &own);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None, "no other may read it");
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn without_the_token_there_are_no_figures() {
    let _alone = alone();
    let monitor = served(builder().http_token("mast and sail"));
    let to = address(&monitor);
    for path in ROUTES {
        let open = ["/", "/assets/app.js", "/favicon.ico", "/livez"].contains(&path);
        for header in ["", "authorization: Bearer mast\r\n", "authorization: Basic d2luZA==\r\n"] {
            let answer = ask(to, path, header);
            assert_eq!(answer.status == 401, !open, "{path} {header:?}: {answer:?}");
            let realm = answer.header("www-authenticate");
            assert_eq!(realm, (!open).then_some("Bearer"), "{path}");
        }
    }
    assert_eq!(post(to, "/mcp", "{}").status, 401);
    let right = "authorization: Bearer mast and sail\r\n";
    assert_eq!(ask(to, "/api/v1/status", right).status, 200);
    let shown = ask(to, "/api/v1/settings", right).body;
    assert!(shown.contains("http_token") && !shown.contains("mast"), "{shown}");
}

#[test]
fn a_token_that_is_none_lets_nobody_in() {
    let _alone = alone();
    for (wrong, at) in [("", "127.0.0.1:0"), ("", "0.0.0.0:0"), (" mast", "127.0.0.1:0")] {
        let refused = builder().http(at).http_token(wrong).start().unwrap_err().to_string();
        assert!(refused.starts_with("http_token of what was given: must be"), "{refused}");
    }
    for wrong in ["mast\n", "m\u{e4}st"] {
        let refused = builder().http_token(wrong).start().unwrap_err().to_string();
        assert!(!refused.contains("mast"), "{refused}");
    }
}

#[test]
fn a_token_is_not_needed_at_the_users_own_socket() {
    use std::io::Write;
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plimsoll.sock");
    let monitor = builder().http_token("secret").socket_at(&path).start().unwrap();
    assert_eq!(monitor.socket_path().as_deref(), Some(path.as_path()));
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET /api/v1/status HTTP/1.1\r\nhost: plimsoll\r\nconnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(stream).unwrap().status, 200);
    monitor.stop();
    assert!(!path.exists(), "the socket goes with the monitor");
}

#[test]
fn beyond_the_machine_only_with_a_token_or_insisted_on() {
    let _alone = alone();
    let refused = builder().http("0.0.0.0:0").start().unwrap_err().to_string();
    assert!(
        refused.contains("PLIMSOLL_HTTP_TOKEN") && refused.contains("PLIMSOLL_HTTP_OPEN"),
        "{refused}"
    );
    builder().http("0.0.0.0:0").http_token("secret").start().unwrap();
    builder().http("0.0.0.0:0").http_open(true).start().unwrap();
    for wrong in ["9464", "example.org:80", "127.0.0.1:99999"] {
        let refused = builder().http(wrong).start().unwrap_err().to_string();
        assert!(refused.starts_with(&format!("http of {wrong}: must be an address")), "{refused}");
    }
}

#[test]
fn a_form_of_a_foreign_page_is_no_json() {
    let _alone = alone();
    let monitor = served(builder().http_actions(true));
    let to = address(&monitor);
    let form = format!(
        "POST /api/v1/purge HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(send(to, &form).status, 415);
    assert_eq!(get(to, "/api/v1/purge").status, 405);
    assert_eq!(post(to, "/api/v1/purge", "{}").status, 200);
}

/// A process of its own: the environment belongs to all threads.
#[test]
fn a_variable_with_an_address_that_is_none_is_named() {
    const CASE: &str = "PLIMSOLL_TEST_HTTP_CASE";
    if std::env::var(CASE).is_ok() {
        println!("{}", Monitor::builder().start().map(drop).unwrap_err());
        return;
    }
    for wrong in ["9464", "0.0.0.0:0"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "guard::a_variable_with_an_address_that_is_none_is_named",
                "--exact",
                "--nocapture",
            ])
            .envs([(CASE, "1"), ("PLIMSOLL_HTTP", wrong)])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let expected = format!("environment variable PLIMSOLL_HTTP: http of {wrong}: must be");
        assert!(said.contains(&expected), "{said}");
    }
}
