//! What it takes to index a part: guessed from its size, and known once it was done.

use crate::corpus::Part;

/// Highest live bytes per byte of text while a part is indexed, before any was: the text twice, the terms and their
/// places, the finished files, and the growth of the buffers these are written to. Measured: 2 to 5.
const GUESS_PER_BYTE: u64 = 6;
/// Whatever the size: the writer starts with a dozen arenas of a megabyte each.
const FIXED: u64 = 12 << 20;

/// The needs of all parts.
pub(crate) struct Needs {
    known: Vec<Option<u64>>,
}

impl Needs {
    pub(crate) fn new(parts: usize) -> Self {
        Needs { known: vec![None; parts] }
    }

    /// Bytes that must be free before `part`, the `number`th, is indexed.
    pub(crate) fn of(&self, number: usize, part: &Part) -> u64 {
        let need = self.known.get(number).copied().flatten();
        need.unwrap_or_else(|| guess(part.bytes))
    }

    /// Takes in what it was.
    pub(crate) fn learn(&mut self, number: usize, peak_live_bytes: u64) {
        self.known[number] = Some(in_pages(peak_live_bytes));
    }
}

/// For a part that was never indexed.
pub(crate) fn guess(text_bytes: u64) -> u64 {
    in_pages(text_bytes * GUESS_PER_BYTE + FIXED)
}

/// What is asked for byte by byte is had in pages: an eighth more.
fn in_pages(bytes: u64) -> u64 {
    bytes + bytes / 8
}
