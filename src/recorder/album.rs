//! Heap profiles beside the recording: taken when the bytes that no cache explains reach a new high, when nobody is left to
//! ask for memory, when a leak is suspected; on a thread of its own. The first, the latest and the largest are kept.

use super::place::{private, profiles_of, refused};
use super::recording::{ProfileKind, RecordedProfile};
use super::stored::{UNFINISHED, file_name};
use crate::counters::use_reserve;
use crate::error::Error;
use crate::level::Level;
use crate::profile::{HeapProfile, HeapProfiler, is_naming};
use crate::snapshot::Snapshot;
use parking_lot::{Condvar, Mutex};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A new high is this many percent above the one before.
const RISE_PERCENT: u64 = 5;

/// The high comes down after this time to what there is then, so that a lower one of later is kept too. Up it only goes with
/// a profile: however slow a leak is, it comes to one.
const FORGET: Duration = Duration::from_secs(3600);

/// Time between two profiles, however fast the heap grows.
const PAUSE: Duration = Duration::from_secs(2);

/// What looking up names may take, to be had below the budget; else the profile is kept with addresses.
const ROOM_FOR_NAMES: u64 = 128 << 20;

/// The most bytes of one profile, and the sites that are left of a larger one.
const MOST_BYTES: usize = 4 << 20;
const MOST_SITES: usize = 256;

/// How long a stop waits for a profile that is being written.
const PATIENCE: Duration = Duration::from_secs(2);

impl RecordedProfile {
    /// Reads it.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than one that is kept, or is no profile.
    pub fn read(&self) -> Result<HeapProfile, Error> {
        read(&self.path).map_err(|error| refused(&self.path, "reading a profile", error))
    }
}

/// One that is larger is cut off, and then no profile.
fn read(path: &Path) -> io::Result<HeapProfile> {
    let mut json = Vec::new();
    File::open(path)?.take(MOST_BYTES as u64).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// What a tick saw.
#[derive(Clone, Copy, Debug)]
struct Sight {
    wall_micros: u64,
    unexplained: u64,
    has_room: bool,
}

impl Sight {
    /// `None` where nothing is counted.
    fn of(snapshot: &Snapshot) -> Option<Self> {
        let unexplained =
            snapshot.live_bytes()?.saturating_sub(snapshot.caches_bytes().unwrap_or(0));
        let left = snapshot.budget_bytes().zip(snapshot.usage_bytes());
        let has_room =
            left.is_some_and(|(budget, used)| budget.saturating_sub(used) >= ROOM_FOR_NAMES);
        let is_calm = snapshot.level() <= Level::Caution;
        Some(Sight {
            wall_micros: snapshot.wall_micros,
            unexplained,
            has_room: has_room && is_calm,
        })
    }
}

/// When a profile is due. Pure.
#[derive(Debug, Default)]
struct Marks {
    high: Option<u64>,
    high_since: Option<Instant>,
    taken: Option<Instant>,
    last: Option<Sight>,
}

impl Marks {
    fn due(&mut self, sight: Sight, now: Instant) -> Option<ProfileKind> {
        self.last = Some(sight);
        let Some(high) = self.high else {
            self.note(sight, now);
            return Some(ProfileKind::First);
        };
        let is_old = |since: Instant| now.saturating_duration_since(since) >= FORGET;
        if self.high_since.is_some_and(is_old) {
            (self.high, self.high_since) = (Some(high.min(sight.unexplained)), Some(now));
            return None;
        }
        let wanted = high.saturating_add(high.div_ceil(100 / RISE_PERCENT));
        let is_higher = sight.unexplained > high && sight.unexplained >= wanted;
        let is_soon = self.taken.is_some_and(|at| now.saturating_duration_since(at) < PAUSE);
        if !is_higher || is_soon {
            return None;
        }
        self.note(sight, now);
        Some(ProfileKind::HighWater)
    }

    fn note(&mut self, sight: Sight, now: Instant) {
        (self.high, self.high_since, self.taken) = (Some(sight.unexplained), Some(now), Some(now));
    }
}

#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: Option<(ProfileKind, Sight)>,
    is_busy: bool,
    is_closed: bool,
    complaint: Option<io::Error>,
}

/// The profiles of one recording.
#[derive(Debug)]
pub(super) struct Album {
    dir: PathBuf,
    marks: Mutex<Marks>,
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Album {
    pub(super) fn new(recording: &Path) -> Self {
        let (marks, desk, thread) = Default::default();
        Album { dir: profiles_of(recording), marks, desk, thread }
    }

    /// Has a profile taken when one is due. Allocates nothing while none is.
    pub(super) fn look(&self, snapshot: &Snapshot, now: Instant) {
        // What is taken for a profile, here or by somebody who asks, is no high of the program's.
        let is_ours = self.desk.state.lock().is_busy || is_naming();
        if is_ours || !HeapProfiler::is_running() {
            return;
        }
        let Some(sight) = Sight::of(snapshot) else { return };
        let due = self.marks.lock().due(sight, now);
        if let Some(kind) = due {
            self.want(kind, sight);
        }
    }

    /// Has one taken when an event is worth it.
    pub(super) fn event(&self, event_type: &str) {
        let kind = match event_type {
            "gave_up" => ProfileKind::GaveUp,
            "leak_suspected" | "leak_confirmed" => ProfileKind::Leak,
            _ => return,
        };
        let last = self.marks.lock().last;
        if let Some(sight) = last.filter(|_| HeapProfiler::is_running()) {
            self.want(kind, sight);
        }
    }

    fn want(&self, kind: ProfileKind, sight: Sight) {
        let mut state = self.desk.state.lock();
        // Of two that wait, the event's: a high is followed by the next.
        let waits = state.wanted.as_ref().map(|(kind, _)| *kind);
        if waits.is_none_or(|waiting| waiting == ProfileKind::HighWater) {
            state.wanted = Some((kind, sight));
        }
        drop(state);
        if let Err(error) = self.call() {
            self.desk.state.lock().complaint = Some(error);
        }
    }

    /// The thread is started with the first.
    fn call(&self) -> io::Result<()> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let (desk, dir) = (self.desk.clone(), self.dir.clone());
            let work = move || work(&desk, &dir);
            *thread = Some(Builder::new().name("plimsoll-album".into()).spawn(work)?);
        }
        self.desk.called.notify_all();
        Ok(())
    }

    /// What went wrong since somebody last asked.
    pub(super) fn complaint(&self) -> Option<(PathBuf, io::Error)> {
        let error = self.desk.state.lock().complaint.take()?;
        Some((self.dir.clone(), error))
    }

    /// Ends the thread: what it is at is waited for, in bounded time.
    pub(super) fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        let give_up = Instant::now() + PATIENCE;
        let mut state = self.desk.state.lock();
        state.is_closed = true;
        self.desk.called.notify_all();
        while state.is_busy || state.wanted.is_some() {
            if self.desk.called.wait_until(&mut state, give_up).timed_out() {
                return;
            }
        }
        drop(state);
        // It has nothing left to do, and panics nowhere.
        let _ = thread.join();
    }
}

fn work(desk: &Desk, dir: &Path) {
    use_reserve();
    let mut stored = Vec::new();
    while let Some((kind, sight)) = next(desk) {
        let kept = keep(dir, kind, sight, &mut stored);
        let mut state = desk.state.lock();
        state.is_busy = false;
        state.complaint = kept.err().or(state.complaint.take());
        drop(state);
        desk.called.notify_all();
    }
}

fn next(desk: &Desk) -> Option<(ProfileKind, Sight)> {
    let mut state = desk.state.lock();
    loop {
        if let Some(wanted) = state.wanted.take() {
            state.is_busy = true;
            return Some(wanted);
        }
        if state.is_closed {
            return None;
        }
        desk.called.wait(&mut state);
    }
}

/// Takes a profile and writes it; only when it is safe, those go that it replaces. `stored` has those of this run, the newest
/// first, whatever the clock said: what else lies there is left to whoever wrote it.
fn keep(
    dir: &Path,
    kind: ProfileKind,
    sight: Sight,
    stored: &mut Vec<RecordedProfile>,
) -> io::Result<()> {
    let profile = HeapProfiler::read();
    let profile = if sight.has_room { profile.with_symbols() } else { profile };
    let symbolized = profile.has_symbols;
    let path = dir.join(file_name(sight.wall_micros, kind, sight.unexplained, symbolized));
    let json = bounded(profile, sight.has_room)?;
    make_dir(dir)?;
    write(&dir.join(UNFINISHED), &path, &json)?;
    let (timestamp, unexplained_bytes) = (sight.wall_micros as f64 / 1e6, sight.unexplained);
    stored.insert(0, RecordedProfile { path, kind, timestamp, unexplained_bytes, symbolized });
    remove_unwanted(stored);
    Ok(())
}

/// For its owner's eyes, as the recording.
fn write(fresh: &Path, path: &Path, json: &[u8]) -> io::Result<()> {
    // A file that is there keeps its mode.
    let _ = std::fs::remove_file(fresh);
    let mut options = OpenOptions::new();
    private(&mut options);
    let mut file = options.write(true).create_new(true).open(fresh)?;
    file.write_all(json)?;
    file.sync_data()?;
    std::fs::rename(fresh, path)
}

fn remove_unwanted(stored: &mut Vec<RecordedProfile>) {
    let kept: Vec<_> = worth_keeping(stored).into_iter().map(Path::to_owned).collect();
    stored.retain(|profile| {
        let is_kept = kept.contains(&profile.path);
        if !is_kept {
            let _ = std::fs::remove_file(&profile.path);
        }
        is_kept
    });
}

/// As much of it as a file may have; where there is no room for a large one, never more than its largest sites.
fn bounded(mut profile: HeapProfile, has_room: bool) -> io::Result<Vec<u8>> {
    if has_room {
        let json = serde_json::to_vec(&profile)?;
        if json.len() <= MOST_BYTES {
            return Ok(json);
        }
    }
    keep_largest(&mut profile);
    let json = serde_json::to_vec(&profile)?;
    if json.len() <= MOST_BYTES {
        return Ok(json);
    }
    let message = format!("a profile of {} bytes: {MOST_BYTES} are kept at most", json.len());
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

/// The sites come largest first.
fn keep_largest(profile: &mut HeapProfile) {
    profile.sites.truncate(MOST_SITES);
    let mut is_used = vec![false; profile.locations.len()];
    for index in profile.sites.iter().flat_map(|site| &site.stack) {
        is_used.get_mut(*index as usize).into_iter().for_each(|used| *used = true);
    }
    // They keep their places, which sites name.
    let unused = profile.locations.iter_mut().zip(is_used).filter(|(_, is_used)| !is_used);
    unused.for_each(|(location, _)| location.functions.clear());
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// The first, the latest, the largest, and the latest of each event: five at most. `stored` has the newest first.
fn worth_keeping(stored: &[RecordedProfile]) -> Vec<&Path> {
    let latest = |kind| stored.iter().find(|profile| profile.kind == kind);
    let first = stored.iter().rfind(|profile| profile.kind == ProfileKind::First);
    let largest = stored.iter().max_by_key(|profile| profile.unexplained_bytes);
    let kept =
        [stored.first(), largest, first, latest(ProfileKind::GaveUp), latest(ProfileKind::Leak)];
    kept.into_iter().flatten().map(|profile| profile.path.as_path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(unexplained: u64) -> Sight {
        Sight { wall_micros: 0, unexplained, has_room: true }
    }

    #[test]
    fn a_profile_is_due_at_a_new_high_and_not_too_often() {
        let mut marks = Marks::default();
        let start = Instant::now();
        let mut at = |seconds, bytes| marks.due(sight(bytes), start + Duration::from_secs(seconds));
        assert_eq!(at(0, 1000), Some(ProfileKind::First));
        assert_eq!(at(10, 1049), None);
        assert_eq!(at(20, 1050), Some(ProfileKind::HighWater));
        assert_eq!(at(21, 5000), None, "too soon");
        assert_eq!(at(22, 5000), Some(ProfileKind::HighWater));
        assert_eq!(at(3600, 400), None);
        assert_eq!(at(3622, 400), None, "an hour later the high is forgotten");
        assert_eq!(at(3700, 420), Some(ProfileKind::HighWater));
    }

    #[test]
    fn nothing_is_a_high_that_is_not_higher() {
        let mut marks = Marks::default();
        let start = Instant::now();
        let mut at = |seconds, bytes| marks.due(sight(bytes), start + Duration::from_secs(seconds));
        assert_eq!(at(0, 0), Some(ProfileKind::First));
        assert_eq!(at(10, 0), None);
        assert_eq!(at(20, 1), Some(ProfileKind::HighWater));
        assert_eq!(at(30, u64::MAX), Some(ProfileKind::HighWater));
        assert_eq!(at(40, u64::MAX), None);
    }

    /// By less than a new high takes, between one forgetting and the next.
    #[test]
    fn a_slow_leak_comes_to_a_profile() {
        let mut marks = Marks::default();
        let start = Instant::now();
        let mut at = |half_hours: u32| {
            let bytes = 1000 + 10 * u64::from(half_hours);
            marks.due(sight(bytes), start + FORGET / 2 * half_hours)
        };
        assert_eq!(at(0), Some(ProfileKind::First));
        let due: Vec<_> = (1..=10).map(|half_hours| (half_hours, at(half_hours))).collect();
        let due: Vec<_> = due.into_iter().filter(|(_, due)| due.is_some()).collect();
        assert_eq!(due, [(5, Some(ProfileKind::HighWater))], "at 1050 bytes");
    }

    /// With a clock that was set back, and with what another run has left.
    #[test]
    fn the_new_one_is_kept_and_what_is_not_of_this_run_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let other = dir.path().join(file_name(99_000_000, ProfileKind::First, 70, false));
        std::fs::write(&other, "{}").expect("a file");
        let mut stored = Vec::new();
        for (wall_micros, unexplained) in [(9_000_000, 50), (8_000_000, 40), (7_000_000, 30)] {
            let sight = Sight { wall_micros, unexplained, has_room: false };
            let kind = if stored.is_empty() { ProfileKind::First } else { ProfileKind::HighWater };
            keep(dir.path(), kind, sight, &mut stored).expect("a profile");
        }
        let times: Vec<_> = stored.iter().map(|profile| profile.timestamp).collect();
        assert_eq!(times, [7.0, 9.0]);
        assert!(stored.iter().all(|profile| profile.path.exists()) && other.exists());
        assert_eq!(std::fs::read_dir(dir.path()).expect("it").count(), 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let data = stored[0].path.metadata().expect("the file");
            assert_eq!(data.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn five_are_worth_keeping() {
        let profile = |seconds: u32, kind, unexplained_bytes| RecordedProfile {
            path: format!("{seconds}").into(),
            kind,
            timestamp: f64::from(seconds),
            unexplained_bytes,
            symbolized: false,
        };
        let stored = [
            profile(9, ProfileKind::HighWater, 50),
            profile(8, ProfileKind::Leak, 40),
            profile(7, ProfileKind::Leak, 41),
            profile(6, ProfileKind::HighWater, 90),
            profile(5, ProfileKind::GaveUp, 20),
            profile(4, ProfileKind::HighWater, 30),
            profile(1, ProfileKind::First, 10),
        ];
        let kept = worth_keeping(&stored);
        assert_eq!(kept, ["9", "6", "1", "5", "8"].map(Path::new));
        assert!(worth_keeping(&[]).is_empty());
    }
}
