//! Every way in which a run can end, and what is seen of it.

use super::*;
use crate::metric::Field;
use crate::recorder::RecordedRun;
use crate::snapshot::Moment;
use crate::source::Readings;

/// A run that was there at its last tick, second 100, and is gone.
struct Run {
    identity: Identity,
    heartbeat: Option<Heartbeat>,
    last: Snapshot,
    end: Option<RecordedEnd>,
    panic: Option<RecordedPanic>,
    groups: Vec<RecordedGroup>,
    kills: [Option<u64>; MOST_GROUPS],
    gave_up: bool,
    scene: Scene,
}

fn run() -> Run {
    let heartbeat = Heartbeat {
        timestamp: 100.0,
        uptime_seconds: 60.0,
        ticks: 7,
        level: Level::Healthy,
        peak_usage_bytes: None,
        pace_seconds: 1.0,
    };
    let scene = Scene {
        now: 200.0,
        holder: Holder::Nobody,
        presence: Presence::Gone,
        same_boot: Some(true),
        same_host: Some(true),
        groups: vec![],
    };
    Run {
        identity: Identity {
            run: RecordedRun { pid: 42, ..Default::default() },
            ..Default::default()
        },
        heartbeat: Some(heartbeat),
        last: Snapshot::new(Moment::now(), Duration::from_secs(60), &Readings::default()),
        end: None,
        panic: None,
        groups: vec![],
        kills: [None; MOST_GROUPS],
        gave_up: false,
        scene,
    }
}

impl Run {
    fn judge(&self) -> Judgement {
        let case = Case {
            identity: self.identity.clone(),
            heartbeat: self.heartbeat,
            last: self.heartbeat.map(|_| &self.last),
            end: self.end.as_ref(),
            panic: self.panic.as_ref(),
            groups: &self.groups,
            kills: self.kills,
            gave_up: self.gave_up,
        };
        judge(&case, &self.scene)
    }

    fn verdict(&self) -> LastRun {
        self.judge().verdict
    }

    /// A group, its count at the last tick, and what it shows now.
    fn group(mut self, is_own: bool, before: u64, now: KillsNow) -> Self {
        let dir = format!("/sys/fs/cgroup/{}", self.groups.len()).into();
        let (inode, is_deep, kills_at_start) = (1, true, Some(0));
        self.kills[self.groups.len()] = Some(before);
        self.groups.push(RecordedGroup { dir, inode, is_own, is_deep, kills_at_start });
        self.scene.groups.push(now);
        self
    }

    fn critical(mut self) -> Self {
        self.last.values.level = Level::Critical;
        self
    }

    fn ended(mut self, kind: EndKind) -> Self {
        self.end = Some(RecordedEnd { timestamp: 101.0, kind });
        self
    }

    fn panicked(mut self, timestamp: f64, is_main: bool) -> Self {
        let (thread, message) = (Some("worker".into()), "boom".into());
        self.panic = Some(RecordedPanic { timestamp, thread, is_main, message, count: 1 });
        self
    }

    fn seen(mut self, holder: Holder, presence: Presence) -> Self {
        (self.scene.holder, self.scene.presence) = (holder, presence);
        self
    }

    fn elsewhere(mut self, same_host: Option<bool>, same_boot: Option<bool>) -> Self {
        (self.scene.same_host, self.scene.same_boot) = (same_host, same_boot);
        self
    }
}

#[test]
fn whoever_runs_is_running() {
    use Holder::{Nobody, Somebody, Unknown};
    use Presence::{Alive, Gone, OutOfSight};
    for (holder, presence, runs) in [
        (Somebody, Alive, true),
        (Somebody, OutOfSight, true),
        (Unknown, Alive, true),
        (Somebody, Gone, false),
        (Unknown, OutOfSight, false),
        (Unknown, Gone, false),
        (Nobody, Gone, false),
        (Nobody, OutOfSight, false),
    ] {
        let verdict = run().seen(holder, presence).verdict();
        assert_eq!(verdict == LastRun::Running, runs, "{holder:?} {presence:?}");
    }
    let became = run().seen(Nobody, Alive);
    assert_eq!(became.verdict(), LastRun::Clean, "it has become another program");
    assert!(became.judge().summary.contains("exec"));
    let again = run().seen(Nobody, Alive).ended(EndKind::Stopped).judge();
    assert_eq!(
        (again.verdict, again.summary.as_str()),
        (LastRun::Clean, "its monitor was stopped")
    );
    let held = run().seen(Somebody, Alive).ended(EndKind::Stopped).judge();
    assert_eq!(held.verdict, LastRun::Clean, "what it said itself, whoever holds the file");
}

#[test]
fn what_it_said_of_its_end_counts_on_any_machine() {
    for (kind, verdict) in [
        (EndKind::Stopped, LastRun::Clean),
        (EndKind::Exited, LastRun::Clean),
        (EndKind::Unwound, LastRun::Panicked),
    ] {
        assert_eq!(run().ended(kind).verdict(), verdict);
        assert_eq!(run().ended(kind).elsewhere(Some(false), Some(false)).verdict(), verdict);
        assert_eq!(run().ended(kind).critical().verdict(), verdict);
    }
}

#[test]
fn an_exit_after_a_panic_of_main_is_a_panic() {
    let exited = |at, is_main| run().panicked(at, is_main).ended(EndKind::Exited).verdict();
    assert_eq!(exited(100.5, true), LastRun::Panicked);
    assert_eq!(exited(100.5, false), LastRun::Clean, "another thread's");
    assert_eq!(exited(98.0, true), LastRun::Clean, "main lived on");
}

#[test]
fn a_panic_that_no_tick_came_long_after_is_the_end() {
    let judgement = run().panicked(100.0, false).judge();
    assert_eq!(judgement.verdict, LastRun::Panicked);
    assert!(judgement.evidence[0].finding.contains("the thread worker panicked: boom"));
    assert_eq!(run().panicked(99.0, false).verdict(), LastRun::Panicked, "a trace takes its time");
    assert_eq!(run().panicked(98.0, false).verdict(), LastRun::KilledNotByMemory);
    let killed = |is_main| run().panicked(100.5, is_main).group(true, 0, KillsNow::Same(Some(1)));
    assert_eq!(
        killed(false).verdict(),
        LastRun::OomKillConfirmed,
        "the kernel's count weighs more"
    );
    assert_eq!(killed(true).verdict(), LastRun::Panicked);
}

#[test]
fn the_kernels_count_decides() {
    let own = |before, now| run().group(true, before, now);
    assert_eq!(own(2, KillsNow::Same(Some(3))).verdict(), LastRun::OomKillConfirmed);
    assert_eq!(own(3, KillsNow::Same(Some(3))).verdict(), LastRun::KilledNotByMemory);
    let near = own(3, KillsNow::Same(Some(3))).critical().judge();
    assert_eq!(near.verdict, LastRun::KilledNotByMemory, "the kernel has killed nobody");
    assert!(near.summary.contains("memory was short"));
    for now in [KillsNow::Gone, KillsNow::Another, KillsNow::Same(None)] {
        assert_eq!(own(0, now).verdict(), LastRun::KilledNotByMemory, "{now:?}");
        assert_eq!(own(0, now).critical().verdict(), LastRun::OomKillProbable, "{now:?}");
    }
    let above = own(0, KillsNow::Gone).group(false, 5, KillsNow::Same(Some(6)));
    assert_eq!(above.verdict(), LastRun::OomKillProbable, "somebody below was killed");
    let neighbour = own(0, KillsNow::Same(Some(0))).group(false, 5, KillsNow::Same(Some(6)));
    assert_eq!(neighbour.verdict(), LastRun::KilledNotByMemory, "not in its own group");
}

#[test]
fn without_a_count_it_is_by_how_short_memory_was() {
    assert_eq!(run().verdict(), LastRun::KilledNotByMemory);
    assert_eq!(run().critical().verdict(), LastRun::OomKillProbable);
    assert_eq!(Run { gave_up: true, ..run() }.verdict(), LastRun::OomKillProbable);
    for (used, verdict) in [(949, LastRun::KilledNotByMemory), (950, LastRun::OomKillProbable)] {
        let mut near = run();
        near.last.values.set(Field::UsageLow, Some(used));
        near.last.values.set(Field::Limit, Some(1000));
        assert_eq!(near.verdict(), verdict, "{used} of its group's 1000");
        let mut of_limit = run();
        of_limit.last.values.set(Field::Usage, Some(used));
        of_limit.identity.run.limit_bytes = Some(1000);
        assert_eq!(of_limit.verdict(), verdict, "{used} of 1000");
    }
    let mut cached = run();
    cached.last.values.set(Field::Charged, Some(1000));
    cached.last.values.set(Field::UsageLow, Some(100));
    cached.last.values.set(Field::Limit, Some(1000));
    assert_eq!(cached.verdict(), LastRun::KilledNotByMemory, "page cache is no shortage");
}

#[test]
fn a_limit_of_its_own_kills_without_the_kernels_count() {
    let mut limited = run().critical().group(true, 0, KillsNow::Same(Some(0)));
    limited.identity.basis = "address_space".into();
    let judgement = limited.judge();
    assert_eq!(judgement.verdict, LastRun::OomKillProbable);
    assert!(judgement.summary.contains("RLIMIT"));
}

#[test]
fn what_cannot_be_said_is_unknown_and_why() {
    let said = |run: Run| {
        let judgement = run.critical().judge();
        assert_eq!(judgement.verdict, LastRun::Unknown);
        assert!(judgement.evidence.iter().any(|e| e.finding.contains("critical")), "{judgement:?}");
        judgement.summary
    };
    assert!(said(run().elsewhere(Some(true), Some(false))).contains("started anew"));
    assert!(said(run().elsewhere(Some(false), Some(false))).contains("another machine"));
    assert!(said(run().elsewhere(None, None)).contains("not known"));
    let never = Run { heartbeat: None, ..run() }.judge();
    assert_eq!(never.verdict, LastRun::Unknown);
    assert!(never.summary.contains("before its first tick"));
}

#[test]
fn every_judgement_says_where_it_comes_from() {
    for run in [run(), run().critical(), run().panicked(100.0, true), run().ended(EndKind::Stopped)]
    {
        let judgement = run.judge();
        assert!(judgement.evidence.len() >= 2, "{judgement:?}");
        let whole = |e: &Exhibit| !e.finding.is_empty() && !e.source.is_empty();
        assert!(judgement.evidence.iter().all(whole), "{judgement:?}");
        let json = serde_json::to_string(&judgement).expect("JSON");
        assert_eq!(serde_json::from_str::<Judgement>(&json).expect("a judgement"), judgement);
    }
}
