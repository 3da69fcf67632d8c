//! What listeners are told.

use super::client::{Listener, address, ask, served};
use super::support::{alone, ballast, builder, ticks};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn a_listener_hears_of_the_status_and_of_what_happens() {
    let _alone = alone();
    let monitor = served(builder());
    ticks(&monitor, 2);
    let mut listener = Listener::new(address(&monitor), "");
    let status = listener.next_of("status").json();
    assert_eq!(status["level"], "healthy");
    let ballast = ballast(85.0);
    let crossed = listener.next_of("event");
    assert_eq!(crossed.json()["event_type"], "threshold_crossed");
    let changed = listener.next_of("event");
    assert_eq!(changed.json()["event_type"], "level_changed");
    assert_eq!(changed.id, Some(changed.json()["sequence"].as_u64().unwrap()));
    assert_eq!(changed.id, crossed.id.map(|id| id + 1));
    assert_eq!(listener.next_of("status").json()["level"], "caution");
    drop(ballast);
    let mut again =
        Listener::new(address(&monitor), &format!("last-event-id: {}\r\n", crossed.id.unwrap()));
    assert_eq!(again.next_of("event").id, changed.id, "what was missed comes again");
    monitor.stop();
    while let Some(told) = listener.next() {
        assert!(["status", "event", "end"].contains(&told.event.as_str()));
        if told.event == "end" {
            return;
        }
    }
    panic!("the end is told");
}

#[test]
fn a_number_that_no_event_will_have_is_waited_for() {
    let _alone = alone();
    let monitor = served(builder());
    let last = format!("last-event-id: {}\r\n", u64::MAX);
    assert_eq!(
        Listener::new(address(&monitor), &last).next_of("status").json()["level"],
        "healthy"
    );
}

#[test]
fn while_somebody_listens_the_monitor_ticks_each_second() {
    let _alone = alone();
    let monitor = served(builder().interval(Duration::from_secs(3600)));
    let mut listener = Listener::new(address(&monitor), "");
    let first = listener.next_of("status").json()["ticked"].clone();
    let later = (0..5).map(|_| listener.next_of("status").json()["ticked"].clone());
    let times: Vec<_> = later.filter_map(|ticked| ticked.as_f64()).collect();
    assert!(times.last() > first.as_f64().as_ref(), "{first} {times:?}");
    assert_eq!(monitor.history().len(), 1, "the ring keeps its own interval");
}

#[test]
fn a_flood_of_listeners_leaves_room_for_others() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plimsoll.sock");
    let monitor = served(builder().socket_at(&path));
    let to = address(&monitor);
    let mut listeners: Vec<_> = (0..8).map(|_| Listener::new(to, "")).collect();
    listeners.iter_mut().for_each(|listener| drop(listener.next_of("status")));
    for _ in 0..20 {
        let refused = ask(to, "/events", "");
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    }
    assert_eq!(ask(to, "/livez", "").status, 200);
    let mut local = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let mut head = [0; 12];
    local.write_all(b"GET /events HTTP/1.1\r\nhost: plimsoll\r\n\r\n").unwrap();
    local.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200", "nor is this machine shut out");
    drop(listeners);
    super::support::eventually("room for a listener again", || {
        let mut stream = super::client::connect(to);
        write!(stream, "GET /events HTTP/1.1\r\nhost: {to}\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (&head == b"HTTP/1.1 200").then_some(())
    });
}
