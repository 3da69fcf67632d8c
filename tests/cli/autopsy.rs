//! `autopsy` on what real processes leave behind: whole, cut, changed, of another kind, or nothing at all.

use crate::child::Served;
use crate::command::{Run, run};
use crate::support::eventually;
use std::fs;
use std::path::{Path, PathBuf};

/// A process that recorded its run, and was killed.
struct Dead {
    home: tempfile::TempDir,
    file: PathBuf,
}

impl Dead {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("run");
        let path = file.to_str().unwrap().to_owned();
        let served = Served::with(home.path(), &[("PLIMSOLL_RECORDER", &path)]);
        let has_ticked = || {
            (autopsy(home.path(), &file, &["--json"]).json()["last_seen"].is_f64()).then_some(())
        };
        eventually("a tick", has_ticked);
        served.kill();
        Dead { home, file }
    }

    fn autopsy(&self, file: &Path, arguments: &[&str]) -> Run {
        autopsy(self.home.path(), file, arguments)
    }

    fn beside(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn autopsy(home: &Path, file: &Path, arguments: &[&str]) -> Run {
    run(home, &[&["autopsy", file.to_str().unwrap()], arguments].concat())
}

#[test]
fn a_killed_process_is_told_of_in_words_as_json_and_as_a_page() {
    let dead = Dead::new();
    let text = dead.autopsy(&dead.file, &[]).well().out;
    assert!(text.starts_with("Killed, and not by the kernel"), "{text}");
    assert!(text.contains("last seen healthy") && text.contains("what grew"), "{text}");
    let json = dead.autopsy(&dead.file, &["--json"]).well().json();
    assert_eq!(json["verdict"], "killed_not_by_memory");
    assert_eq!(json["run"]["budget_bytes"], 256 << 20);
    assert!(!json["points"].as_array().unwrap().is_empty() && json["cause"].is_null(), "{json}");
    let page = dead.home.path().join("page.html");
    dead.autopsy(&dead.file, &["--html", page.to_str().unwrap()]).well();
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg"), "{page}");
}

#[test]
fn of_a_cut_file_is_shown_what_is_left_with_exit_code_1() {
    let dead = Dead::new();
    let whole = fs::read(&dead.file).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 100_000, 60_000] {
        let cut = dead.beside("cut", &whole[..length]);
        let told = dead.autopsy(&cut, &[]);
        assert_eq!(told.code, 1, "{length} bytes: {told:?}");
        assert!(told.out.contains("could not be read"), "{length} bytes: {told:?}");
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
        assert!(told.err.contains("cut") && told.err.contains(&length.to_string()), "{told:?}");
        let json = dead.autopsy(&cut, &["--json"]);
        assert_eq!((json.code, json.json()["damage"].is_array()), (1, true));
    }
}

#[test]
fn what_is_no_recording_is_refused_with_exit_code_2() {
    let dead = Dead::new();
    let text = dead.beside("text", b"a letter to somebody");
    let empty = dead.beside("empty", b"");
    let folder = dead.home.path().to_owned();
    for (file, words) in [
        (text, "text"),
        (empty, "empty"),
        (dead.home.path().join("nothing"), "nothing"),
        (folder, ""),
    ] {
        for arguments in [&[][..], &["--json"]] {
            let told = dead.autopsy(&file, arguments);
            assert_eq!((told.code, told.out.as_str()), (2, ""), "{told:?}");
            assert!(
                told.err.starts_with("plimsoll: ") && told.err.lines().count() == 1,
                "{told:?}"
            );
            assert!(told.err.contains(words), "{told:?}");
        }
    }
}

#[test]
fn changed_bytes_are_never_shown_as_figures_and_never_a_crash() {
    let dead = Dead::new();
    let whole = fs::read(&dead.file).unwrap();
    let mut random = fastrand::Rng::with_seed(606);
    for case in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..200) {
            let place = random.usize(..bytes.len());
            bytes[place] = random.u8(..);
        }
        let told = dead.autopsy(&dead.beside("changed", &bytes), &["--json"]);
        assert!(told.code <= 2 && told.err.lines().count() <= 1, "case {case}: {told:?}");
        assert_eq!(told.out.is_empty(), told.code == 2, "case {case}: {told:?}");
    }
}

#[test]
fn profiles_that_cannot_be_read_are_told_and_the_rest_is_shown() {
    let dead = Dead::new();
    let profiles = dead.home.path().join("run.profiles");
    fs::create_dir_all(&profiles).unwrap();
    let later = |seconds: u64| format!("9{seconds:015}.leak.7.raw.json");
    fs::write(profiles.join(later(1)), "{\"schema_version\": 1, ").unwrap();
    fs::write(profiles.join(later(2)), "[]").unwrap();
    let told = dead.autopsy(&dead.file, &["--json"]);
    assert_eq!(told.code, 1, "{told:?}");
    let damage = told.json()["damage"].to_string();
    assert!(damage.contains("run.profiles") && damage.contains("heap profile"), "{damage}");
    assert_eq!(told.json()["verdict"], "killed_not_by_memory");
}

#[test]
fn a_page_that_cannot_be_written_is_told() {
    let dead = Dead::new();
    let told = dead.autopsy(&dead.file, &["--html", "/no/such/place/page.html"]).complaint();
    assert!(told.contains("/no/such/place/page.html"), "{told}");
}
