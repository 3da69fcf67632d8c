//! `mcp`: a bridge from stdin and stdout to the process's `/mcp`: a line in is a message sent, its answer is a line out.
//!
//! Nothing else is written to stdout. The process is looked up anew for every message, so that one that was restarted is
//! found again; until then every request is answered with an error.

use super::args::Reach;
use super::client::{Answer, Ask, Client};
use super::fault::Fault;
use super::sse::Reader;
use hyper::StatusCode;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::io::{BufRead, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Tools may run the caches' own code.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most that one message may have.
const MOST_BYTES: u64 = 4 << 20;
/// Messages under way at a time.
const UNDER_WAY: usize = 8;

/// JSON-RPC's own codes, and one of those it leaves to servers.
const NO_JSON: i64 = -32700;
const NO_MESSAGE: i64 = -32600;
const UNREACHED: i64 = -32000;

pub(crate) async fn run(reach: &Reach) -> Result<u8, Fault> {
    let client = reach.client(PATIENCE)?;
    let bridge = Arc::new(Bridge { client, session: Mutex::default() });
    let (sender, mut lines) = mpsc::channel(UNDER_WAY);
    std::thread::spawn(move || read_lines(&sender));
    let mut under_way = JoinSet::new();
    while let Some(line) = lines.recv().await {
        if under_way.len() >= UNDER_WAY {
            finished(under_way.join_next().await)?;
        }
        let (bridge, is_first) = (bridge.clone(), is_initialize(&line));
        under_way.spawn(async move { bridge.carry(&line).await });
        // What follows depends on what it settles.
        while is_first && !under_way.is_empty() {
            finished(under_way.join_next().await)?;
        }
    }
    while let Some(done) = under_way.join_next().await {
        finished(Some(done))?;
    }
    Ok(0)
}

type Done = Option<Result<Result<(), Fault>, tokio::task::JoinError>>;

fn finished(done: Done) -> Result<(), Fault> {
    match done {
        Some(Ok(result)) => result,
        _ => Ok(()),
    }
}

/// Until the end of stdin, or of whoever listens.
fn read_lines(sender: &mpsc::Sender<Vec<u8>>) {
    let mut stdin = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = (&mut stdin).take(MOST_BYTES + 1).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let is_too_long = line.len() as u64 > MOST_BYTES;
        if sender.blocking_send(line).is_err() || is_too_long {
            return;
        }
    }
}

fn is_initialize(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(line).is_ok_and(|message| message["method"] == "initialize")
}

/// What was settled with the server.
#[derive(Clone, Default)]
struct Session {
    /// The version of the protocol that the server has agreed to.
    version: Option<HeaderValue>,
    /// The server's name for this session, if it keeps any.
    id: Option<HeaderValue>,
}

struct Bridge {
    client: Client,
    session: Mutex<Session>,
}

impl Bridge {
    async fn carry(&self, line: &[u8]) -> Result<(), Fault> {
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            return say(&error(&Value::Null, NO_JSON, "a line that is no JSON of at most 4 MiB"));
        };
        if !message.is_object() {
            // Several at once, for instance, as one version of the protocol had it.
            let words = "a line is one message: a JSON object";
            return say(&error(&Value::Null, NO_MESSAGE, words));
        }
        if !is_message(&message) {
            let words = "a message has a method, a result or an error";
            return say(&error(&message["id"], NO_MESSAGE, words));
        }
        let (id, is_request) = (&message["id"], is_request(&message));
        match self.client.whole(self.ask(&message, line)).await {
            Ok(answer) => self.answered(&message, &answer),
            Err(fault) if is_request => say(&error(id, UNREACHED, &fault.to_string())),
            Err(fault) => {
                // Nobody waits for an answer to a notification.
                let _ = writeln!(std::io::stderr(), "plimsoll: {fault}");
                Ok(())
            }
        }
    }

    /// The line as it came, with the headers that its content calls for.
    fn ask(&self, message: &Value, line: &[u8]) -> Ask {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let both = HeaderValue::from_static("application/json, text/event-stream");
        let mut ask =
            Ask::post("/mcp", String::from_utf8_lossy(line).trim().to_owned()).with(ACCEPT, both);
        let is_first = message["method"] == "initialize";
        let version = if is_first { None } else { session.version };
        let params = &message["params"];
        let own = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
        let named = if params["name"].is_null() { &params["uri"] } else { &params["name"] };
        for (name, value) in [
            ("mcp-protocol-version", header(own).or(version)),
            ("mcp-session-id", session.id.filter(|_| !is_first)),
            ("mcp-method", header(&message["method"])),
            ("mcp-name", header(named)),
        ] {
            if let Some(value) = value {
                ask = ask.with(HeaderName::from_static(name), value);
            }
        }
        ask
    }

    fn answered(&self, request: &Value, answer: &Answer) -> Result<(), Fault> {
        let messages = messages(answer);
        if request["method"] == "initialize" {
            self.settle(&messages, answer);
        }
        if messages.is_empty() && is_request(request) {
            return say(&refused(&request["id"], answer));
        }
        messages.iter().try_for_each(say)
    }

    /// Keeps what the first answer says for all that follow.
    fn settle(&self, messages: &[Value], answer: &Answer) {
        let version =
            messages.iter().find_map(|message| header(&message["result"]["protocolVersion"]));
        let id = answer.headers.get("mcp-session-id").cloned();
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Session { version, id };
    }
}

fn header(text: &Value) -> Option<HeaderValue> {
    HeaderValue::from_str(text.as_str()?).ok()
}

fn is_message(message: &Value) -> bool {
    let has = |name| message.get(name).is_some();
    message["method"].is_string() || has("result") || has("error")
}

fn is_request(message: &Value) -> bool {
    message["method"].is_string() && !message["id"].is_null()
}

/// The messages of an answer: one, none, or a stream of them.
fn messages(answer: &Answer) -> Vec<Value> {
    let is_message = |message: &Value| message["jsonrpc"] == "2.0";
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let message = serde_json::from_str(&answer.text).ok().filter(is_message);
        return message.into_iter().collect();
    }
    let events = Reader::default().push(answer.text.as_bytes()).unwrap_or_default();
    events.iter().filter_map(|e| serde_json::from_str(&e.data).ok()).filter(is_message).collect()
}

fn refused(id: &Value, answer: &Answer) -> Value {
    let place = &answer.place;
    let words = match answer.status {
        StatusCode::UNAUTHORIZED => format!("{place} wants its token: PLIMSOLL_HTTP_TOKEN"),
        StatusCode::NOT_FOUND => {
            format!("{place} has no /mcp: it is built without plimsoll's feature `mcp`")
        }
        status => format!("{place} answers {status}: {}", answer.reason()),
    };
    error(id, UNREACHED, &words)
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// One line, whole, whoever else answers at the same time.
fn say(message: &Value) -> Result<(), Fault> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(format!("{message}\n").as_bytes())?;
    Ok(stdout.flush()?)
}
