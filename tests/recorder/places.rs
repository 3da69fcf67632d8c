//! Files that cannot be had, or are somebody's already: a clear error, or another file; nothing else is harmed.

use super::harness::cases;
use super::roles::{Actor, monitor, wait_for_ticks};
use plimsoll::{LastRun, Recording};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

cases![
    a_full_disk_is_an_error_at_the_start,
    a_directory_that_is_read_only,
    a_file_size_limit_is_an_error_and_no_signal,
    two_processes_on_one_path,
    a_forked_child_writes_nothing,
    what_is_no_recording_is_left_alone,
    a_file_cut_short_while_it_is_written_harms_nobody,
    a_start_that_fails_leaves_the_run_before_where_it_is,
    a_monitor_that_is_started_again_in_the_same_process,
    a_monitor_that_was_stopped_and_is_held_on_to,
    a_single_file_that_is_mounted,
];

/// A small file system in memory, unmounted at the end; `None` where it may not be mounted.
struct Tmpfs(tempfile::TempDir);

fn c(text: &[u8]) -> CString {
    CString::new(text).unwrap()
}

impl Tmpfs {
    fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (name, target) = (c(b"tmpfs"), c(dir.path().as_os_str().as_bytes()));
        let options = c(options.as_bytes());
        // SAFETY: all four texts live until it returns.
        let mounted = unsafe {
            libc::mount(name.as_ptr(), target.as_ptr(), name.as_ptr(), 0, options.as_ptr().cast())
        };
        if mounted != 0 {
            println!("no file system was filled: {}", std::io::Error::last_os_error());
            return None;
        }
        Some(Tmpfs(dir))
    }

    fn make_read_only(&self) {
        let target = c(self.0.path().as_os_str().as_bytes());
        let flags = libc::MS_REMOUNT | libc::MS_RDONLY;
        let none = std::ptr::null();
        // SAFETY: the text lives until it returns; the other arguments are not looked at.
        let result = unsafe { libc::mount(none, target.as_ptr(), none, flags, none.cast()) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }
}

/// One file mounted over another, as containers have them.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn over(file: &Path, path: &Path) -> Option<Self> {
        let (from, to) = (c(file.as_os_str().as_bytes()), c(path.as_os_str().as_bytes()));
        let none = std::ptr::null();
        // SAFETY: both texts live until it returns; the other arguments are not looked at.
        let result =
            unsafe { libc::mount(from.as_ptr(), to.as_ptr(), none, libc::MS_BIND, none.cast()) };
        if result != 0 {
            println!("no file was mounted: {}", std::io::Error::last_os_error());
            return None;
        }
        Some(Mounted(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let target = c(self.0.as_os_str().as_bytes());
        // SAFETY: the text lives until it returns.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let target = c(self.0.path().as_os_str().as_bytes());
        // SAFETY: the text lives until it returns.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

fn refusal(path: &Path) -> String {
    let error = monitor(path).expect_err("a refusal");
    assert_eq!(error.category(), "monitoring_error");
    let error = error.to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    error
}

fn a_full_disk_is_an_error_at_the_start() {
    let Some(disk) = Tmpfs::mount("size=700k") else { return };
    let path = disk.0.path().join("run");
    let error = refusal(&path);
    assert!(error.contains("reserving its space") && error.contains("space left"), "{error}");
    assert!(!path.exists(), "nothing is left of it");
}

fn a_directory_that_is_read_only() {
    let Some(disk) = Tmpfs::mount("size=4m") else { return };
    disk.make_read_only();
    let error = refusal(&disk.0.path().join("run"));
    assert!(error.contains("Read-only file system"), "{error}");
}

fn a_file_size_limit_is_an_error_and_no_signal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut command = Command::new(std::env::current_exe().unwrap());
    let limit = || {
        let half = libc::rlimit { rlim_cur: 512 << 10, rlim_max: 512 << 10 };
        // SAFETY: the limit lives until it returns.
        match unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const half) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes one system call.
    unsafe { command.pre_exec(limit) };
    let (status, said) = Actor::start_by(command, "run", &path).end();
    assert_eq!(status.code(), Some(2), "{status}: {said}");
    assert!(said.contains("RLIMIT_FSIZE is 524288 bytes"), "{said}");
    assert!(!path.exists());
}

fn two_processes_on_one_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let first = Actor::start("run", &path).ready();
    let second = Actor::start("run", &path).ready();
    let beside = dir.path().join("run.1");
    let (a, b) = (Recording::open(&path).unwrap(), Recording::open(&beside).unwrap());
    assert_eq!((a.run.pid, b.run.pid), (first.0.id(), second.0.id()));
    let said = |recording: &Recording| {
        recording.events.iter().any(|e| {
            e.event_type == "error"
                && e.json["error_message"].as_str().unwrap().contains("another process records")
        })
    };
    assert!(said(&b) && !said(&a));
    second.kill();
    assert_eq!(Recording::open(&path).unwrap().judgement.verdict, LastRun::Running);
    assert_eq!(Recording::open(&beside).unwrap().judgement.verdict, LastRun::KilledNotByMemory);
    first.kill();
}

fn a_forked_child_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let actor = Actor::start("fork", &path).ready();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.judgement.verdict, LastRun::Running, "{:?}", recording.judgement);
    assert!(recording.end.is_none(), "the child's exit is not the parent's");
    assert!(recording.events.iter().all(|event| event.event_type != "settings_changed"));
    actor.kill();
    assert_eq!(Recording::open(&path).unwrap().judgement.verdict, LastRun::KilledNotByMemory);
}

fn what_is_no_recording_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    std::fs::write(&path, "not a recording").unwrap();
    assert!(refusal(&path).contains("left alone"));
    assert_eq!(std::fs::read(&path).unwrap(), b"not a recording");
    assert!(refusal(dir.path()).contains("no regular file"));
    let error = Recording::open(&path).err().unwrap().to_string();
    assert!(error.contains("precious") && error.contains("no recording"), "{error}");
    let error = Recording::open(dir.path().join("nothing")).err().unwrap().to_string();
    assert!(error.contains("nothing") && error.contains("No such file"), "{error}");
}

/// With a map it would be killed by SIGBUS.
fn a_file_cut_short_while_it_is_written_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let monitor = monitor(&path).unwrap();
    wait_for_ticks(&monitor, 3);
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let ticks = monitor.metrics().profiler.total_snapshots_taken;
    wait_for_ticks(&monitor, ticks + 20);
    drop(monitor);
    let error = Recording::open(&path).expect_err("its beginning is gone").to_string();
    assert!(error.contains("PLIMREC"), "{error}");
    // What is left cannot be read: the next run says so, keeps it, and begins anew.
    let next = super::roles::monitor(&path).unwrap();
    let errors: Vec<_> = next.events().iter().map(plimsoll::event_json).collect();
    assert!(errors.iter().any(|e| e.contains("the run before cannot be read")), "{errors:?}");
    assert!(Recording::previous(&path).exists());
    assert_eq!(Recording::open(&path).unwrap().judgement.verdict, LastRun::Running);
}

fn a_start_that_fails_leaves_the_run_before_where_it_is() {
    let Some(disk) = Tmpfs::mount("size=1500k") else { return };
    let path = disk.0.path().join("run");
    drop(monitor(&path).unwrap());
    let before = std::fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(error.contains("space left"), "{error}");
    let after = Recording::open(&path).unwrap();
    assert_eq!(after.judgement.verdict, LastRun::Clean);
    assert_eq!(std::fs::read(&path).unwrap()[..73_728], before[..73_728]);
    assert!(!Recording::previous(&path).exists());
}

fn a_monitor_that_is_started_again_in_the_same_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    for round in 0..3 {
        let monitor = monitor(&path).unwrap();
        let previous = monitor.status().previous_run.map(|run| run.judgement.verdict);
        assert_eq!(previous, (round > 0).then_some(LastRun::Clean), "round {round}");
    }
}

/// It lives on without its monitor, and the next one is no other process.
fn a_monitor_that_was_stopped_and_is_held_on_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let first = monitor(&path).unwrap();
    let handle = first.handle();
    wait_for_ticks(&first, 3);
    first.stop();
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.judgement.verdict, LastRun::Clean, "{:?}", recording.judgement);
    let before = std::fs::read(&path).unwrap();
    let second = monitor(&path).unwrap();
    let previous = second.status().previous_run.map(|run| run.judgement.verdict);
    assert_eq!(previous, Some(LastRun::Clean));
    assert!(!dir.path().join("run.1").exists());
    // What is still said to the first is nowhere written.
    let _ = handle.configure([("warning_at", "70")]);
    let kept = std::fs::read(Recording::previous(&path)).unwrap();
    assert_eq!(kept[..73_728], before[..73_728], "but for the judgement");
    assert_eq!(kept[81_920..], before[81_920..]);
    drop(second);
}

fn a_single_file_that_is_mounted() {
    let dir = tempfile::tempdir().unwrap();
    let (path, outside) = (dir.path().join("run"), dir.path().join("outside"));
    std::fs::write(&path, "").unwrap();
    std::fs::write(&outside, "").unwrap();
    let Some(_mounted) = Mounted::over(&outside, &path) else { return };
    for round in 0..3 {
        let monitor = monitor(&path).unwrap();
        let previous = monitor.status().previous_run.map(|run| run.judgement.verdict);
        assert_eq!(previous, (round > 0).then_some(LastRun::Clean), "round {round}");
        wait_for_ticks(&monitor, 3);
        drop(monitor);
        assert_eq!(Recording::open(&outside).unwrap().judgement.verdict, LastRun::Clean);
    }
    let kept = Recording::open(Recording::previous(&path)).unwrap();
    assert_eq!(kept.judgement.verdict, LastRun::Clean);
    assert!(kept.damage.is_empty(), "{:?}", kept.damage);
    assert!(!dir.path().join("run.new").exists());
}
