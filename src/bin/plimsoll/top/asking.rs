//! `Asker`: asks the process, over and over and on demand, and says what it heard.

use super::heard::Heard;
use super::keys::Wish;
use super::profile::Act;
use super::series::SPAN;
use crate::client::{Ask, Client};
use crate::fault::Fault;
use crate::print::text;
use hyper::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

/// The process ticks once a second at most for those who ask.
const PACE: Duration = Duration::from_secs(1);
/// A profile is larger, and changes slowly.
const PROFILE_EVERY: u64 = 5;

#[derive(Clone)]
pub(super) struct Asker {
    client: Client,
    /// Rung when somebody does not want to wait.
    now: Arc<Notify>,
}

/// What was heard last.
#[derive(Default)]
struct Place {
    run: Value,
    /// The number of the next event.
    next: u64,
    round: u64,
}

impl Asker {
    pub(super) fn new(client: Client) -> Self {
        Asker { client, now: Arc::default() }
    }

    pub(super) async fn status(&self) -> Result<Value, Fault> {
        self.get("/api/v1/status").await
    }

    async fn get(&self, path: &str) -> Result<Value, Fault> {
        self.client.json(path).await.map(|json| json.value)
    }

    /// Asks each second until nobody listens.
    pub(super) fn follow(&self, sender: Sender<Heard>) {
        let asker = self.clone();
        tokio::spawn(async move {
            let mut place = Place::default();
            while !sender.is_closed() {
                if let Err(fault) = asker.round(&mut place, &sender).await {
                    let _ = sender.send(Heard::Lost(fault.to_string())).await;
                }
                let _ = timeout(PACE, asker.now.notified()).await;
            }
        });
    }

    async fn round(&self, place: &mut Place, sender: &Sender<Heard>) -> Result<(), Fault> {
        let status = self.status().await?;
        let since = status["timestamp"].as_f64().unwrap_or(0.0) - SPAN;
        let run = status["process"]["run"].clone();
        let is_new = run != place.run;
        if is_new {
            *place = Place::default();
        }
        tell(sender, Heard::Status(status)).await;
        if is_new {
            let figures = "points=600&figures=usage_bytes,live_bytes";
            let history = self.get(&format!("/api/v1/history?since={since}&{figures}")).await?;
            tell(sender, Heard::History(history)).await;
            // Not before: a history that did not come is asked for again.
            place.run = run;
        }
        let log = self.get(&format!("/api/v1/events?since={}", place.next)).await?;
        place.next = log["next"].as_u64().unwrap_or(place.next);
        tell(sender, Heard::Events(log)).await;
        if place.round.is_multiple_of(PROFILE_EVERY) {
            // It may take longer than the rest, of a process that answers.
            let profile = self.profile().await.unwrap_or_else(|fault| Err(fault.to_string()));
            tell(sender, Heard::Profile(profile)).await;
        }
        place.round += 1;
        Ok(())
    }

    /// The top sites; the process's own words where it has none.
    async fn profile(&self) -> Result<Result<Value, String>, Fault> {
        let answer = self.client.whole(Ask::get("/api/v1/profile?limit=50")).await?;
        let none = matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED);
        let parsed = serde_json::from_str(&answer.text);
        Ok(match parsed {
            Ok(profile) if answer.status.is_success() => Ok(profile),
            _ if none => Err("this process offers no heap profile".into()),
            _ => Err(answer.reason()),
        })
    }

    /// On the side, for what takes its time.
    pub(super) fn carry_out(&self, wish: Wish, sender: Sender<Heard>) {
        let asker = self.clone();
        tokio::spawn(async move {
            let heard = asker.wished(wish).await;
            let heard = heard.unwrap_or_else(|fault| Some(Heard::Done(Err(fault.to_string()))));
            if let Some(heard) = heard {
                tell(&sender, heard).await;
            }
            asker.now.notify_one();
        });
    }

    async fn wished(&self, wish: Wish) -> Result<Option<Heard>, Fault> {
        Ok(match wish {
            Wish::Plan(bytes) => {
                let plan = self.get(&format!("/api/v1/plan?target_bytes={bytes}")).await?;
                Some(Heard::Plan { bytes, plan })
            }
            Wish::Evict(bytes) => {
                let result = self.post("/api/v1/evict", &json!({"target_bytes": bytes})).await?;
                Some(Heard::Done(Ok(text(&result["message"]))))
            }
            Wish::Profile(Act::Take) => Some(Heard::Profile(self.profile().await?)),
            Wish::Profile(act) => {
                self.post("/api/v1/profile", &json!({"action": act.word()})).await?;
                Some(Heard::Done(Ok(act.done().into())))
            }
            Wish::Nothing | Wish::Quit | Wish::Look => None,
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        let patient =
            Client { timeout: self.client.timeout.max(crate::LONG), ..self.client.clone() };
        patient.post(path, body).await.map(|json| json.value)
    }
}

/// Whoever listens may have gone: then nobody is left to tell.
async fn tell(sender: &Sender<Heard>, heard: Heard) {
    let _ = sender.send(heard).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{self, Target};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    /// What answers `asked`: a history at the second try only, and never a profile.
    fn answer(mut stream: TcpStream, tries: &mut u32) {
        let mut head = [0; 4096];
        let read = stream.read(&mut head).expect("a request");
        let asked = String::from_utf8_lossy(&head[..read]).into_owned();
        let is_for = |route: &str| asked.starts_with(&format!("GET /api/v1/{route}"));
        *tries += u32::from(is_for("history"));
        let status = if is_for("history") && *tries == 1 { "503 Busy" } else { "200 OK" };
        let body = r#"{"process":{"run":"one"},"next":7}"#;
        if !is_for("profile") {
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
                .expect("sent");
        }
    }

    fn asker() -> Asker {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let mut tries = 0;
            listener.incoming().flatten().take(20).for_each(|it| answer(it, &mut tries));
        });
        let place = target::Place::Tcp { host: "127.0.0.1".into(), port, prefix: String::new() };
        let timeout = Duration::from_secs(30);
        Asker::new(Client { target: Target::At(place), token: None, timeout })
    }

    #[tokio::test]
    async fn a_history_is_asked_for_until_it_comes_and_no_profile_is_no_lost_process() {
        let (asker, mut place) = (asker(), Place::default());
        let (sender, mut heard) = tokio::sync::mpsc::channel(16);
        assert!(asker.round(&mut place, &sender).await.is_err());
        asker.round(&mut place, &sender).await.expect("the process answers");
        drop(sender);
        let mut all = Vec::new();
        while let Some(one) = heard.recv().await {
            all.push(one);
        }
        use Heard::{Events, History, Profile, Status};
        assert!(matches!(all[..], [Status(_), Status(_), History(_), Events(_), Profile(Err(_))]));
        assert_eq!((place.run, place.next), (json!("one"), 7));
    }
}
