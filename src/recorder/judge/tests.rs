//! Every way in which a run can end, and what is seen of it.

use super::*;
use crate::level::Level;
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
    end_lost: bool,
    newest_lost: bool,
    time_line: Vec<TimePoint>,
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
        now: 110.0,
        holder: Holder::Nobody,
        presence: Presence::Gone,
        is_another: Some(false),
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
        end_lost: false,
        newest_lost: false,
        time_line: vec![],
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
            end_lost: self.end_lost,
            newest_lost: self.newest_lost,
            time_line: &self.time_line,
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

    /// Its group is there, and the kernel has killed nobody in it.
    fn spared(self) -> Self {
        self.group(true, 3, KillsNow::Same(Some(3)))
    }

    fn ticks(mut self, times: &[f64]) -> Self {
        let point = |(second, timestamp): (usize, &f64)| TimePoint {
            timestamp: *timestamp,
            uptime_seconds: second as f64,
            level: Level::Healthy,
            usage_bytes: None,
            budget_bytes: None,
            live_bytes: None,
            live_objects: None,
            caches_bytes: None,
            process_rss_bytes: None,
            cgroup_charged_bytes: None,
            growth_bytes_per_sec: None,
        };
        self.time_line = times.iter().enumerate().map(point).collect();
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
    for is_another in [None, Some(false)] {
        let mut copy = run().seen(Nobody, Alive);
        copy.scene.is_another = is_another;
        assert_eq!(copy.verdict(), LastRun::Running, "a copy of its file, unlocked");
        assert!(copy.judge().summary.contains("copy"));
    }
    let mut became = run().seen(Nobody, Alive);
    became.scene.is_another = Some(true);
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
    assert_eq!(run().spared().panicked(98.0, false).verdict(), LastRun::KilledNotByMemory);
    assert_eq!(run().spared().critical().panicked(100.0, true).verdict(), LastRun::Panicked);
}

#[test]
fn a_panic_hides_no_kill_for_want_of_memory() {
    for is_main in [false, true] {
        let panicked = || run().panicked(100.5, is_main);
        let counted = panicked().group(true, 0, KillsNow::Same(Some(1))).judge();
        assert_eq!(counted.verdict, LastRun::OomKillConfirmed, "the kernel's count weighs more");
        assert!(counted.evidence.iter().any(|e| e.finding.contains("boom")), "{counted:?}");
        let gone = || panicked().group(true, 0, KillsNow::Gone);
        assert_eq!(gone().critical().verdict(), LastRun::OomKillProbable, "{is_main}");
        assert_eq!(gone().verdict(), LastRun::Panicked, "{is_main}: memory was not short");
    }
}

#[test]
fn of_panics_that_are_survived_again_and_again_the_last_ends_nothing() {
    let mut often = run().spared().panicked(100.5, false);
    often.panic.as_mut().expect("a panic").count = 2;
    let judgement = often.judge();
    assert_eq!(judgement.verdict, LastRun::KilledNotByMemory);
    assert!(judgement.summary.contains("after a panic"), "{judgement:?}");
    assert!(judgement.evidence.iter().any(|e| e.finding.contains("boom")), "{judgement:?}");
}

#[test]
fn a_clock_that_was_set_back_makes_no_panic_the_last() {
    let panicked = |ticks: &[f64]| run().spared().panicked(5000.0, true).ticks(ticks).verdict();
    assert_eq!(panicked(&[4999.0, 5002.0, 99.0]), LastRun::KilledNotByMemory, "it lived on");
    assert_eq!(panicked(&[4999.0, 5001.0]), LastRun::Panicked);
    let mut before = run().spared().panicked(100.5, true).ticks(&[5000.0, 99.0]);
    before.identity.run.started = 4990.0;
    assert_eq!(before.verdict(), LastRun::Panicked, "it was set back before the panic");
}

#[test]
fn an_end_that_is_lost_is_no_silence() {
    let lost = |run: Run| Run { end_lost: true, ..run };
    for run in [run().spared(), run().spared().panicked(100.0, false), run().critical()] {
        let judgement = lost(run).judge();
        assert_eq!(judgement.verdict, LastRun::Unknown, "{judgement:?}");
        assert!(judgement.summary.contains("cannot be read"), "{judgement:?}");
    }
    let counted = run().group(true, 2, KillsNow::Same(Some(3)));
    assert_eq!(lost(counted).verdict(), LastRun::OomKillConfirmed);
    let read = Run { end_lost: false, ..run().ended(EndKind::Stopped) };
    assert_eq!(read.verdict(), LastRun::Clean);
}

#[test]
fn where_the_last_tick_is_lost_the_time_line_speaks() {
    let lost = |run: Run| Run { newest_lost: true, heartbeat: None, ..run };
    let panicked = || run().spared().panicked(100.0, false);
    assert_eq!(lost(panicked().ticks(&[99.0, 102.0])).verdict(), LastRun::Unknown, "survived");
    assert_eq!(lost(panicked().ticks(&[99.0, 101.0])).verdict(), LastRun::Panicked);
    assert_eq!(lost(panicked()).verdict(), LastRun::Unknown, "nothing says that it was last");
    let mut counted = lost(run().group(true, 0, KillsNow::Same(Some(1))));
    counted.kills = [None; MOST_GROUPS];
    let judgement = counted.judge();
    assert_eq!(judgement.verdict, LastRun::OomKillProbable, "at some time of the run");
    assert!(judgement.evidence[0].finding.contains("since its start"), "{judgement:?}");
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
        let silent = own(0, now).judge();
        assert_eq!(silent.verdict, LastRun::Unknown, "{now:?}: no denial without a count");
        assert!(silent.summary.contains("no count of the kernel's is left"), "{silent:?}");
        assert_eq!(own(0, now).critical().verdict(), LastRun::OomKillProbable, "{now:?}");
    }
    let above = own(0, KillsNow::Gone).group(false, 5, KillsNow::Same(Some(6)));
    assert_eq!(above.verdict(), LastRun::OomKillProbable, "somebody below was killed");
    let spared = own(0, KillsNow::Gone).group(false, 5, KillsNow::Same(Some(5)));
    assert_eq!(spared.verdict(), LastRun::KilledNotByMemory, "that above has the count of its own");
    let mut shallow = own(0, KillsNow::Gone).group(false, 5, KillsNow::Same(Some(5)));
    shallow.groups[1].is_deep = false;
    assert_eq!(shallow.verdict(), LastRun::Unknown, "that above counts itself alone");
    let neighbour = own(0, KillsNow::Same(Some(0))).group(false, 5, KillsNow::Same(Some(6)));
    assert_eq!(neighbour.verdict(), LastRun::KilledNotByMemory, "not in its own group");
}

#[test]
fn a_count_that_is_read_long_after_may_be_anothers() {
    let counted = |now| {
        let mut run = run().group(true, 2, KillsNow::Same(Some(3)));
        run.scene.now = now;
        run
    };
    assert_eq!(counted(162.0).verdict(), LastRun::OomKillConfirmed);
    let late = counted(163.0).judge();
    assert_eq!(late.verdict, LastRun::OomKillProbable);
    assert!(late.evidence.iter().any(|e| e.finding.contains("63 s after")), "{late:?}");
    assert_eq!(counted(90_000.0).critical().verdict(), LastRun::OomKillConfirmed);
}

#[test]
fn without_a_count_it_is_by_how_short_memory_was() {
    assert_eq!(run().verdict(), LastRun::Unknown);
    assert_eq!(run().critical().verdict(), LastRun::OomKillProbable);
    assert_eq!(Run { gave_up: true, ..run() }.verdict(), LastRun::OomKillProbable);
    for (used, verdict) in [(949, LastRun::Unknown), (950, LastRun::OomKillProbable)] {
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
    assert_eq!(cached.verdict(), LastRun::Unknown, "page cache is no shortage");
}

#[test]
fn a_full_budget_far_below_the_limit_is_no_reason_to_be_killed() {
    for (used, verdict) in [(499, LastRun::Unknown), (500, LastRun::OomKillProbable)] {
        let mut small = Run { gave_up: true, ..run().critical() };
        small.last.values.set(Field::UsageLow, Some(used));
        small.last.values.set(Field::Limit, Some(1000));
        let judgement = small.judge();
        assert_eq!(judgement.verdict, verdict, "{used} of 1000");
        assert!(judgement.evidence.iter().any(|e| e.finding.contains("critical")), "{judgement:?}");
        let spared = small.spared().judge();
        assert!(spared.summary.contains("memory was short"), "{spared:?}");
    }
}

#[test]
fn a_limit_of_its_own_kills_without_the_kernels_count() {
    let mut limited = run().critical().group(true, 0, KillsNow::Same(Some(0)));
    limited.last.values.set(Field::UsageLow, Some(100));
    limited.last.values.set(Field::Limit, Some(1000));
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
