//! SIGKILL, whatever is being written: what is there can be read.

use super::harness::cases;
use super::roles::Actor;
use plimsoll::{LastRun, Recording};
use std::time::Duration;

cases![
    fifty_kills_in_mid_write_leave_fifty_recordings,
    a_kill_is_judged_by_the_next_run_and_stays_so,
];

/// At most one slot or document may be torn; by a write that is whole or not at all, none is.
fn fifty_kills_in_mid_write_leave_fifty_recordings() {
    let mut events = 0;
    for round in 0..50u64 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let actor = Actor::start("busy", &path).ready();
        std::thread::sleep(Duration::from_micros(500 + round * 397 % 20_000));
        actor.kill();
        let recording = Recording::open(&path).unwrap();
        assert!(recording.damage.is_empty(), "round {round}: {:?}", recording.damage);
        assert_eq!(recording.judgement.verdict, LastRun::KilledNotByMemory, "round {round}");
        assert!(recording.heartbeat.is_some() && recording.last.is_some(), "round {round}");
        assert!(!recording.time_line.is_empty(), "round {round}");
        let numbers: Vec<_> = recording.events.iter().map(|event| event.sequence).collect();
        let first = numbers[0];
        assert_eq!(numbers, (first..first + numbers.len() as u64).collect::<Vec<_>>());
        events += numbers.len();
    }
    assert!(events > 50 * 4, "{events} events: nothing was being written");
}

fn a_kill_is_judged_by_the_next_run_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    Actor::start("run", &path).ready().kill();
    let before = Recording::open(&path).unwrap();
    let next = Actor::start("run", &path).ready();
    let previous = Recording::open(Recording::previous(&path)).unwrap();
    assert_eq!(previous.run, before.run);
    assert_eq!(previous.judgement.verdict, LastRun::KilledNotByMemory);
    assert_eq!(previous.events, before.events);
    let judged = previous.judgement.judged;
    next.kill();
    let again = Recording::open(Recording::previous(&path)).unwrap();
    assert_eq!(again.judgement.judged, judged, "it was judged when the next run began");
}
