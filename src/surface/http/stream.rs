//! `/events`: what happens, as it happens, and a status each second, as server-sent events.

use super::Site;
use super::answer::Refusal;
use super::guard::Via;
use crate::export::status::Status;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

/// Listeners at a time: few enough that others are answered beside them.
const LISTENERS: usize = 8;

/// And at the socket, whoever listens elsewhere.
const LOCAL_LISTENERS: usize = 4;

/// How soon an event is told.
const LOOK: Duration = Duration::from_millis(250);

/// How often a status is told, and the monitor ticks while somebody listens.
const BEAT: Duration = Duration::from_secs(1);

/// Said to a quiet listener, and found out of one that is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Messages that a listener may be behind: one that is further behind waits for itself, not for us.
const BACKLOG: usize = 16;

/// Room for listeners.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    local: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Default for Streams {
    fn default() -> Self {
        let room = |listeners| Arc::new(Semaphore::new(listeners));
        Streams { local: room(LOCAL_LISTENERS), others: room(LISTENERS) }
    }
}

impl Streams {
    fn place(&self, via: Option<Via>) -> Result<OwnedSemaphorePermit, Refusal> {
        let (room, most) = match via {
            Some(Via::Socket) => (&self.local, LOCAL_LISTENERS),
            _ => (&self.others, LISTENERS),
        };
        let is_full = |_| {
            let close = "listeners are here already: close one, or ask /api/v1/status";
            Refusal::busy(&format!("{most} {close}"))
        };
        room.clone().try_acquire_owned().map_err(is_full)
    }
}

type Told = Result<Event, Infallible>;

pub(super) async fn events(
    State(site): State<Site>,
    via: Option<Extension<Via>>,
    headers: HeaderMap,
    streams: Streams,
) -> Result<Sse<impl tokio_stream::Stream<Item = Told>>, Refusal> {
    let place = streams.place(via.map(|Extension(via)| via))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let since =
        last.map_or_else(|| site.handle.events_since(u64::MAX).next, |last| last.saturating_add(1));
    tokio::spawn(Teller { site, sender, since, _place: place }.tell());
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive))
}

/// Tells one listener.
struct Teller {
    site: Site,
    sender: mpsc::Sender<Told>,
    /// The number of the first event that it has not heard of.
    since: u64,
    _place: OwnedSemaphorePermit,
}

impl Teller {
    async fn tell(mut self) {
        let stop = self.site.stop.clone();
        tokio::select! {
            () = self.go_on() => {}
            () = stop.heard() => {}
        }
        // In vain if it is the listener who is gone.
        let _ = self.sender.try_send(Ok(Event::default().event("end").data("{}")));
    }

    /// Until the listener is gone or, at a server that is not ours, the monitor.
    async fn go_on(&mut self) {
        let mut next_beat = Instant::now();
        loop {
            if Instant::now() >= next_beat {
                next_beat = Instant::now() + BEAT;
                self.site.freshen().await;
                if !self.send(self.status()).await {
                    return;
                }
            }
            let is_last = !self.site.handle.is_running();
            if !self.events().await || is_last {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.sender.closed() => return,
            }
        }
    }

    fn status(&self) -> Event {
        json_event("status", &self.site.handle.status() as &Status)
    }

    /// Those that it has not heard of; false when it is gone.
    async fn events(&mut self) -> bool {
        let log = self.site.handle.events_since(self.since);
        self.since = log.next;
        for event in &log.events {
            let told = json_event("event", event).id(event.sequence.to_string());
            if !self.send(told).await {
                return false;
            }
        }
        true
    }

    async fn send(&self, event: Event) -> bool {
        self.sender.send(Ok(event)).await.is_ok()
    }
}

fn json_event(name: &str, data: &impl serde::Serialize) -> Event {
    // Numbers, strings and lists of them: this cannot fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
