//! What it bears: slow, large, many. The process is unharmed, its memory bounded by our own count.

use super::client::{Answer, address, connect, get, send, served};
use super::support::{MIB, alone, builder, eventually};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What the server may hold at most while it is attacked: 32 callers' heads and bodies, and what it is about to send.
const MOST: i64 = 64 * MIB as i64;

/// Runs `attack`, and says by how much the live bytes rose at most meanwhile.
fn rise(attack: impl FnOnce() + Send) -> i64 {
    let live = || plimsoll::counts().live_bytes() as i64;
    let (before, mut most) = (live(), 0);
    std::thread::scope(|scope| {
        let attacker = scope.spawn(attack);
        while !attacker.is_finished() {
            most = most.max(live() - before);
            std::thread::sleep(Duration::from_millis(1));
        }
        attacker.join().unwrap();
    });
    most
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 512]) {
        Ok(0) => true,
        Ok(_) => is_closed(stream),
        Err(error) => [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()),
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let _alone = alone();
    let monitor = served(builder().http_actions(true));
    let to = address(&monitor);
    let head = format!("GET / HTTP/1.1\r\nhost: {to}\r\nx: {}\r\n\r\n", "x".repeat(17 << 10));
    assert_eq!(send(to, &head).status, 431);
    let post = format!(
        "POST /api/v1/purge HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-type: application/json\r\n"
    );
    let rise = rise(|| {
        let large = format!("{post}content-length: 1073741824\r\n\r\n{{");
        assert_eq!(send_and_drain(to, large.as_bytes()), 413, "by what it says");
        let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
        let chunked = format!("{post}transfer-encoding: chunked\r\n\r\n");
        let chunks = chunked + &chunk.repeat(40);
        assert_eq!(send_and_drain(to, chunks.as_bytes()), 413, "by what comes");
    });
    assert!(rise < MOST, "{rise}");
    assert_eq!(get(to, "/livez").status, 200);
}

/// The status that is answered, though the server may close before all was sent.
fn send_and_drain(to: SocketAddr, text: &[u8]) -> u16 {
    let mut stream = connect(to);
    let _ = stream.write_all(text);
    Answer::read(stream).map_or(0, |answer| answer.status)
}

#[test]
fn slow_callers_are_sent_away() {
    let _alone = alone();
    let monitor = served(builder().http_actions(true));
    let to = address(&monitor);
    let mut silent = connect(to);
    let mut slow = connect(to);
    slow.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    let mut idle = connect(to);
    write!(idle, "GET /livez HTTP/1.1\r\nhost: {to}\r\n\r\n").unwrap();
    let mut slow_body = connect(to);
    write!(
        slow_body,
        "POST /api/v1/purge HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{"
    )
    .unwrap();
    // Drops of a head keep nobody here for longer.
    let dripping = connect(to);
    let mut drip = dripping.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(25) && drip.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    for stream in [&mut silent, &mut slow, &mut idle] {
        assert!(is_closed(stream));
    }
    assert_eq!(Answer::read(slow_body).unwrap().status, 408);
    let mut dripping = dripping;
    assert!(is_closed(&mut dripping));
    drip.join().unwrap();
}

/// What a caller asks for besides, and takes none of: a few answers have room in the kernel's buffers.
const FILES: usize = 600;
const FILE: &str = "/assets/uplot.js";

#[test]
fn a_caller_that_takes_nothing_is_sent_away() {
    let _alone = alone();
    let monitor = served(builder().ring(1000).interval(Duration::from_millis(1)));
    eventually("a long history", || {
        (monitor.metrics().profiler.current_snapshot_count == 1000).then_some(())
    });
    let to = address(&monitor);
    let all = FILES * get(to, FILE).body.len();
    assert!(all > 24 << 20, "{all} bytes may have room in the kernel's buffers");
    let rise = rise(|| {
        let greedy: Vec<_> = (0..16)
            .map(|_| {
                let mut stream = connect(to);
                let get = |path| format!("GET {path} HTTP/1.1\r\nhost: {to}\r\n\r\n");
                let questions = get("/api/v1/history") + &get(FILE).repeat(FILES);
                stream.write_all(questions.as_bytes()).unwrap();
                stream
            })
            .collect();
        assert_eq!(get(to, "/livez").status, 200);
        // With questions that nobody has read, the end of a connection is a reset, seen without taking anything.
        let mut is_cut = [false; 16];
        eventually("all are cut off", || {
            for (is_cut, stream) in is_cut.iter_mut().zip(&greedy) {
                *is_cut |= stream.take_error().unwrap().is_some();
            }
            is_cut.iter().all(|is_cut| *is_cut).then_some(())
        });
        assert_eq!(get(to, "/livez").status, 200);
    });
    println!("16 callers that take nothing: {rise} bytes");
    assert!(rise < 4 * MOST, "{rise}");
}

#[test]
fn a_thousand_connections_are_refused_or_served() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    let rise = rise(|| {
        let mut connections: Vec<_> = (0..1000).map(|_| connect(to)).collect();
        let is_refused = |stream: &mut TcpStream| {
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut head = [0; 12];
            stream.read(&mut head).is_ok_and(|read| read == 12 && &head == b"HTTP/1.1 503")
        };
        let refused = connections.iter_mut().map(is_refused).filter(|refused| *refused).count();
        // 32 are let in at a time, and as many again whenever these have said nothing for five seconds.
        assert!(refused >= 800, "{refused} of 1000");
        drop(connections);
    });
    println!("1000 connections: {rise} bytes");
    assert!(rise < MOST, "{rise}");
    eventually("served again", || (get(to, "/livez").status == 200).then_some(()));
}

#[test]
fn nonsense_ends_its_own_connection_only() {
    let _alone = alone();
    let monitor = served(builder());
    let to = address(&monitor);
    for nonsense in [
        "\0\0\0\0",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /%ff%00 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /api/v1/history?points=99999999999999999999 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "POST /api/v1/evict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut stream = connect(to);
        let _ = stream.write_all(nonsense.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = Answer::read(stream).map_or(0, |answer| answer.status);
        assert!(answer == 0 || (400..=505).contains(&answer), "{nonsense:?}: {answer}");
    }
    assert_eq!(get(to, "/livez").status, 200);
}

#[test]
fn a_flood_of_the_address_leaves_the_socket_to_local_tools() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plimsoll.sock");
    let monitor = served(builder().socket_at(&path));
    let to = address(&monitor);
    let flood: Vec<_> = (0..40).map(|_| connect(to)).collect();
    eventually("the address is full", || {
        let mut one_more = connect(to);
        one_more.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut head = [0; 12];
        (one_more.read(&mut head).is_ok() && &head == b"HTTP/1.1 503").then_some(())
    });
    let mut local = std::os::unix::net::UnixStream::connect(&path).unwrap();
    local.write_all(b"GET /livez HTTP/1.1\r\nhost: plimsoll\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(local).unwrap().status, 200);
    drop(flood);
}
