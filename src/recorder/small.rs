//! The small documents as bytes: what caches hold, how it ended, the last panic.

use super::format::{UNKNOWN, known, number, put, put_bytes};
use super::recording::{EndKind, RecordedEnd, RecordedPanic};
use crate::ledger::CacheLine;

/// Caches that are kept: the largest.
pub(super) const MOST_LINES: usize = 32;

/// A name has 64 bytes at most.
const LONGEST_NAME: usize = 64;

/// The most bytes of the document: for each its size, the length of its name, its name.
pub(super) const CACHES_BYTES: usize = MOST_LINES * (9 + LONGEST_NAME);

/// The largest caches of all that come by. Allocates nothing.
pub(super) struct Largest<'a>([Option<(Option<u64>, &'a str)>; MOST_LINES]);

impl<'a> Largest<'a> {
    pub(super) fn of(lines: impl Iterator<Item = (&'a str, Option<u64>)>) -> Self {
        let mut largest = [None; MOST_LINES];
        for (name, usage) in lines {
            insert(&mut largest, (usage, name));
        }
        Largest(largest)
    }

    /// Writes the contents of the document; returns their length.
    pub(super) fn write(&self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        for (usage, name) in self.0.iter().flatten() {
            let name = name.as_bytes().get(..name.len().min(LONGEST_NAME)).unwrap_or_default();
            put(bytes, at, usage.unwrap_or(UNKNOWN));
            put_bytes(bytes, at + 8, &[u8::try_from(name.len()).unwrap_or(0)]);
            put_bytes(bytes, at + 9, name);
            at += 9 + name.len();
        }
        at
    }
}

/// Keeps the list sorted, the largest first; what falls off its end is gone.
fn insert<'a>(largest: &mut [Option<(Option<u64>, &'a str)>], line: (Option<u64>, &'a str)) {
    let mut line = Some(line);
    for place in largest {
        if place.is_none_or(|(usage, _)| line.is_some_and(|(ours, _)| ours > usage)) {
            std::mem::swap(place, &mut line);
        }
    }
}

/// What the document says.
pub(super) fn read_caches(mut bytes: &[u8]) -> Vec<CacheLine> {
    let mut lines = Vec::new();
    while let Some((line, rest)) = read_cache(bytes) {
        lines.push(line);
        bytes = rest;
    }
    lines
}

fn read_cache(bytes: &[u8]) -> Option<(CacheLine, &[u8])> {
    let length = usize::from(*bytes.get(8)?);
    let name = String::from_utf8_lossy(bytes.get(9..9 + length)?).into_owned();
    Some((CacheLine { name, reported_bytes: known(bytes, 0) }, bytes.get(9 + length..)?))
}

/// The ends there are, by their numbers in the file.
const ENDS: [EndKind; 3] = [EndKind::Stopped, EndKind::Exited, EndKind::Unwound];

pub(super) const END_BYTES: usize = 16;

pub(super) fn write_end(wall_micros: u64, kind: EndKind) -> [u8; END_BYTES] {
    let mut bytes = [0; END_BYTES];
    put(&mut bytes, 0, wall_micros);
    put(&mut bytes, 8, ENDS.iter().position(|end| *end == kind).map_or(UNKNOWN, |at| at as u64));
    bytes
}

pub(super) fn read_end(bytes: &[u8]) -> Option<RecordedEnd> {
    let kind = *ENDS.get(usize::try_from(number(bytes, 8)?).ok()?)?;
    Some(RecordedEnd { timestamp: number(bytes, 0)? as f64 / 1e6, kind })
}

/// Before the thread's name and the message.
const PANIC_HEAD: usize = 32;

/// The bytes of a panic with the longest name and message.
pub(super) const PANIC_BYTES: usize = 900;

/// A panic as the hook sees it, in memory of its own: whatever has gone wrong, nothing is allocated.
pub(super) struct PanicText {
    bytes: [u8; PANIC_BYTES],
    length: usize,
    /// Where the message begins.
    message_at: usize,
}

impl PanicText {
    pub(super) fn new(wall_micros: u64, count: u64, is_main: bool, thread: Option<&str>) -> Self {
        let mut text = PanicText { bytes: [0; PANIC_BYTES], length: PANIC_HEAD, message_at: 0 };
        put(&mut text.bytes, 0, wall_micros);
        put(&mut text.bytes, 8, count);
        put(&mut text.bytes, 16, u64::from(is_main));
        if let Some(thread) = thread {
            // Of a name that is very long, the beginning.
            text.append(thread.get(..thread.floor_char_boundary(128)).unwrap_or_default());
        }
        text.message_at = text.length;
        let name_length = thread.map_or(UNKNOWN, |_| (text.length - PANIC_HEAD) as u64);
        put(&mut text.bytes, 24, name_length);
        text
    }

    fn append(&mut self, more: &str) {
        let room = PANIC_BYTES - self.length;
        let fits = more.get(..more.floor_char_boundary(room)).unwrap_or_default();
        put_bytes(&mut self.bytes, self.length, fits.as_bytes());
        self.length += fits.len();
    }

    pub(super) fn contents(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl std::fmt::Write for PanicText {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        self.append(more);
        Ok(())
    }
}

pub(super) fn read_panic(bytes: &[u8]) -> Option<RecordedPanic> {
    let text = bytes.get(PANIC_HEAD..)?;
    let name_length = known(bytes, 24).and_then(|length| usize::try_from(length).ok());
    let (name, message) = text.split_at_checked(name_length.unwrap_or(0))?;
    let words = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some(RecordedPanic {
        timestamp: number(bytes, 0)? as f64 / 1e6,
        thread: name_length.map(|_| words(name)),
        is_main: number(bytes, 16)? == 1,
        message: words(message),
        count: number(bytes, 8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn the_largest_caches_are_kept() {
        let names: Vec<_> = (0..100).map(|n| format!("cache {n}")).collect();
        let lines = names.iter().enumerate();
        let lines = lines.map(|(n, name)| (name.as_str(), (n % 2 == 0).then_some(n as u64)));
        let mut bytes = [0; CACHES_BYTES];
        let length = Largest::of(lines).write(&mut bytes);
        let read = read_caches(&bytes[..length]);
        assert_eq!(read.len(), MOST_LINES);
        assert_eq!((read[0].name.as_str(), read[0].reported_bytes), ("cache 98", Some(98)));
        assert_eq!(read[31].reported_bytes, Some(36));
    }

    #[test]
    fn a_cache_that_does_not_say_is_kept_where_there_is_room() {
        let mut bytes = [0; CACHES_BYTES];
        let lines = [("silent", None), ("x".repeat(64).leak(), Some(0))];
        let length = Largest::of(lines.into_iter()).write(&mut bytes);
        let read = read_caches(&bytes[..length]);
        assert_eq!(read[0].reported_bytes, Some(0));
        assert_eq!((read[1].name.as_str(), read[1].reported_bytes), ("silent", None));
        assert_eq!(read_caches(&bytes[..length - 1]).len(), 1, "cut off");
    }

    #[test]
    fn a_panic_comes_back_cut_where_it_is_too_long() {
        let mut text = PanicText::new(5_000_000, 3, true, Some("main"));
        write!(text, "boom at {}", "src/x.rs:1".to_owned()).expect("never fails");
        let read = read_panic(text.contents()).expect("a panic");
        assert_eq!((read.timestamp, read.count, read.is_main), (5.0, 3, true));
        assert_eq!(
            (read.thread.as_deref(), read.message.as_str()),
            (Some("main"), "boom at src/x.rs:1")
        );
        let mut text = PanicText::new(0, 1, false, None);
        write!(text, "{}", "ä".repeat(5000)).expect("never fails");
        let read = read_panic(text.contents()).expect("a panic");
        assert!(read.thread.is_none() && read.message.chars().all(|c| c == 'ä'));
    }

    #[test]
    fn an_end_comes_back() {
        for kind in ENDS {
            let read = read_end(&write_end(7_000_000, kind)).expect("an end");
            assert_eq!((read.timestamp, read.kind), (7.0, kind));
        }
        assert_eq!(read_end(&[255; 16]), None);
    }
}
