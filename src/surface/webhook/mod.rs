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
use crate::event::{EventKind, NumberedEvent};
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
    let is_one = |address: &&str| address.contains(':') && !address.ends_with(":0");
    let address = serving.http.as_deref().filter(is_one);
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
        // What was too early to look at is looked at then, and whatever else is due by then.
        let news = || self.engine.next().into_iter().chain(look::silent_at(handle, at)).min();
        early.or_else(news).into_iter().chain(self.due()).min()
    }

    /// What fires and nobody has heard of is told as firing before it is told as resolved: a receiver passes over the end of what
    /// it does not know.
    fn finish(&mut self, handle: &Handle, at: Moment) {
        self.sender.hurry();
        self.observe(handle, at);
        if self.outbox.has_news() {
            self.send(handle, at);
        }
        let resolved = self.engine.resolve_all(at);
        self.outbox.put(resolved, at.instant);
        if self.outbox.waiting() > 0 {
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
        let mut log = handle.events_since(self.next_event);
        self.next_event = log.next;
        // An alert over an alert that cannot be told would be the next to tell, for ever.
        log.events.retain(|event| !is_own(event));
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
                self.complain(handle, format!("{OURS}the receiver refuses alerts: {why}"));
                self.report_lost(handle);
            }
            Answer::Later(why, asked) => {
                self.outbox.failed(now, asked, chance());
                self.complain(handle, format!("{OURS}alerts wait, not delivered yet: {why}"));
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
                "{OURS}{new} alerts were dropped ({lost} so far): refused, or no room beside {most}"
            ));
            self.told_lost = lost;
        }
    }
}

/// What begins with this is a complaint of ours.
const OURS: &str = "webhook: ";

fn is_own(event: &NumberedEvent) -> bool {
    matches!(&event.event.kind, EventKind::Error { error_message, .. } if error_message.starts_with(OURS))
}

/// From 0 to 1, by chance: so that many processes do not try again at the same time.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertRule, AlertWhen};

    fn watch(monitor: &Monitor, rule: AlertRule, form: WebhookForm) -> Watch {
        let url = "http://127.0.0.1:9/".parse().expect("a URL");
        Watch {
            engine: Engine::new(vec![rule], look::base(monitor)),
            outbox: Outbox::default(),
            sender: Sender::new(url, form, None, "1-2".into()),
            form,
            envelope: Envelope::default(),
            repeat: AGAIN,
            next_event: 0,
            looked: None,
            complaint: String::new(),
            told_lost: 0,
        }
    }

    fn monitor() -> Monitor {
        let day = Duration::from_secs(24 * 3600);
        Monitor::builder().interval(day).start().expect("a monitor")
    }

    fn later(at: Moment, millis: u64) -> Moment {
        let instant = at.instant + Duration::from_millis(millis);
        Moment { instant, wall_micros: at.wall_micros + millis * 1000 }
    }

    #[test]
    fn what_is_due_within_the_pace_is_slept_for() {
        let monitor = monitor();
        while monitor.latest().is_none() {
            std::thread::yield_now();
        }
        let rule = AlertRule::metric("level", AlertWhen::AtLeast(0.0)).for_secs(10);
        let mut watch = watch(&monitor, rule, WebhookForm::Webhook);
        let start = Moment::now();
        watch.look(&monitor, start);
        watch.look(&monitor, later(start, 9500));
        let due = later(start, 10_000);
        let next = watch.look(&monitor, due).expect("it is not over");
        assert_eq!(watch.engine.firing().count(), 0);
        assert!(next > due.instant, "it would be looked at again at once, and again");
        watch.look(&monitor, Moment { instant: next, ..due });
        assert_eq!(watch.engine.firing().count(), 1);
    }

    #[test]
    fn its_own_complaints_are_no_alerts() {
        let monitor = monitor();
        let rule = AlertRule::event("error").by("error_message");
        let mut watch = watch(&monitor, rule, WebhookForm::Webhook);
        watch.complain(&monitor, format!("{OURS}the receiver refuses alerts: it answers 404"));
        monitor.report_error("something else");
        watch.observe(&monitor, Moment::now());
        let told = |message: &str| {
            let mut firing = watch.engine.firing();
            firing.any(|alert| alert.labels["error_message"].starts_with(message))
        };
        assert!(told("something else"));
        assert!(!told(OURS), "telling it would fail, and be told");
    }

    #[test]
    fn there_is_room_for_all_alerts_that_change_at_once() {
        let monitor = monitor();
        let rule = AlertRule::event("error").by("error_message").keep_secs(0);
        let mut watch = watch(&monitor, rule, WebhookForm::Webhook);
        (0..256).for_each(|n| monitor.report_error(format!("error {n}")));
        let start = Moment::now();
        watch.observe(&monitor, start);
        assert_eq!((watch.outbox.waiting(), watch.outbox.dropped()), (256, 0));
        watch.outbox.taken(start.instant);
        watch.observe(&monitor, later(start, 1000));
        let told = (watch.outbox.waiting(), watch.outbox.dropped());
        assert_eq!(told, (256, 0), "every one that was told firing is told resolved");
    }
}
