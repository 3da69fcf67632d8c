//! Alerts, sent: the rules are judged and their alerts told on one thread, `plimsoll-webhook`.
//!
//! ```text
//! look.rs      what the rules see of the monitor
//! outbox.rs    what is yet to be told, and when to try again
//! body.rs      the three forms
//! sign.rs      the signature
//! sender.rs    one message, sent
//! ```

mod body;
mod look;
mod outbox;
mod sender;
mod sign;

use super::blame;
use super::client::target;
use super::follow::{Follow, follow};
use crate::alert::{Alert, Engine, Seen, check};
use crate::error::Error;
use crate::monitor::{Handle, Monitor, Serving, WebhookForm};
use crate::snapshot::Moment;
use body::Envelope;
use outbox::Outbox;
use sender::{Answer, Sender};
use sign::Key;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// Ticks that come faster than this are looked at together.
const PACE: Duration = Duration::from_secs(1);

/// As Prometheus does: told again every minute, and forgotten by the receiver after four without news.
const AGAIN: Duration = Duration::from_secs(60);
const FORGOTTEN: u32 = 4;

/// Starts the thread, if there is somebody to tell.
///
/// # Errors
/// For a URL, a secret or a rule that makes no sense, and when the system refuses the thread.
pub(super) fn start(monitor: &Monitor, serving: &Serving) -> Result<(), Error> {
    let rules = serving.alerts.in_force();
    let own = monitor.own_metrics();
    check(&rules, &own.iter().map(|own| own.name.as_str()).collect::<Vec<_>>())?;
    let Some(url) = &serving.webhook else { return Ok(()) };
    let repeat = repeat(monitor, serving)?;
    let refused = |setting, expected: &str| {
        blame(monitor, setting, Error::setting(setting, "what was given", expected))
    };
    let url = target(&url.0).map_err(|expected| refused("webhook", expected))?;
    let secret = serving.webhook_secret.as_ref().map(|secret| Key::parse(&secret.0)).transpose();
    let key = secret.map_err(|expected| refused("webhook_secret", expected))?;
    let run = monitor.process().run;
    let watch = Watch {
        engine: Engine::new(rules, look::base(monitor)),
        outbox: Outbox::default(),
        sender: Sender::new(url, serving.webhook_form, key, run),
        form: serving.webhook_form,
        envelope: Envelope { url: shown_at(serving) },
        repeat,
        next_event: 0,
        looked: None,
        complaint: String::new(),
        told_lost: 0,
    };
    follow(monitor, "plimsoll-webhook", watch)
}

fn repeat(monitor: &Monitor, serving: &Serving) -> Result<Duration, Error> {
    let (repeat, week) = (serving.webhook_repeat, Duration::from_secs(7 * 24 * 3600));
    if repeat < Duration::from_secs(1) || repeat > week {
        let given = humantime::format_duration(repeat);
        let error = Error::setting("webhook_repeat", given, "from 1s to 7days");
        return Err(blame(monitor, "webhook_repeat", error));
    }
    Ok(if serving.webhook_form == WebhookForm::Alertmanager { repeat.min(AGAIN) } else { repeat })
}

/// Where to look further; empty when that is not known.
fn shown_at(serving: &Serving) -> String {
    let address = serving.http.as_deref().filter(|address| !address.ends_with(":0"));
    address.map(|address| format!("http://{address}/")).unwrap_or_default()
}

/// What the thread keeps.
struct Watch {
    engine: Engine,
    outbox: Outbox,
    sender: Sender,
    form: WebhookForm,
    envelope: Envelope,
    repeat: Duration,
    next_event: u64,
    looked: Option<Instant>,
    /// What last went wrong; said once while it lasts.
    complaint: String,
    /// How many were lost, as far as it was said.
    told_lost: u64,
}

impl Follow for Watch {
    fn look(&mut self, handle: &Handle, at: Moment) -> Option<Instant> {
        let early = self.looked.map(|looked| looked + PACE).filter(|next| *next > at.instant);
        if early.is_none() || handle.events_since(self.next_event).next > self.next_event {
            self.observe(handle, at);
        }
        if self.due().is_some_and(|due| due <= at.instant) {
            self.send(handle, at);
        }
        let news = self.engine.next().into_iter().chain(look::silent_at(handle, at));
        // What was too early to look at is looked at then.
        news.chain(early).chain(self.due()).min()
    }

    fn finish(&mut self, handle: &Handle, at: Moment) {
        let resolved = self.engine.resolve_all(at);
        self.outbox.put(resolved, at.instant);
        if self.outbox.waiting() > 0 {
            self.sender.hurry();
            self.send(handle, at);
        }
    }
}

impl Watch {
    fn due(&self) -> Option<Instant> {
        self.outbox.next(self.engine.firing().next().is_some(), self.repeat)
    }

    fn observe(&mut self, handle: &Handle, at: Moment) {
        self.looked = Some(at.instant);
        let log = handle.events_since(self.next_event);
        self.next_event = log.next;
        let look = look::Look::new(handle, at);
        let changed = self.engine.observe(&Seen {
            at,
            level: look.level(),
            figure: &|name| look.figure(name),
            events: &log.events,
            describe: &|| look.describe(),
        });
        self.outbox.put(changed, at.instant);
        self.report_lost(handle);
    }

    fn send(&mut self, handle: &Handle, at: Moment) {
        let alerts = self.outbox.message(self.engine.firing());
        if alerts.is_empty() {
            self.outbox.taken(at.instant);
            return;
        }
        let body = self.write(&alerts, at);
        let answer = self.sender.send(self.outbox.number(), body, at);
        // It may have taken a while.
        let now = Moment::now().instant;
        match answer {
            Answer::Taken => {
                self.outbox.taken(now);
                self.complaint.clear();
            }
            Answer::Refused(why) => {
                self.outbox.refused(now);
                self.complain(handle, format!("webhook: the receiver refuses alerts: {why}"));
                self.report_lost(handle);
            }
            Answer::Later(why, asked) => {
                self.outbox.failed(now, asked, chance());
                self.complain(handle, format!("webhook: alerts wait, not delivered yet: {why}"));
            }
        }
    }

    fn write(&self, alerts: &[&Alert], at: Moment) -> Vec<u8> {
        let patience = self.repeat.saturating_mul(FORGOTTEN).as_micros();
        let until = at.wall_micros.saturating_add(u64::try_from(patience).unwrap_or(u64::MAX));
        body::write(self.form, &self.envelope, alerts, until)
    }

    fn complain(&mut self, handle: &Handle, complaint: String) {
        if self.complaint != complaint {
            handle.report_error(complaint.clone());
            self.complaint = complaint;
        }
    }

    fn report_lost(&mut self, handle: &Handle) {
        let lost = self.outbox.dropped() + self.engine.overflowed();
        if lost > self.told_lost {
            let (new, most) = (lost - self.told_lost, outbox::ROOM);
            handle.report_error(format!(
                "webhook: {new} alerts were dropped ({lost} so far): refused, or no room beside {most}"
            ));
            self.told_lost = lost;
        }
    }
}

/// From 0 to 1, by chance: so that many processes do not try again at the same time.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}
