//! What arrives: firing and resolved, once each, in the form that was chosen, again when it goes on, and signed.

use crate::receiver::Receiver;
use crate::support::{alone, ballast, builder, eventually, half, request, statuses};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use plimsoll::{AlertRule, AlertWhen::Above, Level, WebhookForm};
use sha2::Sha256;
use std::time::Duration;

#[test]
fn an_alert_fires_and_is_resolved_once_each() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).start().unwrap();
    let weight = ballast();
    let sent = request(&receiver, 1);
    assert!(sent.line.starts_with("POST /hook HTTP/1.1"), "{}", sent.line);
    assert_eq!(sent.header("content-type"), Some("application/json"));
    let fired = sent.json();
    assert_eq!((fired["version"].as_str(), fired["status"].as_str()), (Some("4"), Some("firing")));
    let alert = &fired["alerts"][0];
    let pid = std::process::id().to_string();
    assert_eq!(alert["labels"]["alertname"], "Half");
    assert_eq!(alert["labels"]["pid"], pid);
    assert!(alert["labels"]["instance"].as_str().unwrap().ends_with(&pid));
    assert!(alert["labels"]["service"].as_str().unwrap().starts_with("webhook"));
    assert!(alert["annotations"]["summary"].as_str().unwrap().ends_with("% are used"));
    let described = alert["annotations"]["description"].as_str().unwrap();
    assert!(
        described.contains("used of 256.0 MiB") && described.contains("objects"),
        "{described}"
    );
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    drop(weight);
    let resolved = request(&receiver, 2).json();
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(statuses(&resolved), ["resolved"]);
    let after = &resolved["alerts"][0];
    assert_eq!(after["fingerprint"], alert["fingerprint"]);
    assert_eq!(after["startsAt"], alert["startsAt"]);
    assert!(after["endsAt"].as_str().unwrap() > after["startsAt"].as_str().unwrap());
    monitor.stop();
    assert_eq!(receiver.requests().len(), 2, "nothing was told twice");
}

#[test]
fn alerts_that_begin_together_come_in_one_message() {
    let _alone = alone();
    let receiver = Receiver::new();
    let more = AlertRule::metric("live_bytes", Above((100 << 20) as f64)).keep_secs(0);
    let level = AlertRule::event("level_changed").until_below(Level::Caution).label("team", "a");
    let monitor = builder(receiver.url()).alert(more).alert(level);
    let monitor = monitor.thresholds(55.0, 90.0, 98.0).start().unwrap();
    let _weight = ballast();
    let fired = request(&receiver, 1).json();
    assert_eq!(statuses(&fired), ["firing"; 3]);
    assert_eq!(fired["groupLabels"]["instance"], fired["commonLabels"]["instance"]);
    assert_eq!(fired["commonLabels"]["alertname"], serde_json::Value::Null);
    drop(monitor);
}

#[test]
fn what_goes_on_is_told_again() {
    let _alone = alone();
    let receiver = Receiver::new();
    let repeat = Duration::from_secs(1);
    let monitor = builder(receiver.url()).webhook_repeat(repeat).start().unwrap();
    let _weight = ballast();
    let (first, second) = (request(&receiver, 1).json(), request(&receiver, 2).json());
    assert_eq!(statuses(&second), ["firing"]);
    assert_eq!(first["alerts"][0], second["alerts"][0]);
    drop(monitor);
}

#[test]
fn the_end_of_the_monitor_resolves_what_fires() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).start().unwrap();
    let _weight = ballast();
    request(&receiver, 1);
    monitor.stop();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2, "sent before the stop came back");
    assert_eq!(statuses(&requests[1].json()), ["resolved"]);
}

#[test]
fn what_has_just_begun_is_told_before_the_end() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).start().unwrap();
    let _weight = ballast();
    eventually("it is seen", || monitor.latest()?.usage_percent().filter(|usage| *usage > 50.0));
    // Well within the second in which others that begin as well are waited for.
    monitor.stop();
    let told: Vec<_> = receiver.requests().iter().map(|request| request.json()).collect();
    let told: Vec<_> = told.iter().map(statuses).collect();
    assert_eq!(told, [["firing"], ["resolved"]]);
}

#[test]
fn a_signature_holds_for_what_arrived() {
    let _alone = alone();
    let receiver = Receiver::answering(&["503 Later"]);
    let key = [7; 32];
    let secret = format!("whsec_{}", STANDARD.encode(key));
    let monitor = builder(receiver.url()).webhook_secret(secret).start().unwrap();
    let _weight = ballast();
    let (first, second) = (request(&receiver, 1), request(&receiver, 2));
    for sent in [&first, &second] {
        let header = |name| sent.header(name).unwrap();
        let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(signed.as_bytes());
        mac.update(&sent.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header("webhook-signature"), expected);
    }
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"), "the same message again");
    drop(monitor);
    let last = request(&receiver, 3);
    assert_ne!(last.header("webhook-id"), second.header("webhook-id"));
}

/// What the receiver says beside its status is nobody's business.
#[test]
fn what_was_taken_is_not_told_again_for_a_broken_answer() {
    let _alone = alone();
    let receiver = Receiver::answering(&["200 OK\r\ntransfer-encoding: chunked"]);
    let monitor = builder(receiver.url()).start().unwrap();
    let weight = ballast();
    assert_eq!(statuses(&request(&receiver, 1).json()), ["firing"]);
    drop(weight);
    let second = request(&receiver, 2).json();
    monitor.stop();
    assert_eq!(statuses(&second), ["resolved"]);
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(crate::support::errors(&monitor), Vec::<String>::new());
}

#[test]
fn the_text_form_is_a_line_to_read() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = builder(receiver.url()).webhook_form(WebhookForm::Text).start().unwrap();
    let _weight = ballast();
    let told = request(&receiver, 1).json();
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("FIRING Half (warning) webhook"), "{text}");
    assert_eq!(told.as_object().unwrap().len(), 1);
    drop(monitor);
    assert!(request(&receiver, 2).json()["text"].as_str().unwrap().starts_with("RESOLVED Half"));
}

#[test]
fn an_alertmanager_gets_its_own_list_at_its_own_route() {
    let _alone = alone();
    let receiver = Receiver::new();
    let url = receiver.url().replace("/hook", "");
    let monitor = builder(url).webhook_form(WebhookForm::Alertmanager);
    let monitor = monitor.alert(half().named("Other")).start().unwrap();
    let _weight = ballast();
    let sent = request(&receiver, 1);
    assert!(sent.line.starts_with("POST /api/v2/alerts HTTP/1.1"), "{}", sent.line);
    let list = sent.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let times = |name: &str| list[0][name].as_str().unwrap().to_owned();
    assert!(times("endsAt") > times("startsAt"), "forgotten when nobody tells it again");
    drop(monitor);
}

/// Every rule that is there by itself, on a monitor that is filled: what fires is what is so.
#[test]
fn the_rules_that_are_there_see_a_real_fill() {
    let _alone = alone();
    let receiver = Receiver::new();
    let monitor = plimsoll::Monitor::builder()
        .budget(plimsoll::Budget::Bytes(256 << 20))
        .meter(plimsoll::Meter::LiveBytes)
        .interval(Duration::from_millis(5))
        .webhook(receiver.url())
        .start()
        .unwrap();
    let _weight = vec![0u8; 255 << 20];
    eventually("the line is reached, and nobody gives anything", || {
        let last = receiver.requests().last()?.json();
        let alerts = last["alerts"].as_array()?;
        let fires = |name: &str| alerts.iter().any(|alert| alert["labels"]["alertname"] == name);
        let all = ["PlimsollGaveUp", "PlimsollNearTheLine", "PlimsollAtTheLine"];
        all.into_iter().all(fires).then_some(())
    });
    drop(monitor);
}
