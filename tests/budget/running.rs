//! A tree that changes while the monitor runs.

use plimsoll::{EventKind, Level, Meter, Monitor};
use std::path::Path;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// Waits until the monitor's budget is `bytes`.
#[track_caller]
pub(crate) fn wait_for_budget(monitor: &Monitor, bytes: u64) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while monitor.budget_bytes() != bytes {
        assert!(Instant::now() < give_up, "{}", monitor.budget_provenance());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn tree(limit: u64) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("proc/self/cgroup", "0::/app\n"),
        ("proc/self/mountinfo", "31 27 0:28 / /cg rw - cgroup2 cgroup2 rw\n"),
        ("cg/app/memory.max", &format!("{limit}\n")),
        ("cg/app/memory.current", "1000\n"),
        ("cg/other/memory.max", "536870912\n"),
        ("cg/other/memory.current", "2000\n"),
    ] {
        write(root.path(), path, text);
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// One story, since each change takes the monitor up to five seconds to see.
#[test]
fn a_changed_limit_changes_the_budget_and_everything_that_follows_from_it() {
    let root = tree(1024 * MIB);
    let monitor = Monitor::builder()
        .root(root.path())
        .meter(Meter::LiveBytes)
        .interval(Duration::from_millis(20))
        .start()
        .unwrap();
    let at_start = monitor.snapshot();
    assert_eq!(monitor.budget_bytes(), 1024 * MIB - 1024 * MIB / 10);
    let ballast = vec![0u8; 200 << 20];

    // Below the usage: no error but a level.
    write(root.path(), "cg/app/memory.max", &format!("{}\n", 256 * MIB));
    wait_for_budget(&monitor, 192 * MIB);
    let give_up = Instant::now() + Duration::from_secs(60);
    while monitor.level() != Level::Critical {
        assert!(Instant::now() < give_up, "the level is {}", monitor.level());
        std::thread::sleep(Duration::from_millis(5));
    }
    let lowered = monitor.snapshot();
    let (soft, hard) = (192 * MIB * 80 / 100, 192 * MIB * 98 / 100);
    let limits = lowered.metadata().map(|m| (m.soft_limit_bytes(), m.hard_limit_bytes()));
    let near = |found: Option<u64>, line: u64| found.unwrap().abs_diff(line) <= 1;
    assert!(limits.is_some_and(|(s, h)| near(s, soft) && near(h, hard)), "{limits:?}");
    assert_eq!(lowered.cgroup_limit_bytes(), Some(256 * MIB));
    assert_eq!(at_start.cgroup_limit_bytes(), Some(1024 * MIB));
    assert_ne!(at_start.metadata(), lowered.metadata(), "an old snapshot keeps its own");
    let words =
        "256.0 MiB, the control group's limit (/cg/app/memory.max), less 64.0 MiB in reserve";
    assert_eq!(monitor.budget_provenance(), words);

    // A name that was set stays, and so does the last limit of a file that is no more to be read.
    monitor.set_metadata("service", "search").unwrap();
    std::fs::remove_file(root.path().join("cg/app/memory.max")).unwrap();
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(monitor.budget_bytes(), 192 * MIB);

    // Moved to another group: limit and figures are that group's.
    write(root.path(), "proc/self/cgroup", "0::/other\n");
    wait_for_budget(&monitor, 448 * MIB);
    let moved = monitor.snapshot();
    assert_eq!(moved.cgroup_charged_bytes(), Some(2000));
    assert_eq!(moved.metadata().unwrap().user()["service"], "search");
    drop(ballast);

    let changes = monitor.events().into_iter().filter_map(|event| match event.kind {
        EventKind::BudgetChanged { old_bytes, new_bytes, budget_provenance, .. } => {
            Some((old_bytes, new_bytes, budget_provenance))
        }
        _ => None,
    });
    let changes: Vec<_> = changes.collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(changes[0], (1024 * MIB - 1024 * MIB / 10, 192 * MIB, words.to_owned()));
    assert_eq!((changes[1].0, changes[1].1), (192 * MIB, 448 * MIB));
}
