//! `Writer`: puts what happens into the file, in writes that are whole or not at all.
//!
//! By `pwrite`, not through a map: a write is whole whenever the process is killed, what was written is the kernel's and
//! outlives the process, a file that somebody cuts short is an error and no SIGBUS, and nothing of it counts as resident.
//! In a loop it costs more (1.4 us against 0.01 us on ext4), after a writeback, which is how ticks find the file, it does
//! not: 4 us against 10 us. `benches/recorder.rs` measures it.

use super::format::{
    AREAS, Area, CACHES, CACHES_WELL, DOCUMENT_HEAD, END, EVENTS, GROUPS, IDENTITY, JUDGEMENT,
    LEAK, MOST_PARTS, NEWEST, POINTS, RingArea, SLOT, TEXT, TEXT_AT, TICKS, WELL, put, put_bytes,
    seal_document, seal_slot,
};
use super::identity::RecordedGroup;
use super::judgement::Judgement;
use super::moment::{Beat, MOMENT_BYTES, point_slot, write_moment};
use super::recording::EndKind;
use super::small::{CACHES_BYTES, Largest, write_end};
use crate::event::Event;
use crate::snapshot::Snapshot;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// The file, open for one process.
#[derive(Debug)]
pub(super) struct Pen {
    file: File,
    /// A forked child has the file too, and must not write into its parent's recording.
    pid: u32,
}

impl Pen {
    pub(super) fn new(file: File) -> Self {
        Pen { file, pid: std::process::id() }
    }

    /// Writes all of `bytes`, in one go as far as the system goes along. In a forked child: nothing.
    pub(super) fn write(&self, bytes: &[u8], at: usize) -> io::Result<()> {
        if self.pid != std::process::id() {
            return Ok(());
        }
        self.write_at(bytes, at as u64)
    }

    /// Lets go of the file. A forked child shares the lock, and leaves it to its parent.
    pub(super) fn unlock(&self) {
        if self.pid == std::process::id() {
            // Where the file system has no locks there is none to let go of.
            let _ = self.file.unlock();
        }
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, at)
    }

    #[cfg(not(unix))]
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    /// Writes a document of that generation.
    pub(super) fn document(&self, area: &Area, generation: u64, contents: &[u8]) -> io::Result<()> {
        let mut copy = vec![0; DOCUMENT_HEAD + contents.len()];
        put_bytes(&mut copy, DOCUMENT_HEAD, contents);
        if contents.len() > area.room() {
            let message = format!("{} bytes for {}: too many", contents.len(), area.name);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        seal_document(&mut copy, generation, contents.len());
        self.write(&copy, area.place(generation))
    }
}

/// A ring's next slot.
#[derive(Debug)]
struct Cursor {
    ring: RingArea,
    next: u64,
}

impl Cursor {
    const fn new(ring: RingArea) -> Self {
        Cursor { ring, next: 1 }
    }
}

/// The largest document that is written from memory that is there already.
const SCRATCH: usize = LEAK.capacity;

const _: () = assert!(CACHES_BYTES <= CACHES.room() && MOMENT_BYTES <= NEWEST.room());
const _: () = assert!(CACHES.capacity <= SCRATCH && NEWEST.capacity <= SCRATCH);

/// Writes one run's recording.
#[derive(Debug)]
pub(super) struct Writer {
    pen: Arc<Pen>,
    /// Of each document its own, so that its copies are written in turn.
    generations: [u64; AREAS],
    ticks: Cursor,
    points: Cursor,
    events: Cursor,
    events_written: u64,
    scratch: [u8; SCRATCH],
}

impl Writer {
    pub(super) fn new(pen: Arc<Pen>) -> Self {
        Writer {
            pen,
            // The exit hook's last word has generation 1.
            generations: [1; AREAS],
            ticks: Cursor::new(TICKS),
            points: Cursor::new(POINTS),
            events: Cursor::new(EVENTS),
            events_written: 0,
            scratch: [0; SCRATCH],
        }
    }

    /// Writes whose run it is, and the groups whose counts are followed.
    pub(super) fn identity(&mut self, identity: &impl Serialize) -> io::Result<()> {
        self.json(&IDENTITY, identity)
    }

    /// The last ones, which are the outermost, are left out where there is no room for all.
    pub(super) fn groups(&mut self, groups: &[RecordedGroup]) -> io::Result<()> {
        self.most(&GROUPS, groups.to_vec(), |groups| groups.pop().is_some())
    }

    /// The last of the evidence is left out where there is no room for all.
    pub(super) fn judgement(&mut self, judgement: &Judgement) -> io::Result<()> {
        self.most(&JUDGEMENT, judgement.clone(), |judgement| judgement.evidence.pop().is_some())
    }

    /// Writes what the leak tracker has seen. Allocates nothing of its own.
    pub(super) fn leak(&mut self, state: &impl Serialize) -> io::Result<()> {
        let (_, mut left) = self.scratch.split_at_mut(DOCUMENT_HEAD);
        let room = left.len();
        serde_json::to_writer(&mut left, state)?;
        let length = room - left.len();
        self.fill(&LEAK, |_| length)
    }

    pub(super) fn end(&mut self, wall_micros: u64, kind: EndKind) -> io::Result<()> {
        let generation = self.next_generation(&END);
        self.pen.document(&END, generation, &write_end(wall_micros, kind))
    }

    fn json(&mut self, area: &Area, value: &impl Serialize) -> io::Result<()> {
        let (generation, json) = (self.next_generation(area), serde_json::to_vec(value)?);
        self.pen.document(area, generation, &json)
    }

    /// Writes as much of it as there is room for: `shorten` says whether there was something to leave out.
    fn most<T: Serialize>(
        &mut self,
        area: &Area,
        mut value: T,
        shorten: impl Fn(&mut T) -> bool,
    ) -> io::Result<()> {
        while serde_json::to_vec(&value)?.len() > area.room() && shorten(&mut value) {}
        self.json(area, &value)
    }

    fn next_generation(&mut self, area: &Area) -> u64 {
        let mut last = self.generations.get_mut(area.index);
        last.iter_mut().for_each(|last| **last += 1);
        last.map_or(0, |last| *last)
    }

    /// Writes what every tick writes. Allocates nothing.
    pub(super) fn tick(&mut self, snapshot: &Snapshot, beat: &Beat) -> io::Result<()> {
        self.moment(&NEWEST, snapshot, beat)?;
        write_slot(&self.pen, &mut self.ticks, |number| point_slot(number, snapshot))
    }

    /// Writes a point of the long time line. Allocates nothing.
    pub(super) fn point(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        write_slot(&self.pen, &mut self.points, |number| point_slot(number, snapshot))
    }

    /// Writes a tick at which all was well. Allocates nothing.
    pub(super) fn well(&mut self, snapshot: &Snapshot, beat: &Beat) -> io::Result<()> {
        self.moment(&WELL, snapshot, beat)
    }

    /// Writes what caches say they hold, now or when all was well. Allocates nothing.
    pub(super) fn caches<'a>(
        &mut self,
        when_well: bool,
        lines: impl Iterator<Item = (&'a str, Option<u64>)>,
    ) -> io::Result<()> {
        let area = if when_well { CACHES_WELL } else { CACHES };
        let largest = Largest::of(lines);
        self.fill(&area, |contents| largest.write(contents))
    }

    fn moment(&mut self, area: &Area, snapshot: &Snapshot, beat: &Beat) -> io::Result<()> {
        self.fill(area, |contents| write_moment(contents, snapshot, beat))
    }

    /// Writes a document that `write` puts into memory that is there already.
    fn fill(&mut self, area: &Area, write: impl FnOnce(&mut [u8]) -> usize) -> io::Result<()> {
        let generation = self.next_generation(area);
        let (_, contents) = self.scratch.split_at_mut(DOCUMENT_HEAD);
        let length = write(contents);
        let copy = self.scratch.get_mut(..DOCUMENT_HEAD + length).unwrap_or_default();
        seal_document(copy, generation, length);
        self.pen.write(copy, area.place(generation))
    }

    /// Writes an event, the slots of a long one in one go, or two where the ring begins anew.
    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        let text = event_text(event);
        let slots = self.event_slots(text.as_bytes());
        let first = self.events.next;
        self.events.next += slots.len() as u64;
        self.events_written += 1;
        let at = EVENTS.place(first);
        let until_end = (EVENTS.offset + EVENTS.slots * SLOT - at) / SLOT;
        let (here, beginning) = slots.split_at_checked(until_end).unwrap_or((&slots, &[]));
        self.pen.write(here.as_flattened(), at)?;
        if beginning.is_empty() {
            return Ok(());
        }
        self.pen.write(beginning.as_flattened(), EVENTS.offset)
    }

    fn event_slots(&self, text: &[u8]) -> Vec<[u8; SLOT]> {
        let parts = text.chunks(TEXT).take(MOST_PARTS).collect::<Vec<_>>();
        let slot = |(part, chunk): (usize, &&[u8])| {
            let mut slot = [0; SLOT];
            put(&mut slot, 0, self.events.next + part as u64);
            put(&mut slot, 8, self.events_written);
            let numbers = [part, parts.len(), chunk.len()];
            for (place, number) in numbers.into_iter().enumerate() {
                let number = u16::try_from(number).unwrap_or(u16::MAX);
                put_bytes(&mut slot, 16 + place * 2, &number.to_le_bytes());
            }
            put_bytes(&mut slot, TEXT_AT, chunk);
            seal_slot(&mut slot);
            slot
        };
        parts.iter().enumerate().map(slot).collect()
    }
}

/// Takes the ring's next slot, whether or not it can be written.
fn write_slot(
    pen: &Pen,
    cursor: &mut Cursor,
    slot: impl FnOnce(u64) -> [u8; SLOT],
) -> io::Result<()> {
    let number = cursor.next;
    cursor.next += 1;
    pen.write(&slot(number), cursor.ring.place(number))
}

/// The event as logs have it; of one that is too long, the short values, and that it was cut.
fn event_text(event: &Event) -> String {
    let text = serde_json::to_string(event).unwrap_or_default();
    if text.len() <= MOST_PARTS * TEXT {
        return text;
    }
    let Ok(Value::Object(all)) = serde_json::from_str(&text) else { return String::new() };
    let is_short = |value: &Value| value.to_string().len() <= 200;
    let mut short: Map<_, _> = all.into_iter().filter(|(_, value)| is_short(value)).collect();
    short.insert("truncated".into(), true.into());
    Value::Object(short).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::format::{Found, document, number};
    use super::super::judgement::{Exhibit, LastRun};
    use super::super::place::take;
    use super::*;
    use crate::snapshot::Moment;
    use crate::source::Readings;
    use std::path::Path;
    use std::time::Duration;

    fn writer(path: &Path) -> Writer {
        let taken = take(path, |_, _| {}).expect("a file");
        Writer::new(Arc::new(Pen::new(taken.file)))
    }

    #[test]
    fn what_is_too_long_is_written_without_its_last() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let mut writer = writer(&path);
        let group = |inode| RecordedGroup {
            dir: "d".repeat(1000).into(),
            inode,
            is_own: inode == 0,
            is_deep: false,
            kills_at_start: None,
        };
        writer.groups(&(0..8).map(group).collect::<Vec<_>>()).expect("groups");
        let exhibit = Exhibit { finding: "f".repeat(1500), source: "s".into() };
        let (verdict, summary) = (LastRun::Unknown, "nothing is known".into());
        let judgement = Judgement { verdict, summary, evidence: vec![exhibit; 9], judged: 1.0 };
        writer.judgement(&judgement).expect("a judgement");
        let file = std::fs::read(path).expect("the file");
        let json = |area| match document(&file, area) {
            Found::Whole(_, json) => serde_json::from_slice::<Value>(json).expect("JSON"),
            other => panic!("{other:?}"),
        };
        let groups = json(&GROUPS);
        assert_eq!(groups.as_array().map(Vec::len), Some(3));
        assert_eq!(groups[0]["is_own"], true);
        let judgement = json(&JUDGEMENT);
        assert_eq!(judgement["verdict"], "unknown");
        assert_eq!(judgement["evidence"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn the_two_copies_of_a_document_are_written_in_turn() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("run");
        let mut writer = writer(&path);
        let snapshot = Snapshot::new(Moment::now(), Duration::ZERO, &Readings::default());
        let caches = || [("pages", Some(7))].into_iter();
        for ticks in 1..=5 {
            let beat = Beat { ticks, ..Beat::default() };
            writer.tick(&snapshot, &beat).expect("a tick");
            writer.caches(false, caches()).expect("caches");
            writer.well(&snapshot, &beat).expect("a well");
            writer.caches(true, caches()).expect("caches");
        }
        let mut file = std::fs::read(path).expect("the file");
        for area in [NEWEST, CACHES, WELL, CACHES_WELL] {
            let Found::Whole(newest, _) = document(&file, &area) else { panic!("{}", area.name) };
            file[area.place(newest) + DOCUMENT_HEAD] ^= 1;
            let Found::Rest(older, contents) = document(&file, &area) else {
                panic!("{}: no other copy", area.name)
            };
            assert_eq!(older, newest - 1, "{}", area.name);
            let ticks = (area == NEWEST || area == WELL).then(|| number(contents, 16));
            assert!(ticks.is_none_or(|ticks| ticks == Some(4)), "{}: {ticks:?}", area.name);
        }
    }
}
