//! Reads a file's bytes, whatever they are: what is whole is told, what is not is named. Never panics, and allocates by no
//! length that it has not held against the file's own.

use super::format::{
    Area, CACHES, CACHES_WELL, END, EVENTS, FILE_BYTES, Found, GROUPS, IDENTITY, JUDGEMENT, LEAK,
    MAGIC, MOST_PARTS, NEWEST, PANIC, POINTS, RingArea, SLOT, TEXT, TEXT_AT, TICKS, VERSION, WELL,
    document, is_whole, number, number16, number32,
};
use super::identity::{Identity, RecordedGroup};
use super::judgement::Judgement;
use super::moment::{ReadMoment, read_moment, read_point};
use super::recording::{RecordedEnd, RecordedEvent, RecordedPanic, TimePoint};
use super::small::{read_caches, read_end, read_panic};
use crate::ledger::CacheLine;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::io::{self, Read, Seek, SeekFrom};

/// All that a file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) identity: Identity,
    pub(super) groups: Vec<RecordedGroup>,
    pub(super) newest: Option<ReadMoment>,
    /// Whether something is there, or the file is cut off before it, and it cannot be read.
    pub(super) newest_lost: bool,
    pub(super) well: Option<ReadMoment>,
    pub(super) caches: Vec<CacheLine>,
    pub(super) caches_when_well: Vec<CacheLine>,
    pub(super) end: Option<RecordedEnd>,
    /// The same of the end.
    pub(super) end_lost: bool,
    pub(super) panic: Option<RecordedPanic>,
    pub(super) leak: Option<Vec<u8>>,
    pub(super) judgement: Option<Judgement>,
    pub(super) time_line: Vec<TimePoint>,
    pub(super) events: Vec<RecordedEvent>,
    pub(super) damage: Vec<String>,
}

/// The bytes of a file, as many as a recording has at most.
pub(super) fn bytes_of(mut file: &std::fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    file.seek(SeekFrom::Start(0))?;
    file.take(FILE_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads them.
///
/// # Errors
/// Where they are no recording, or one of another version.
pub(super) fn read(bytes: &[u8]) -> io::Result<Contents> {
    check_head(bytes)?;
    let mut damage = Vec::new();
    if bytes.len() < FILE_BYTES {
        damage.push(format!("the file is cut off after {} of {FILE_BYTES} bytes", bytes.len()));
    }
    let mut from = Source { bytes, damage };
    let identity: Identity = from.json(&IDENTITY).unwrap_or_else(|| from.no_identity());
    let names = identity.figures.as_slice();
    let mut contents = Contents {
        groups: from.json(&GROUPS).unwrap_or_default(),
        newest: from.parsed(&NEWEST, |bytes| read_moment(bytes, names)),
        well: from.parsed(&WELL, |bytes| read_moment(bytes, names)),
        caches: from.parsed(&CACHES, |bytes| Some(read_caches(bytes))).unwrap_or_default(),
        caches_when_well: from
            .parsed(&CACHES_WELL, |bytes| Some(read_caches(bytes)))
            .unwrap_or_default(),
        end: from.parsed(&END, read_end),
        panic: from.parsed(&PANIC, read_panic),
        leak: from.parsed(&LEAK, |bytes| Some(bytes.to_vec())),
        judgement: from.json(&JUDGEMENT),
        time_line: from.time_line(),
        events: from.events(),
        identity,
        newest_lost: false,
        end_lost: false,
        damage: from.damage,
    };
    let is_there = |area| document(bytes, area) != Found::Nothing;
    contents.newest_lost = contents.newest.is_none() && is_there(&NEWEST);
    contents.end_lost = contents.end.is_none() && is_there(&END);
    Ok(contents)
}

fn check_head(bytes: &[u8]) -> io::Result<()> {
    let invalid = |message: String| Err(io::Error::new(io::ErrorKind::InvalidData, message));
    if bytes.is_empty() {
        return invalid("the file is empty".into());
    }
    if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
        return invalid("it is no recording: it does not begin with PLIMREC".into());
    }
    match number32(bytes, 8) {
        Some(VERSION) => Ok(()),
        Some(version) => {
            invalid(format!("its format has version {version}: this reads version {VERSION}"))
        }
        None => invalid("it is cut off within its first bytes".into()),
    }
}

/// Bytes that are read, and what was found to be wrong with them.
struct Source<'a> {
    bytes: &'a [u8],
    damage: Vec<String>,
}

impl<'a> Source<'a> {
    /// The contents of a document that was written and is whole.
    fn document(&mut self, area: &Area) -> Option<&'a [u8]> {
        match document(self.bytes, area) {
            Found::Whole(_, contents) => Some(contents),
            Found::Rest(_, contents) => {
                self.damage.push(format!("{}: one of its two copies is damaged", area.name));
                Some(contents)
            }
            Found::Nothing => None,
            Found::Damaged => {
                self.damage.push(format!("{}: damaged", area.name));
                None
            }
        }
    }

    fn parsed<T>(&mut self, area: &Area, parse: impl FnOnce(&'a [u8]) -> Option<T>) -> Option<T> {
        let parsed = parse(self.document(area)?);
        if parsed.is_none() {
            self.damage.push(format!("{}: does not say what it should", area.name));
        }
        parsed
    }

    fn json<T: DeserializeOwned>(&mut self, area: &Area) -> Option<T> {
        match serde_json::from_slice(self.document(area)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.damage.push(format!("{}: {error}", area.name));
                None
            }
        }
    }

    /// Where it was never written, the run ended while it began.
    fn no_identity(&mut self) -> Identity {
        if self.damage.is_empty() {
            self.damage.push("identity: never written".into());
        }
        Identity::default()
    }

    /// The whole slots of a ring, oldest first. Others are counted: never written, or not as they were written.
    fn slots(&mut self, ring: &RingArea) -> Vec<(u64, &'a [u8; SLOT])> {
        let all = self.bytes.get(ring.offset..).unwrap_or_default();
        let (all, _) = all.as_chunks::<SLOT>();
        let mut whole = Vec::new();
        let mut damaged = 0usize;
        for (index, slot) in all.iter().take(ring.slots).enumerate() {
            let number = number(slot, 0).unwrap_or(0);
            let is_here = number > 0 && ring.place(number) == ring.offset + index * SLOT;
            if is_here && is_whole(slot) {
                whole.push((number, slot));
            } else if *slot != [0; SLOT] {
                damaged += 1;
            }
        }
        if damaged > 0 {
            self.damage.push(format!("{}: {damaged} of {} slots damaged", ring.name, ring.slots));
        }
        whole.sort_unstable_by_key(|(number, _)| *number);
        whole
    }

    /// Both rings as one; a tick that is in both, once.
    fn time_line(&mut self) -> Vec<TimePoint> {
        let mut slots = self.slots(&POINTS);
        slots.extend(self.slots(&TICKS));
        let mut points: Vec<_> = slots.iter().filter_map(|(_, slot)| read_point(slot)).collect();
        points.sort_by(|a, b| a.uptime_seconds.total_cmp(&b.uptime_seconds));
        points.dedup();
        points
    }

    /// Those that are there from the first slot to the last; of one whose beginning was overwritten, nothing.
    fn events(&mut self) -> Vec<RecordedEvent> {
        let slots = self.slots(&EVENTS);
        let parts: Vec<_> =
            slots.iter().filter_map(|(number, slot)| Part::of(*number, slot)).collect();
        let mut events = Vec::new();
        let mut rest = parts.as_slice();
        while let Some(first) = rest.first() {
            let length = first.run(rest);
            let (run, behind) = rest.split_at(length.max(1));
            if length == usize::from(first.parts) && first.part == 0 {
                events.extend(event(run));
            }
            rest = behind;
        }
        events
    }
}

/// A slot of an event.
struct Part<'a> {
    number: u64,
    event: u64,
    part: u16,
    parts: u16,
    text: &'a [u8],
}

impl<'a> Part<'a> {
    fn of(number: u64, slot: &'a [u8; SLOT]) -> Option<Self> {
        let (part, parts) = (number16(slot, 16)?, number16(slot, 18)?);
        let length = usize::from(number16(slot, 20)?);
        let is_sound = part < parts && usize::from(parts) <= MOST_PARTS && length <= TEXT;
        let text = slot.get(TEXT_AT..TEXT_AT + length).filter(|_| is_sound)?;
        Some(Part { number, event: self::number(slot, 8)?, part, parts, text })
    }

    /// How many of the first of `parts` belong to the same event, one after the other from this one.
    fn run(&self, parts: &[Part<'_>]) -> usize {
        let is_next = |(offset, other): &(usize, &Part<'_>)| {
            let offset = *offset as u64;
            other.event == self.event
                && other.parts == self.parts
                && other.number == self.number.wrapping_add(offset)
                && u64::from(other.part) == u64::from(self.part) + offset
        };
        parts.iter().enumerate().take_while(is_next).count()
    }
}

fn event(parts: &[Part<'_>]) -> Option<RecordedEvent> {
    let text: Vec<u8> = parts.iter().flat_map(|part| part.text).copied().collect();
    let json: Map<String, Value> = serde_json::from_slice(&text).ok()?;
    let event_type = json.get("event_type")?.as_str()?.to_owned();
    let timestamp = json.get("timestamp")?.as_f64()?;
    Some(RecordedEvent { sequence: parts.first()?.event, timestamp, event_type, json })
}
