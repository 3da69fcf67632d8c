//! A small kernel file that is read again and again through one descriptor, without allocating.

use std::fs::File;
use std::path::Path;

/// The most that is read of one file. `memory.stat` is the longest, with some 2 KiB.
const BUFFER: usize = 8 * 1024;

/// An open file under `/proc` or `/sys/fs/cgroup`.
#[derive(Debug)]
pub(super) struct KernelFile(File);

impl KernelFile {
    /// `None` when it is not there or may not be read.
    pub(super) fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(KernelFile)
    }

    /// What `parse` makes of the file's text as it is now; `None` when it cannot be read.
    pub(super) fn read<T>(&self, parse: impl FnOnce(&str) -> T) -> Option<T> {
        let mut buffer = [0; BUFFER];
        let length = self.read_at_start(&mut buffer)?;
        // A line that is cut off at the end of the buffer is dropped by the parsers: it has no line end.
        std::str::from_utf8(buffer.get(..length)?).ok().map(parse)
    }

    #[cfg(unix)]
    fn read_at_start(&self, buffer: &mut [u8]) -> Option<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, 0).ok()
    }

    #[cfg(not(unix))]
    fn read_at_start(&self, buffer: &mut [u8]) -> Option<usize> {
        use std::io::{Read, Seek};
        let mut file = &self.0;
        file.rewind().ok()?;
        file.read(buffer).ok()
    }
}

/// The numbers after `keys`, each at the start of a line: `key 123`, `key:   123 kB` (then in bytes). One pass.
pub(super) fn fields<const N: usize>(text: &str, keys: [&str; N]) -> [Option<u64>; N] {
    let mut found = [None; N];
    for line in text.lines() {
        let Some((key, rest)) = line.split_once([' ', ':', '\t']) else { continue };
        if let Some(place) =
            keys.iter().position(|wanted| *wanted == key).and_then(|i| found.get_mut(i))
        {
            *place = number(rest);
        }
    }
    found
}

/// The number after `key`, as [`fields`].
pub(super) fn field(text: &str, key: &str) -> Option<u64> {
    let [number] = fields(text, [key]);
    number
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
    use super::{field, fields};

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
