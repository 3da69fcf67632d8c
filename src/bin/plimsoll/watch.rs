//! `watch`: follows a process: a line a second, a line an event, and on through its restarts.

use super::args::Watch;
use super::client::{Ask, Client, piece};
use super::events;
use super::fault::Fault;
use super::print::{Out, figure, moment, plain, size, text};
use super::sse::{Message, Reader};
use super::target::Place;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// The server says something each second: after so long without a word it is not there any more.
const SILENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(wanted: &Watch, out: &Out) -> Result<u8, Fault> {
    let client = wanted.reach.client(super::SHORT)?;
    let json = wanted.reach.options.json;
    let mut watcher =
        Watcher { client, out, json, left: wanted.count, run: None, heard: None, lost: false };
    match wanted.lasts {
        None => watcher.follow().await,
        // What ends by itself ends well, unless nobody was ever reached.
        Some(lasts) => timeout(lasts, watcher.follow()).await.unwrap_or(Ok(())),
    }?;
    Ok(0)
}

struct Watcher<'a> {
    client: Client,
    out: &'a Out,
    json: bool,
    /// Lines to go; `None` for as long as it goes.
    left: Option<u64>,
    /// Of the monitor that is watched: another one's numbers begin anew.
    run: Option<String>,
    /// The number of the last event that was told.
    heard: Option<u64>,
    /// Whether the loss of the connection was told.
    lost: bool,
}

/// Whether there is more to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    Enough,
}

impl Watcher<'_> {
    /// The first time a process must be there; from then on it is waited for.
    async fn follow(&mut self) -> Result<(), Fault> {
        let mut stream = self.open().await?;
        loop {
            match self.read(stream).await {
                Ok(Next::Enough) => return Ok(()),
                Ok(Next::More) => self.lose("the monitor has stopped, or closed the connection")?,
                Err(Fault::Closed) => return Err(Fault::Closed),
                Err(fault) => self.lose(&fault.to_string())?,
            }
            stream = self.again().await?;
        }
    }

    async fn open(&self) -> Result<(Place, Incoming), Fault> {
        let ask = Ask::get("/events").with(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let heard = self.heard.map(HeaderValue::from);
        self.client
            .stream(match heard {
                Some(heard) => ask.with(HeaderName::from_static("last-event-id"), heard),
                None => ask,
            })
            .await
    }

    async fn again(&mut self) -> Result<(Place, Incoming), Fault> {
        loop {
            sleep(PAUSE).await;
            match self.open().await {
                Ok(stream) => return Ok(stream),
                Err(fault) => self.lose(&fault.to_string())?,
            }
        }
    }

    /// Told once, not for every attempt. In JSON a line like any other, so that a reader knows of the gap.
    fn lose(&mut self, why: &str) -> Result<(), Fault> {
        if std::mem::replace(&mut self.lost, true) {
            return Ok(());
        }
        if self.json {
            return self.out.show(&json!({"kind": "lost", "error": why}).to_string());
        }
        self.out.show(&format!("-- {}; waiting for it to come back", plain(why)))
    }

    async fn read(&mut self, stream: (Place, Incoming)) -> Result<Next, Fault> {
        let ((place, mut body), mut reader) = (stream, Reader::default());
        let silent = |_| Fault::new(format!("{place} has not said a word for 20 s"));
        loop {
            let piece = timeout(SILENCE, piece(&mut body, &place)).await.map_err(silent)??;
            let Some(piece) = piece else { return Ok(Next::More) };
            for message in reader.push(&piece)? {
                if self.take(&message).await? == Next::Enough {
                    return Ok(Next::Enough);
                }
            }
        }
    }

    async fn take(&mut self, message: &Message) -> Result<Next, Fault> {
        let wrong = |_| Fault::new("what was sent as an event is no JSON");
        match message.event.as_str() {
            "status" => {
                let status: Value = serde_json::from_str(&message.data).map_err(wrong)?;
                self.status(&status, &message.data).await
            }
            "event" => {
                let event = serde_json::from_str(&message.data).map_err(wrong)?;
                self.event(&event, &message.data)
            }
            _ => Ok(Next::More),
        }
    }

    async fn status(&mut self, status: &Value, data: &str) -> Result<Next, Fault> {
        self.lost = false;
        let run = status["process"]["run"].as_str().map(str::to_owned);
        let before = std::mem::replace(&mut self.run, run.clone());
        if before.is_some() && before != run && self.restarted(status).await? == Next::Enough {
            return Ok(Next::Enough);
        }
        self.tell("status", data, || line(status, self.out))
    }

    /// Another monitor: what it has told before we came is asked for.
    async fn restarted(&mut self, status: &Value) -> Result<Next, Fault> {
        self.heard = None;
        let run = &status["process"]["run"];
        let started = moment(&status["process"]["started"]);
        if self.json {
            self.out.show(&json!({"kind": "restarted", "run": run}).to_string())?;
        } else {
            self.out.show(&format!("-- another run of the process, since {started}"))?;
        }
        let log = self.client.json("/api/v1/events?since=0").await?.value;
        for event in log["events"].as_array().into_iter().flatten() {
            if self.event(event, &event.to_string())? == Next::Enough {
                return Ok(Next::Enough);
            }
        }
        Ok(Next::More)
    }

    /// One that was told is not told again.
    fn event(&mut self, event: &Value, data: &str) -> Result<Next, Fault> {
        let number = event["sequence"].as_u64();
        if number.is_some() && number <= self.heard {
            return Ok(Next::More);
        }
        self.heard = number.or(self.heard);
        self.tell("event", data, || events::line(event, self.out))
    }

    fn tell(
        &mut self,
        kind: &str,
        data: &str,
        line: impl FnOnce() -> String,
    ) -> Result<Next, Fault> {
        // As it came; line ends between its tokens are all there can be in JSON.
        let as_json = || format!("{{\"kind\":\"{kind}\",\"data\":{}}}", data.replace('\n', " "));
        self.out.show(&if self.json { as_json() } else { line() })?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(if self.left == Some(0) { Next::Enough } else { Next::More })
    }
}

/// The figures that move, each in its own place.
fn line(status: &Value, out: &Out) -> String {
    let (level, snapshot) = (text(&status["level"]), &status["snapshot"]);
    let room = " ".repeat(8_usize.saturating_sub(level.len()));
    let of = |name: &str| figure(name, &snapshot[name]);
    format!(
        "{}  {}{room}  used {:>9} of {:>9} {:>7}  live {:>9} in {:>11}  rss {:>9}  growth {:>12}",
        moment(&status["timestamp"]),
        out.word(&level),
        of("usage_bytes"),
        size(&status["budget"]["bytes"]),
        of("usage_percent"),
        of("live_bytes"),
        of("live_objects"),
        of("process_rss_bytes"),
        of("growth_bytes_per_sec"),
    )
}
