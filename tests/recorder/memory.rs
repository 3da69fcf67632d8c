//! A real end for want of memory: a control group, its limit, and the kernel.

use super::group::Group;
use super::harness::cases;
use super::roles::{Actor, monitor};
use plimsoll::{LastRun, Recording};
use std::os::unix::process::ExitStatusExt;

cases![the_kernels_kill_is_confirmed_by_its_own_count, a_kill_in_a_group_that_is_gone_is_probable];

/// What is left of a process that grew in a group of 48 MiB; `None` where no group can be made.
fn grown(path: &std::path::Path) -> Option<Group> {
    let group = Group::make("recorder", 48 << 20)
        .inspect_err(|refusal| println!("no kill was looked for: {refusal}"))
        .ok()?;
    let command = group.command(&std::env::current_exe().unwrap());
    let (status, _) = Actor::start_by(command, "grow", path).end();
    assert_eq!(status.signal(), Some(9), "{status}");
    assert_eq!(group.oom_kills(), Some(1));
    Some(group)
}

fn the_kernels_kill_is_confirmed_by_its_own_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let Some(_group) = grown(&path) else { return };
    let recording = Recording::open(&path).unwrap();
    let judgement = &recording.judgement;
    assert_eq!(judgement.verdict, LastRun::OomKillConfirmed, "{judgement:?}");
    let count = judgement.evidence.iter().find(|exhibit| exhibit.source.contains("oom_kill in "));
    assert!(count.unwrap().finding.contains("killed 1 in its control group"), "{judgement:?}");
    assert!(recording.damage.is_empty(), "{:?}", recording.damage);
    // Its successor, which is in another group, comes to the same, and says so everywhere.
    let next = monitor(&path).unwrap();
    let status = serde_json::to_value(next.status()).unwrap();
    assert_eq!(status["previous_run"]["verdict"], "oom_kill_confirmed");
    #[cfg(feature = "prometheus")]
    assert!(
        next.prometheus(plimsoll::Exposition::text()).contains("\nplimsoll_previous_run_oom 1\n")
    );
}

/// As in a container: the next start finds no count to compare, but the last tick shows that memory was short.
fn a_kill_in_a_group_that_is_gone_is_probable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let Some(group) = grown(&path) else { return };
    drop(group);
    let recording = Recording::open(&path).unwrap();
    let judgement = &recording.judgement;
    assert_eq!(judgement.verdict, LastRun::OomKillProbable, "{judgement:?}");
    let findings = judgement.evidence.iter().map(|exhibit| exhibit.finding.as_str());
    let findings = findings.collect::<Vec<_>>().join("; ");
    assert!(findings.contains("group is gone") && findings.contains("% of"), "{findings}");
}
