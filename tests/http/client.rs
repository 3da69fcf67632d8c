//! A caller that says exactly what a test wants said.

use plimsoll::{Builder, Monitor};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A monitor that is served at a free port.
pub(crate) fn served(builder: Builder) -> Monitor {
    builder.http("127.0.0.1:0").start().unwrap()
}

pub(crate) fn address(monitor: &Monitor) -> SocketAddr {
    monitor.http_address().unwrap()
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ str| {
            let (key, _) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(())
        };
        let line = self.head.lines().find(|text| line(text).is_some())?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// Reads one to the end of the connection.
    pub(crate) fn read(mut from: impl Read) -> std::io::Result<Self> {
        let mut text = Vec::new();
        from.read_to_end(&mut text)?;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { dechunk(body) } else { body.to_owned() };
        Ok(Answer { status, head: head.to_owned(), body })
    }
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    // A test that hangs is reported as such.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends exactly this, and reads the answer.
pub(crate) fn send(to: SocketAddr, text: &str) -> Answer {
    let mut stream = connect(to);
    stream.write_all(text.as_bytes()).unwrap();
    Answer::read(stream).unwrap()
}

/// A question with these header lines.
pub(crate) fn ask(to: SocketAddr, path: &str, headers: &str) -> Answer {
    send(to, &format!("GET {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}\r\n"))
}

pub(crate) fn get(to: SocketAddr, path: &str) -> Answer {
    ask(to, path, "")
}

pub(crate) fn post(to: SocketAddr, path: &str, body: &str) -> Answer {
    let length = body.len();
    send(
        to,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Server-sent events, one at a time.
pub(crate) struct Listener(BufReader<TcpStream>);

#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

impl Listener {
    pub(crate) fn new(to: SocketAddr, headers: &str) -> Self {
        let mut stream = connect(to);
        write!(stream, "GET /events HTTP/1.1\r\nhost: {to}\r\n{headers}\r\n").unwrap();
        Listener(BufReader::new(stream))
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Told> {
        let mut told = Told::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => told.event = name.into(),
                Some(("id", id)) => told.id = id.parse().ok(),
                Some(("data", data)) => told.data = data.into(),
                _ if line.trim().is_empty() && !told.event.is_empty() => return Some(told),
                _ => {}
            }
        }
    }

    /// The next message of that kind.
    #[track_caller]
    pub(crate) fn next_of(&mut self, event: &str) -> Told {
        loop {
            let told = self.next().expect("the stream goes on");
            if told.event == event {
                return told;
            }
        }
    }
}
