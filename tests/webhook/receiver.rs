//! A receiver: an HTTP server of one thread that answers as told and keeps what it was sent.

use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Kept {
    requests: Mutex<Vec<Request>>,
    /// Heads of the next answers; then `200 OK`.
    answers: Mutex<VecDeque<String>>,
    ended: AtomicBool,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    kept: Arc<Kept>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Receiver::at("127.0.0.1:0".parse().unwrap(), &[])
    }

    /// One that gives these answers first: `503 Service Unavailable\r\nretry-after: 1`.
    pub(crate) fn answering(answers: &[&str]) -> Self {
        Receiver::at("127.0.0.1:0".parse().unwrap(), answers)
    }

    pub(crate) fn at(address: SocketAddr, answers: &[&str]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Arc::new(Kept::default()));
        kept.answers.lock().unwrap().extend(answers.iter().map(|answer| (*answer).to_owned()));
        let thread = std::thread::spawn({
            let kept = kept.clone();
            move || serve(&listener, &kept)
        });
        Receiver { address, kept, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.kept.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kept.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(listener: &TcpListener, kept: &Kept) {
    while !kept.ended.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => drop(answer(stream, kept)),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// One request a connection.
fn answer(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream);
    let request = read(&mut reader)?;
    let answer = kept.answers.lock().unwrap().pop_front().unwrap_or("200 OK".into());
    kept.requests.lock().unwrap().push(request);
    let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.into_inner().write_all(head.as_bytes())
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = || -> std::io::Result<String> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut request = Request { line: first, headers, body: Vec::new() };
    let length: u64 = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    reader.take(length.min(1 << 20)).read_to_end(&mut request.body)?;
    Ok(request)
}
