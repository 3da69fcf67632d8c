//! A server that says what a test wants said, for what no real process says on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it was asked, head and body.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// Whole answers by the path they are for.
pub(crate) struct Fixture {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Asked,
}

impl Fixture {
    /// Answers until the test process ends.
    pub(crate) fn start<const N: usize>(answers: [(&str, String); N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: BTreeMap<_, _> =
            answers.into_iter().map(|(path, answer)| (path.to_owned(), answer)).collect();
        let asked = Asked::default();
        let heard = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &answers, &heard);
            }
        });
        Fixture { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) fn json(body: &str) -> String {
    typed("200 OK", "application/json", body)
}

pub(crate) fn typed(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn answer(
    mut stream: TcpStream,
    answers: &BTreeMap<String, String>,
    asked: &Asked,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(head + &String::from_utf8_lossy(&body));
    let none = || typed("404 Not Found", "text/plain", "nothing here");
    stream.write_all(answers.get(&path).cloned().unwrap_or_else(none).as_bytes())
}
