//! A small kernel file that is read again and again through one descriptor, without allocating.

use std::fs::File;
use std::path::Path;

/// What is read at once: more than any of these files has, as a rule. A process in hundreds of groups has a longer
/// `status`, by one line.
const BUFFER: usize = 8 * 1024;

/// The most that is read of one file: the 65 536 groups that a process can be in fill less.
const MOST: u64 = 1024 * 1024;

/// An open file under `/proc` or `/sys/fs/cgroup`.
#[derive(Debug)]
pub(super) struct KernelFile(File);

impl KernelFile {
    /// `None` when it is not there or may not be read.
    pub(super) fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(KernelFile)
    }

    /// What `parse` makes of the file's text as it is now, up to the last line end in the first 8 KiB; `None` when it
    /// cannot be read.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&str) -> T) -> Option<T> {
        let mut buffer = [0; BUFFER];
        let length = self.read_at(&mut buffer, 0)?;
        let whole = if length == BUFFER { whole_lines(&buffer) } else { length };
        text(buffer.get_mut(..whole)?).map(parse)
    }

    /// The numbers after `keys` as they are now, as [`fields`], however long other lines are; `None` when the file cannot
    /// be read.
    ///
    /// The kernel gives the pieces of one text as long as they are read in order and by one thread.
    pub(super) fn fields<const N: usize>(&self, keys: [&str; N]) -> Option<[Option<u64>; N]> {
        let mut buffer = [0; BUFFER];
        let mut found = [None; N];
        // How much of the buffer is the beginning of a line whose end has not been read.
        let mut begun = 0;
        let mut offset = 0;
        while offset < MOST {
            let length = self.read_at(buffer.get_mut(begun..)?, offset)?;
            offset += u64::try_from(length).ok()?;
            let filled = begun + length;
            let at_end = length == 0;
            let whole = if at_end { filled } else { whole_lines(buffer.get(..filled)?) };
            find(text(buffer.get_mut(..whole)?)?, keys, &mut found);
            if at_end {
                break;
            }
            buffer.copy_within(whole..filled, 0);
            begun = filled - whole;
            if begun == BUFFER {
                // A line that the buffer cannot hold: what is left of it begins as no key does.
                buffer[0] = b'?';
                begun = 1;
            }
        }
        Some(found)
    }

    /// The number after `key`, as [`KernelFile::fields`].
    pub(super) fn field(&self, key: &str) -> Option<u64> {
        let [number] = self.fields([key])?;
        number
    }

    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset).ok()
    }

    #[cfg(not(unix))]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = &self.0;
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.read(buffer).ok()
    }
}

/// The length up to the last line end: a line cut in two would be read as another number.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

/// The kernel's own words are ASCII. Names that people gave need not be, and may be cut inside a character.
fn text(bytes: &mut [u8]) -> Option<&str> {
    bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    std::str::from_utf8(bytes).ok()
}

/// The numbers after `keys`, each at the start of a line: `key 123`, `key:   123 kB` (then in bytes). One pass.
#[cfg(test)]
pub(super) fn fields<const N: usize>(text: &str, keys: [&str; N]) -> [Option<u64>; N] {
    let mut found = [None; N];
    find(text, keys, &mut found);
    found
}

fn find<const N: usize>(text: &str, keys: [&str; N], found: &mut [Option<u64>; N]) {
    for line in text.lines() {
        let Some((key, rest)) = line.split_once([' ', ':', '\t']) else { continue };
        if let Some(place) =
            keys.iter().position(|wanted| *wanted == key).and_then(|i| found.get_mut(i))
        {
            *place = number(rest);
        }
    }
}

fn number(rest: &str) -> Option<u64> {
    let mut words = rest.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => number.checked_mul(1024),
        _ => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER, KernelFile, fields};
    use std::io::Write;

    fn field(text: &str, key: &str) -> Option<u64> {
        let [number] = fields(text, [key]);
        number
    }

    fn file(bytes: &[u8]) -> KernelFile {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(bytes).expect("room for it");
        KernelFile(file)
    }

    #[test]
    fn a_name_cut_inside_a_character_hides_nothing() {
        let status = file(b"Name:\tcaf\xc3\nVmRSS:\t  56 kB\n");
        assert_eq!(status.field("VmRSS"), Some(56 << 10));
        assert_eq!(status.read(|text| text.starts_with("Name:\tcaf?\n")), Some(true));
    }

    /// Wherever the buffer ends: before the number, in it, after it.
    #[test]
    fn a_number_is_never_cut_in_two() {
        for before in BUFFER - 30..BUFFER + 3 {
            let mut text = format!("Groups:\t{}", "1000000000 ".repeat(800));
            text.truncate(before - 1);
            text += "\nVmRSS:\t123456 kB\nThreads:\t7\n";
            let [rss, threads] =
                file(text.as_bytes()).fields(["VmRSS", "Threads"]).expect("fields");
            assert_eq!((rss, threads), (Some(123_456 << 10), Some(7)), "{before} bytes before it");
            let at_once = file(text.as_bytes()).read(|text| field(text, "VmRSS")).expect("a text");
            assert!([None, Some(123_456 << 10)].contains(&at_once), "{before}: {at_once:?}");
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_hides_nothing() {
        for groups in [700, 1000, 2000, 65_536] {
            let line = "VmRSS 1000000000 ".repeat(groups);
            let text = format!("Name:\tx\nGroups:\t{line}\nVmRSS:\t99 kB\nThreads:\t3");
            let fields = file(text.as_bytes()).fields(["VmRSS", "Threads"]);
            let beyond = text.len() as u64 > super::MOST;
            let expected = if beyond { [None; 2] } else { [Some(99 << 10), Some(3)] };
            assert_eq!(fields, Some(expected), "{groups} groups");
        }
        assert_eq!(file(b"").fields(["VmRSS"]), Some([None]));
        assert_eq!(file(b"").read(str::len), Some(0));
    }

    #[test]
    fn a_field_is_a_whole_key() {
        let text = "anon 12\nanon_thp 34\nVmRSS:\t   56 kB\nVmSwap:\t       0 kB\nbad x\nlast 7";
        assert_eq!(field(text, "anon"), Some(12));
        assert_eq!(field(text, "anon_thp"), Some(34));
        assert_eq!(field(text, "VmRSS"), Some(56 * 1024));
        assert_eq!(field(text, "VmSwap"), Some(0), "a zero is known");
        assert_eq!(field(text, "bad"), None, "what does not parse is unknown, not zero");
        assert_eq!(field(text, "VmRS"), None);
        assert_eq!(field("", "anon"), None);
        let both = fields(text, ["last", "anon"]);
        assert_eq!(both, [Some(7), Some(12)]);
        assert_eq!(field("huge 18446744073709551615 kB", "huge"), None);
    }
}
