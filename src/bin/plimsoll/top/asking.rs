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
