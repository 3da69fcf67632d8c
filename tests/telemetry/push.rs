//! A push of our own: what reaches a collector, what is told while none is there, and a stop that does not hang.

use crate::{alone, builder, eventually};
use plimsoll::{EventKind, Monitor};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

fn errors(monitor: &Monitor) -> Vec<String> {
    let error = |event: plimsoll::Event| match event.kind {
        EventKind::Error { error_message, .. } => Some(error_message),
        _ => None,
    };
    monitor.events().into_iter().filter_map(error).collect()
}

/// Takes one request and answers it: its head, and its body.
fn take_one(stream: TcpStream, answer: &str) -> (String, Vec<u8>) {
    let (mut head, mut reader) = (String::new(), BufReader::new(stream));
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.into_inner().write_all(answer.as_bytes()).unwrap();
    (head, body)
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_stop_pushes_what_is_known() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let monitor = builder().otlp(endpoint).start().unwrap();
    eventually("a tick", || monitor.latest());
    let receiver = std::thread::spawn(move || take_one(listener.accept().unwrap().0, "200 OK"));
    monitor.stop();
    let (head, body) = receiver.join().unwrap();
    assert!(head.starts_with("post /v1/metrics http/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    for text in ["plimsoll.memory.live", "process.memory.usage", "service.name", "process.pid"] {
        assert!(contains(&body, text), "{text}");
    }
    assert!(errors(&monitor).iter().all(|error| !error.starts_with("otlp:")));
}

#[test]
fn a_refusal_is_told_once_and_hurts_nobody() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/metrics", listener.local_addr().unwrap());
    let monitor = builder().otlp(endpoint).start().unwrap();
    eventually("a tick", || monitor.latest());
    let receiver =
        std::thread::spawn(move || take_one(listener.accept().unwrap().0, "403 Forbidden"));
    monitor.stop();
    receiver.join().unwrap();
    let told = eventually("it is told", || {
        let told: Vec<_> = errors(&monitor);
        told.iter().any(|error| error.starts_with("otlp: not pushed:")).then_some(told)
    });
    let ours: Vec<_> = told.iter().filter(|error| error.starts_with("otlp:")).collect();
    assert!(ours.len() == 1 && ours[0].contains("403"), "{told:?}");
}

/// The collector takes the connection and says nothing: a stop comes back before the request has ended.
#[test]
fn a_stop_does_not_wait_for_a_collector_that_hangs() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let monitor = builder().otlp(endpoint).start().unwrap();
    eventually("a tick", || monitor.latest());
    monitor.stop();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut all = vec![0; 1 << 20];
    let end = loop {
        match stream.read(&mut all) {
            Ok(0) => break "closed",
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break "open",
            Err(_) => break "reset",
        }
    };
    assert_eq!(end, "open");
}

/// In a forked child the reader's thread does not exist: nothing may wait for it.
#[test]
#[cfg(unix)]
#[expect(unsafe_code, reason = "fork and wait")]
fn a_forked_child_can_drop_its_monitor() {
    let _alone = alone();
    let monitor = builder().otlp("http://127.0.0.1:9").start().unwrap();
    eventually("a tick", || monitor.latest());
    // SAFETY: the child calls only what is under test, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(monitor);
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    let status = eventually("the child ends", || {
        let mut status = 0;
        // SAFETY: `child` is this process's own child, `status` a valid place.
        (unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child).then_some(status)
    });
    assert_eq!(status, 0);
}

#[test]
fn an_endpoint_that_makes_no_sense_is_an_error_at_the_start() {
    let _alone = alone();
    for (bad, expected) in [
        ("127.0.0.1:4318", "otlp of 127.0.0.1:4318: must be a URL such as"),
        ("grpc://127.0.0.1:4317", "otlp of grpc://127.0.0.1:4317: must be a URL such as"),
        ("", "otlp of : must be a URL such as"),
        ("http://me:word@127.0.0.1", "put them into OTEL_EXPORTER_OTLP_HEADERS"),
    ] {
        let message = builder().otlp(bad).start().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("me:word"), "{message}");
    }
}
