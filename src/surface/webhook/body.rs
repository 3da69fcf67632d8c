//! What is sent, in three forms. Pure.

use crate::alert::Alert;
use crate::monitor::WebhookForm;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

/// By which the alerts of a process are one group.
const GROUP: [&str; 2] = ["service", "instance"];

/// What all messages have in common.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// Where the process shows itself; empty when it does not.
    pub(super) url: String,
}

/// The message; `until_micros` is when a receiver that expects to be told again may forget what fires.
pub(super) fn write(
    form: WebhookForm,
    envelope: &Envelope,
    alerts: &[&Alert],
    until_micros: u64,
) -> Vec<u8> {
    let json = match form {
        WebhookForm::Webhook => webhook(envelope, alerts),
        WebhookForm::Text => json!({ "text": text(alerts) }),
        WebhookForm::Alertmanager => posted(envelope, alerts, until_micros),
    };
    json.to_string().into_bytes()
}

/// What Alertmanager sends to its receivers.
fn webhook(envelope: &Envelope, alerts: &[&Alert]) -> Value {
    let group = group(alerts);
    json!({
        "version": "4",
        "groupKey": group_key(&group),
        "truncatedAlerts": 0,
        "status": status(alerts.iter().any(|alert| alert.is_firing())),
        "receiver": "plimsoll",
        "groupLabels": group,
        "commonLabels": common(alerts, |alert| &alert.labels),
        "commonAnnotations": common(alerts, |alert| &alert.annotations),
        "externalURL": envelope.url,
        "alerts": alerts.iter().map(|alert| one(envelope, alert)).collect::<Vec<_>>(),
    })
}

fn one(envelope: &Envelope, alert: &Alert) -> Value {
    json!({
        "status": status(alert.is_firing()),
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": rfc3339(alert.starts_micros),
        // As Go writes a time that is none.
        "endsAt": alert.ends_micros.map_or("0001-01-01T00:00:00Z".into(), rfc3339),
        "generatorURL": envelope.url,
        "fingerprint": format!("{:016x}", alert.fingerprint()),
    })
}

/// What Prometheus sends to Alertmanager.
fn posted(envelope: &Envelope, alerts: &[&Alert], until_micros: u64) -> Value {
    let one = |alert: &&Alert| {
        json!({
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": rfc3339(alert.starts_micros),
            "endsAt": rfc3339(alert.ends_micros.unwrap_or(until_micros.max(alert.starts_micros))),
            "generatorURL": envelope.url,
        })
    };
    alerts.iter().map(one).collect()
}

fn text(alerts: &[&Alert]) -> String {
    let of = |texts: &BTreeMap<String, String>, name: &str| {
        escaped(texts.get(name).map_or("unknown", String::as_str))
    };
    let line = |alert: &&Alert| {
        format!(
            "{} {} ({}) {} {}: {}\n    {}",
            if alert.is_firing() { "FIRING" } else { "RESOLVED" },
            of(&alert.labels, "alertname"),
            of(&alert.labels, "severity"),
            of(&alert.labels, "service"),
            of(&alert.labels, "instance"),
            of(&alert.annotations, "summary"),
            of(&alert.annotations, "description"),
        )
    };
    alerts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A cache's name shall call nobody: `<!channel>` is a command to some receivers.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

fn group(alerts: &[&Alert]) -> BTreeMap<String, String> {
    let mut common = common(alerts, |alert| &alert.labels);
    common.retain(|name, _| GROUP.contains(&name.as_str()));
    common
}

fn group_key(group: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = group.iter().map(|(name, text)| format!("{name}={text:?}")).collect();
    format!("{{}}:{{{}}}", labels.join(", "))
}

/// What all of them say.
fn common(
    alerts: &[&Alert],
    texts: impl Fn(&Alert) -> &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let Some((first, others)) = alerts.split_first() else { return BTreeMap::new() };
    let mut common = texts(first).clone();
    common.retain(|name, text| others.iter().all(|alert| texts(alert).get(name) == Some(text)));
    common
}

fn rfc3339(micros: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_micros(micros)).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts() -> [Alert; 2] {
        let labels = |name: &str, severity: &str| {
            let pairs = [
                ("alertname", name),
                ("instance", "box:7"),
                ("service", "search"),
                ("severity", severity),
            ];
            pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
        };
        let annotations = |summary: &str| {
            let pairs = [("description", "as it is"), ("summary", summary)];
            pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
        };
        [
            Alert {
                labels: labels("Full", "critical"),
                annotations: annotations("98 % <!channel> & more"),
                starts_micros: 1_790_000_000_250_000,
                ends_micros: None,
            },
            Alert {
                labels: labels("Storm", "warning"),
                annotations: annotations("pages again"),
                starts_micros: 1_790_000_000_000_000,
                ends_micros: Some(1_790_000_060_000_000),
            },
        ]
    }

    fn written(form: WebhookForm) -> Value {
        let (envelope, [a, b]) = (Envelope { url: "http://127.0.0.1:9464/".into() }, alerts());
        let bytes = write(form, &envelope, &[&a, &b], 1_790_000_240_000_000);
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn the_webhook_form_is_alertmanagers_version_4() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/alert_webhook.json");
        let golden = std::fs::read(path).expect("the golden file");
        let golden: Value = serde_json::from_slice(&golden).expect("JSON");
        assert_eq!(written(WebhookForm::Webhook), golden);
    }

    #[test]
    fn the_alertmanager_form_is_a_list_that_expires() {
        let posted = written(WebhookForm::Alertmanager);
        assert_eq!(posted[0]["endsAt"], "2026-09-21T14:17:20.000Z");
        assert_eq!(posted[1]["endsAt"], "2026-09-21T14:14:20.000Z");
        assert_eq!(posted[0]["labels"]["alertname"], "Full");
        assert!(posted[0].get("status").is_none());
    }

    /// Alertmanager refuses an alert that ends before it began, and with it the whole message.
    #[test]
    fn a_clock_that_was_set_back_ends_nothing_before_it_began() {
        let (envelope, [firing, _]) = (Envelope::default(), alerts());
        let hour_before = firing.starts_micros - 3_600_000_000;
        let bytes = write(WebhookForm::Alertmanager, &envelope, &[&firing], hour_before);
        let posted: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert!(posted[0]["endsAt"].as_str() >= posted[0]["startsAt"].as_str(), "{posted}");
    }

    #[test]
    fn the_text_form_is_a_line_an_alert_and_calls_nobody() {
        let expected = "FIRING Full (critical) search box:7: 98 % &lt;!channel&gt; &amp; more\n    as it is\n\
                        RESOLVED Storm (warning) search box:7: pages again\n    as it is";
        assert_eq!(written(WebhookForm::Text), json!({ "text": expected }));
    }
}
