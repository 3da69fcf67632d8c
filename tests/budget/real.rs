//! The kernel's own control groups: a child process in a group with a limit, which is lowered while it runs.

use plimsoll::{Basis, Monitor};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const MIB: u64 = 1 << 20;
const CHILD: &str = "BUDGET_TEST_CHILD";

/// A control group of our own below this process's, removed when it goes.
struct Group {
    dir: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `Err` says why this machine does not allow it.
    fn make() -> Result<Self, String> {
        let (parent, limit) = memory_group().ok_or("no memory control group is mounted")?;
        let dir = parent.join(format!("plimsoll-budget-{}", std::process::id()));
        std::fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let group = Group { dir, limit };
        group.set_limit(256 * MIB)?;
        Ok(group)
    }

    fn set_limit(&self, bytes: u64) -> Result<(), String> {
        let file = self.dir.join(self.limit);
        std::fs::write(&file, bytes.to_string())
            .map_err(|error| format!("{}: {error}", file.display()))
    }

    fn admit(&self, child: &Child) -> Result<(), String> {
        std::fs::write(self.dir.join("cgroup.procs"), child.id().to_string())
            .map_err(|error| format!("moving a process into {}: {error}", self.dir.display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group whose process has just ended is busy for a moment.
        let removed = (0..500).any(|_| {
            let removed = std::fs::remove_dir(&self.dir).is_ok();
            if !removed {
                std::thread::sleep(Duration::from_millis(10));
            }
            removed
        });
        if !removed && !std::thread::panicking() {
            panic!("{} cannot be removed", self.dir.display());
        }
    }
}

/// This process's group, by the plainest reading there is (v1 at its usual place, or v2), and its limit file.
fn memory_group() -> Option<(PathBuf, &'static str)> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path =
        |line: &str| line.rsplit_once(':').map(|(_, path)| path.trim_start_matches('/').to_owned());
    let v1 = groups.lines().find(|line| line.contains(":memory:")).and_then(path);
    let v2 = groups.lines().find(|line| line.starts_with("0::")).and_then(path);
    let v1 =
        v1.map(|path| (Path::new("/sys/fs/cgroup/memory").join(path), "memory.limit_in_bytes"));
    let v2 = v2.map(|path| (Path::new("/sys/fs/cgroup").join(path), "memory.max"));
    [v1, v2].into_iter().flatten().find(|(dir, limit)| dir.join(limit).exists())
}

/// What the child does: it waits until it has been moved, starts a monitor, and says its budget whenever it is asked.
#[test]
#[ignore = "the child of the test below"]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut lines = std::io::stdin().lines();
    lines.next();
    let monitor = Monitor::builder().interval(Duration::from_millis(50)).start().unwrap();
    say(&monitor);
    for wanted in lines {
        let wanted = wanted.unwrap().parse().unwrap();
        super::running::wait_for_budget(&monitor, wanted);
        say(&monitor);
    }
}

/// One line: budget, limit as the snapshot has it, what is charged, basis, and the words.
fn say(monitor: &Monitor) {
    let snapshot = monitor.snapshot();
    let line = format!(
        "budget|{}|{}|{}|{}|{}\n",
        monitor.budget_bytes(),
        snapshot.cgroup_limit_bytes().unwrap_or(0),
        snapshot.cgroup_charged_bytes().unwrap_or(0),
        monitor.budget_basis().as_str(),
        monitor.budget_provenance()
    );
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

fn start_child() -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "real::child", "--ignored", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn tell(child: &mut Child, line: &str) {
    child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The next line that the child says: budget, limit, charge, basis, words.
fn hear(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Vec<String> {
    let said = lines.map(Result::unwrap).find(|line| line.contains("budget|"));
    let said = said.unwrap();
    let (_, fields) = said.split_once("budget|").unwrap();
    fields.split('|').map(str::to_owned).collect()
}

#[test]
fn a_real_groups_limit_is_found_and_followed() {
    let mut child = start_child();
    let group = match Group::make().and_then(|group| group.admit(&child).map(|()| group)) {
        Ok(group) => group,
        Err(reason) => {
            child.kill().unwrap();
            child.wait().unwrap();
            std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes()).unwrap();
            return;
        }
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tell(&mut child, "go");
        let first = hear(&mut lines);
        assert_found(&first, 256 * MIB);
        group.set_limit(128 * MIB).unwrap();
        tell(&mut child, &(96 * MIB).to_string());
        let second = hear(&mut lines);
        assert_found(&second, 128 * MIB);
    }));
    // The end of its input is the end of the child.
    drop(child.stdin.take());
    if result.is_err() {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    drop(group);
    result.unwrap();
}

fn assert_found(said: &[String], limit: u64) {
    let [budget, found, charged, basis, words] = said else { panic!("{said:?}") };
    assert_eq!(budget.parse::<u64>().unwrap(), limit - limit / 4);
    assert_eq!(found.parse::<u64>().unwrap(), limit);
    let charged: u64 = charged.parse().unwrap();
    assert!(charged > 0 && charged <= limit, "{charged} bytes charged");
    assert_eq!(basis, Basis::Group.as_str());
    assert!(words.contains("the control group's limit (/sys/fs/cgroup/"), "{words}");
    assert!(words.contains(&format!("plimsoll-budget-{}", std::process::id())), "{words}");
}
