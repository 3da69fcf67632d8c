//! The GNU build id of the running program: what tells it from every other build of its name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Program headers that are looked at, and bytes of notes.
const MOST_HEADERS: u16 = 64;
const MOST_NOTES: u64 = 4096;

/// A note's type for the build id, and the type of a segment of notes.
const NT_GNU_BUILD_ID: u32 = 3;
const PT_NOTE: u32 = 4;

/// In hexadecimal digits; `None` where the program has none, or is no ELF file of 64 bits, little-endian.
pub(crate) fn build_id() -> Option<String> {
    of_file(&mut File::open("/proc/self/exe").ok()?)
}

fn of_file(file: &mut File) -> Option<String> {
    let head = bytes(file, 0, 64)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (offset, size) = (u64_at(&head, 32)?, u64::from(u16_at(&head, 54)?));
    let count = u16_at(&head, 56)?.min(MOST_HEADERS);
    (0..u64::from(count)).find_map(|index| {
        let header = bytes(file, offset.checked_add(index * size)?, 56)?;
        let is_note = u32_at(&header, 0)? == PT_NOTE;
        let length = u64_at(&header, 32)?.min(MOST_NOTES);
        of_notes(&bytes(file, u64_at(&header, 8).filter(|_| is_note)?, length)?)
    })
}

/// Name length, contents length, type; then both, each filled up to four bytes.
fn of_notes(mut notes: &[u8]) -> Option<String> {
    loop {
        let length = |at| u32_at(notes, at).and_then(|n| usize::try_from(n).ok());
        let (name, contents, kind) = (length(0)?, length(4)?, u32_at(notes, 8)?);
        let contents_at = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
        let end = contents_at.checked_add(contents)?;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            let id = notes.get(contents_at..end)?;
            return Some(id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = notes.get(end.checked_next_multiple_of(4)?..)?;
    }
}

fn bytes(file: &mut File, at: u64, length: u64) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_behind_other_notes() {
        let note = |name: &[u8], kind: u32, contents: &[u8]| {
            let lengths = [name.len() as u32, contents.len() as u32, kind];
            let mut note: Vec<u8> = lengths.iter().flat_map(|n| n.to_le_bytes()).collect();
            for part in [name, contents] {
                note.extend(part);
                note.resize(note.len().next_multiple_of(4), 0);
            }
            note
        };
        let mut notes = note(b"GNU\0", 1, &[1, 2, 3, 4, 5]);
        notes.extend(note(b"longer\0", 3, &[9]));
        assert_eq!(of_notes(&notes), None);
        notes.extend(note(b"GNU\0", 3, &[0xab, 0x01]));
        assert_eq!(of_notes(&notes).as_deref(), Some("ab01"));
        for length in 0..notes.len() - 2 {
            assert_eq!(of_notes(&notes[..length]), None, "cut off after {length} bytes");
        }
        assert_eq!(of_notes(&[255; 100]), None);
    }

    /// As the system's own tool reads it, where there is one.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_own_id_is_that_of_the_tools() {
        let own = std::env::current_exe().expect("this program");
        let Ok(output) = std::process::Command::new("readelf").arg("-n").arg(own).output() else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let theirs = text.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
        assert_eq!(build_id().as_deref(), theirs);
    }
}
