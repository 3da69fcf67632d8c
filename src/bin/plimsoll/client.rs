//! `Client`: one request to a monitored process over TCP or a Unix socket, bounded in time and in size.

use super::fault::Fault;
use super::target::{Place, Target};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most that an answer may have: a whole history is some 2 MiB.
const MOST_BYTES: usize = 64 << 20;

/// Whom to ask, as whom, and for how long.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) target: Target,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) timeout: Duration,
}

/// What is asked.
pub(crate) struct Ask {
    method: Method,
    path: String,
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A whole answer of any status.
pub(crate) struct Answer {
    pub(crate) place: Place,
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        let (path, headers) = (path.into(), Vec::new());
        Ask { method: Method::GET, path, body: String::new(), headers }
    }

    pub(crate) fn post(path: impl Into<String>, body: String) -> Self {
        let json = HeaderValue::from_static("application/json");
        let ask = Ask { method: Method::POST, body, ..Ask::get(path) };
        ask.with(header::CONTENT_TYPE, json)
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn request(self, place: &Place, token: Option<&HeaderValue>) -> Result<Request<String>, Fault> {
        let (host, prefix) = match place {
            Place::Tcp { host, port, prefix } => (format!("{host}:{port}"), prefix.as_str()),
            Place::Unix(_) => ("localhost".into(), ""),
        };
        let request = Request::builder().method(self.method).uri(format!("{prefix}{}", self.path));
        let request = request.header(header::HOST, host).body(self.body);
        let mut request = request.map_err(|error| Fault::new(format!("{place}: {error}")))?;
        request.headers_mut().extend(self.headers.into_iter().map(|(n, v)| (Some(n), v)));
        if let Some(token) = token {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        }
        Ok(request)
    }
}

impl Client {
    /// The header that says who asks. The token itself is in no message.
    pub(crate) fn bearer(token: &str) -> Result<HeaderValue, Fault> {
        let wrong = |_| Fault::new("--token: a token is of visible ASCII characters");
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(wrong)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The text of a route that answered well.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Fault> {
        self.well(Ask::get(path)).await.map(|answer| answer.text)
    }

    /// What a route sent that answered well, whatever it is.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let (place, mut body) = self.stream(Ask::get(path)).await?;
        let bytes = tokio::time::timeout(self.timeout, collect_bytes(&mut body, &place)).await;
        bytes.unwrap_or_else(|_| Err(self.late(&place)))
    }

    /// The JSON of a route that answered well, as it came and as it reads.
    pub(crate) async fn json(&self, path: &str) -> Result<Json, Fault> {
        self.well(Ask::get(path)).await?.json()
    }

    /// As [`Client::json`], of something that is to be done.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Json, Fault> {
        self.well(Ask::post(path, body.to_string())).await?.json()
    }

    /// The token, for whom it is meant: at a socket that was only found, anybody may listen, and none is needed there.
    fn meant(&self) -> Option<&HeaderValue> {
        self.token.as_ref().filter(|_| matches!(self.target, Target::At(_)))
    }

    async fn well(&self, ask: Ask) -> Result<Answer, Fault> {
        let answer = self.whole(ask).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    /// The whole answer, whatever its status.
    pub(crate) async fn whole(&self, ask: Ask) -> Result<Answer, Fault> {
        let place = self.target.place()?;
        let exchange = async {
            let response = exchange(&place, ask, self.meant()).await?;
            let (parts, body) = response.into_parts();
            let text = collect(body, &place).await?;
            Ok(Answer { place: place.clone(), status: parts.status, headers: parts.headers, text })
        };
        let answer = tokio::time::timeout(self.timeout, exchange).await;
        answer.unwrap_or_else(|_| Err(self.late(&place)))
    }

    /// An answer that goes on: its head, well, in time; then its body piece by piece.
    pub(crate) async fn stream(&self, ask: Ask) -> Result<(Place, Incoming), Fault> {
        let place = self.target.place()?;
        let response = exchange(&place, ask, self.meant());
        let response = tokio::time::timeout(self.timeout, response).await;
        let response = response.unwrap_or_else(|_| Err(self.late(&place)))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok((place, body));
        }
        let text = tokio::time::timeout(self.timeout, collect(body, &place)).await;
        let text = text.unwrap_or_else(|_| Err(self.late(&place)))?;
        let (status, headers) = (parts.status, parts.headers);
        Err(self.refused(&Answer { place, status, headers, text }))
    }

    fn late(&self, place: &Place) -> Fault {
        let waited = humantime::format_duration(self.timeout);
        Fault::new(format!("{place} did not answer within {waited}: --timeout waits longer"))
    }

    fn refused(&self, answer: &Answer) -> Fault {
        let (place, status) = (&answer.place, answer.status);
        match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => Fault::new(format!(
                "{place} wants a token: give it by PLIMSOLL_HTTP_TOKEN or --token"
            )),
            (StatusCode::UNAUTHORIZED, Some(_)) => Fault::new(format!(
                "{place} does not take this token: give its own by PLIMSOLL_HTTP_TOKEN or --token"
            )),
            _ => Fault::new(format!("{place} answers {status}: {}", answer.reason())),
        }
    }
}

/// A JSON answer, as it came and as it reads.
pub(crate) struct Json {
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Answer {
    fn json(self) -> Result<Json, Fault> {
        match serde_json::from_str(&self.text) {
            Ok(value) => Ok(Json { text: self.text, value }),
            Err(_) => Err(Fault::new(format!(
                "what answers at {} is no monitored process: it sent no JSON",
                self.place
            ))),
        }
    }

    /// Why it was refused: the server's own words, as far as they fit a line.
    pub(crate) fn reason(&self) -> String {
        let json: Option<Value> = serde_json::from_str(&self.text).ok();
        let error = json.as_ref().and_then(|json| json["error"].as_str());
        let words = error.unwrap_or_else(|| self.text.lines().next().unwrap_or_default());
        super::print::plain(words).chars().take(400).collect()
    }
}

async fn exchange(
    place: &Place,
    ask: Ask,
    token: Option<&HeaderValue>,
) -> Result<Response<Incoming>, Fault> {
    let request = ask.request(place, token)?;
    let unreached = |error: std::io::Error| unreached(place, &error);
    match place {
        Place::Tcp { host, port, .. } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let stream = tokio::net::TcpStream::connect((host, *port)).await.map_err(unreached)?;
            over(stream, request, place).await
        }
        #[cfg(unix)]
        Place::Unix(path) => {
            let stream = tokio::net::UnixStream::connect(path).await.map_err(unreached)?;
            over(stream, request, place).await
        }
        #[cfg(not(unix))]
        Place::Unix(_) => Err(Fault::new("there are no Unix sockets here: name host:port")),
    }
}

async fn over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    request: Request<String>,
    place: &Place,
) -> Result<Response<Incoming>, Fault> {
    let broken = |error: hyper::Error| broken(place, &error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

fn unreached(place: &Place, error: &std::io::Error) -> Fault {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let hint = match (place, error.kind()) {
        (Place::Tcp { .. }, ConnectionRefused) => {
            ": does the process run, and with PLIMSOLL_HTTP at this address?"
        }
        (Place::Unix(_), ConnectionRefused) => ": stale, its process has ended",
        (Place::Unix(_), NotFound) => ": `plimsoll list` shows the sockets there are",
        (Place::Unix(_), PermissionDenied) => ": only its owner may connect",
        _ => "",
    };
    Fault::new(format!("{place} cannot be reached ({error}){hint}"))
}

pub(crate) fn broken(place: &Place, error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::new(format!("what answers at {place} does not speak HTTP: {error}"));
    }
    Fault::new(format!("the connection to {place} broke: {error}"))
}

async fn collect(mut body: Incoming, place: &Place) -> Result<String, Fault> {
    let bytes = collect_bytes(&mut body, place).await?;
    let no_text = |_| Fault::new(format!("{place} answers with what is no UTF-8 text"));
    String::from_utf8(bytes).map_err(no_text)
}

async fn collect_bytes(body: &mut Incoming, place: &Place) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while let Some(piece) = piece(body, place).await? {
        if bytes.len() + piece.len() > MOST_BYTES {
            let most = MOST_BYTES >> 20;
            return Err(Fault::new(format!("{place} answers with more than {most} MiB")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn piece(body: &mut Incoming, place: &Place) -> Result<Option<Bytes>, Fault> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(broken(place, &error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
