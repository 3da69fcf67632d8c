//! Nobody takes it: tries again, newest state, what is dropped is told; and what is refused at the start.

use crate::receiver::Receiver;
use crate::support::{alone, ballast, builder, errors, eventually, request, statuses};
use plimsoll::{AlertRule, Error};
use std::net::TcpListener;

#[test]
fn a_receiver_that_is_busy_is_tried_again() {
    let _alone = alone();
    let receiver = Receiver::answering(&["503 Busy", "429 Slow Down\r\nretry-after: 1", "502 Bad"]);
    let monitor = builder(receiver.url()).start().unwrap();
    let _weight = ballast();
    let first = request(&receiver, 1);
    assert_eq!(request(&receiver, 4).body, first.body, "the same until it is taken");
    let told: Vec<_> = errors(&monitor);
    let waiting = "webhook: alerts wait, not delivered yet: it answers";
    let of_ours: Vec<_> = told.iter().filter(|error| error.starts_with(waiting)).collect();
    assert_eq!(of_ours.len(), 3, "once for each reason: {told:?}");
    drop(monitor);
    let last = request(&receiver, 5).json();
    assert_eq!(statuses(&last), ["resolved"]);
}

#[test]
fn the_newest_state_is_what_a_late_receiver_hears() {
    let _alone = alone();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let monitor = builder(format!("http://{address}/secret-path")).start().unwrap();
    let weight = ballast();
    let complaint = eventually("it is told", || {
        errors(&monitor).into_iter().find(|error| error.starts_with("webhook:"))
    });
    assert!(complaint.contains("connection refused"), "{complaint}");
    assert!(!complaint.contains("secret-path") && !complaint.contains("127.0.0.1"));
    drop(weight);
    // Long enough for the rule to see that it has gone: some ticks of the monitor after it.
    let taken = || monitor.metrics().profiler.total_snapshots_taken;
    let before = taken();
    eventually("ticks", || (taken() > before + 400).then_some(()));
    let receiver = Receiver::at(address, &[]);
    let heard = request(&receiver, 1).json();
    assert_eq!(statuses(&heard), ["resolved"], "that it fired is no news any more");
    monitor.stop();
    assert_eq!(receiver.requests().len(), 1);
    let complaints = errors(&monitor).into_iter().filter(|error| error.starts_with("webhook:"));
    assert_eq!(complaints.count(), 1, "said once while it lasted");
}

#[test]
fn a_refusal_is_told_and_not_repeated() {
    let _alone = alone();
    let elsewhere = Receiver::new();
    let moved = format!("307 Moved\r\nlocation: {}", elsewhere.url());
    for (answer, words) in [("404 None", "it answers 404"), (moved.as_str(), "a redirect")] {
        let receiver = Receiver::answering(&[answer]);
        let monitor = builder(receiver.url()).start().unwrap();
        let _weight = ballast();
        let told = eventually("the loss is told", || {
            let errors = errors(&monitor);
            errors.iter().any(|error| error.contains("1 alerts were dropped")).then_some(errors)
        });
        assert!(told.iter().any(|error| error.contains(words)), "{told:?}");
        assert_eq!(receiver.requests().len(), 1, "no second try");
        drop(monitor);
    }
    assert!(elsewhere.requests().is_empty(), "redirects are not followed");
}

#[test]
fn the_url_and_the_secret_are_shown_nowhere() {
    let _alone = alone();
    let receiver = Receiver::answering(&["500 Broken", "403 Forbidden"]);
    let (url, secret) =
        (format!("{}/T0KEN", receiver.url()), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let monitor = builder(url).webhook_secret(secret).start().unwrap();
    let _weight = ballast();
    request(&receiver, 2);
    monitor.stop();
    let shown = serde_json::to_string(&monitor.status()).unwrap()
        + &format!("{:?}{:?}", monitor.events(), monitor.settings());
    assert!(!shown.contains("T0KEN") && !shown.contains("MfKQ9r8GK"), "{shown}");
    assert!(shown.contains("(hidden)"));
}

#[test]
fn what_makes_no_sense_is_an_error_at_the_start() {
    let _alone = alone();
    let refused = |builder: plimsoll::Builder| builder.start().unwrap_err().to_string();
    let url = "http://127.0.0.1:9/T0KEN";
    for bad in ["", "127.0.0.1:9/T0KEN", "ftp://127.0.0.1/T0KEN"] {
        let message = refused(builder(bad));
        assert!(
            message.starts_with("webhook of what was given: must be a URL such as"),
            "{message}"
        );
        assert!(!message.contains("T0KEN"), "{message}");
    }
    if !cfg!(feature = "tls") {
        let message = refused(builder("https://127.0.0.1/T0KEN"));
        assert!(message.contains("https needs plimsoll's feature `tls`"), "{message}");
    }
    let message = refused(builder(url).webhook_secret("word"));
    assert!(message.starts_with("webhook_secret of what was given: must be whsec_"), "{message}");
    let message = refused(builder(url).webhook_repeat(std::time::Duration::ZERO));
    assert!(message.starts_with("webhook_repeat of 0s: must be from 1s to 7days"), "{message}");
    let error = builder(url).alert(AlertRule::event("gone_up")).start().unwrap_err();
    assert!(matches!(error, Error::Setting { .. }) && error.to_string().contains("gave_up"));
}
