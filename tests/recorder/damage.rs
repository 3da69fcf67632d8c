//! Files that are cut short or changed, thousands of them from a seed: what is told of them was written, and nothing else.

use super::harness::cases;
use super::roles::{monitor, recording_of, wait_for_ticks};
use plimsoll::{LastRun, Recording};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

cases![
    changed_bits_are_found_out,
    a_file_that_is_cut_short_tells_what_is_left,
    a_file_of_anything_is_refused_or_read,
    a_clean_run_is_never_said_to_be_killed,
    a_pipe_is_refused_and_not_waited_for,
];

/// Of each kind, or a part of it.
const DAMAGES: u64 = 600;

/// `PLIMSOLL_DAMAGE_SEED` wants others than the usual ones.
fn random(own: u64) -> fastrand::Rng {
    let seed = std::env::var("PLIMSOLL_DAMAGE_SEED").ok().and_then(|text| text.parse().ok());
    fastrand::Rng::with_seed(own + 10 * seed.unwrap_or(0))
}

/// A recording with something in all its parts.
fn recorded(dir: &Path) -> (PathBuf, Recording) {
    let path = dir.join("run");
    let first = monitor(&path).unwrap();
    first.register("pages", |_: u64| 0).unwrap();
    let _ = std::thread::spawn(|| panic!("on purpose")).join();
    for percent in 60..79 {
        first.configure([("warning_at", percent.to_string())]).unwrap();
    }
    let ticks = first.metrics().profiler.total_snapshots_taken;
    wait_for_ticks(&first, ticks + 40);
    drop(first);
    drop(monitor(&path).unwrap());
    let path = Recording::previous(path);
    let whole = Recording::open(&path).unwrap();
    assert!(whole.damage.is_empty() && whole.events.len() > 20, "{}", whole.events.len());
    (path, whole)
}

/// Everything that is told was told of the whole file.
fn assert_nothing_is_made_up(damaged: &Recording, whole: &Recording, what: &str) {
    assert!(damaged.events.iter().all(|event| whole.events.contains(event)), "{what}");
    assert!(damaged.time_line.iter().all(|point| whole.time_line.contains(point)), "{what}");
    assert!(damaged.end.is_none() || damaged.end == whole.end, "{what}");
    assert!(damaged.panic.is_none() || damaged.panic == whole.panic, "{what}");
    let documents = [&damaged.judgement.summary, &damaged.run.name];
    assert!(documents.iter().all(|text| text.len() < 4096), "{what}");
    serde_json::to_string(damaged).unwrap();
}

fn bytes(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn changed_bits_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = recorded(dir.path());
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let before = bytes(&file);
    let used: Vec<_> = (0..before.len()).filter(|at| before[*at] != 0).collect();
    let mut random = random(6);
    let mut refused = 0;
    for case in 0..DAMAGES {
        let mut places = Vec::new();
        for _ in 0..random.usize(1..6) {
            // Half of them where something is.
            let at = if random.bool() {
                used[random.usize(..used.len())]
            } else {
                random.usize(..before.len())
            };
            let length = if random.u8(..4) == 0 { random.usize(1..200) } else { 1 };
            places.extend(at..(at + length).min(before.len()));
        }
        for at in &places {
            file.write_all_at(&[random.u8(..)], *at as u64).unwrap();
        }
        match Recording::open(&path) {
            Ok(damaged) => assert_nothing_is_made_up(&damaged, &whole, &format!("case {case}")),
            Err(error) => {
                assert!(error.to_string().contains("run.previous"), "{error}");
                refused += 1;
            }
        }
        for at in places {
            file.write_all_at(&before[at..=at], at as u64).unwrap();
        }
    }
    assert!(refused * 4 < DAMAGES, "{refused} refused: only its head makes it unreadable");
    let again = Recording::open(&path).unwrap();
    assert_eq!(again.events, whole.events);
}

fn a_file_that_is_cut_short_tells_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (path, whole) = recorded(dir.path());
    let before = std::fs::read(&path).unwrap();
    let cut = dir.path().join("cut");
    let mut random = random(7);
    for case in 0..DAMAGES / 4 {
        let length = if case < 64 { case as usize * 3 } else { random.usize(..before.len()) };
        std::fs::write(&cut, &before[..length]).unwrap();
        match Recording::open(&cut) {
            Ok(damaged) => {
                assert!(damaged.damage[0].contains(&format!("after {length} of")), "{length}");
                assert_nothing_is_made_up(&damaged, &whole, &format!("{length} bytes"));
            }
            Err(error) => assert!(length < 12, "{length} bytes: {error}"),
        }
    }
}

fn a_file_of_anything_is_refused_or_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anything");
    let mut random = random(8);
    for case in 0..DAMAGES / 6 {
        let mut bytes: Vec<u8> = (0..random.usize(..2_000_000)).map(|_| random.u8(..)).collect();
        if case % 2 == 0 && bytes.len() > 12 {
            bytes[..12].copy_from_slice(b"PLIMREC\n\x01\0\0\0");
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(read) = Recording::open(&path) {
            assert!(read.events.is_empty() && read.time_line.is_empty(), "case {case}");
            assert!(!read.damage.is_empty(), "case {case}");
            serde_json::to_string(&read).unwrap();
        }
    }
    for version in [0u32, 2, 77] {
        let mut bytes = b"PLIMREC\n".to_vec();
        bytes.extend(version.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let error = Recording::open(&path).err().unwrap().to_string();
        assert!(error.contains(&format!("version {version}")), "{error}");
    }
}

/// Nor to have panicked, by a panic that a thread of it survived a moment before its end.
fn a_clean_run_is_never_said_to_be_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, damaged) = (dir.path().join("run"), dir.path().join("damaged"));
    let (_, whole) = recording_of("stop_after_a_panic", &path);
    assert_eq!(whole.judgement.verdict, LastRun::Clean, "{:?}", whole.judgement);
    assert!(whole.panic.is_some());
    let before = std::fs::read(&path).unwrap();
    let mut seen = Vec::new();
    let mut judge = |bytes: &[u8], what: &str| {
        std::fs::write(&damaged, bytes).unwrap();
        let Ok(recording) = Recording::open(&damaged) else { return };
        let judgement = recording.judgement;
        let is_fair = [LastRun::Clean, LastRun::Unknown].contains(&judgement.verdict);
        assert!(is_fair, "{what}: {judgement:?}");
        seen.push(judgement.verdict);
    };
    for length in (512..90_000).step_by(512).chain((90_000..before.len()).step_by(65_536)) {
        judge(&before[..length], &format!("cut after {length}"));
    }
    let mut random = random(9);
    let documents = (0..82_000).filter(|at| before[*at] != 0);
    // Every byte of its end, and some of the others.
    let places = documents.filter(|at| (53_248..55_296).contains(at) || random.u8(..8) == 0);
    for at in places.collect::<Vec<_>>() {
        let mut bytes = before.clone();
        bytes[at] ^= 1 << random.u8(..8);
        judge(&bytes, &format!("byte {at} changed"));
    }
    assert!(seen.contains(&LastRun::Clean) && seen.contains(&LastRun::Unknown));
}

fn pipe(path: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends with a zero, and lives on.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
}

/// Where it was waited for, the case runs out of its time.
fn a_pipe_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    pipe(&path);
    let error = Recording::open(&path).err().unwrap().to_string();
    assert!(error.contains("no regular file"), "{error}");
    #[cfg(feature = "profile")]
    {
        let path = dir.path().join("run");
        drop(monitor(&path).unwrap());
        let profiles = dir.path().join("run.profiles");
        std::fs::create_dir_all(&profiles).unwrap();
        pipe(&profiles.join("9000000000000001.leak.7.raw.json"));
        let damage = plimsoll::Autopsy::read(&path).unwrap().damage.join("; ");
        assert!(damage.contains("no regular file"), "{damage}");
    }
}
