//! What it takes to index a part: guessed from its size, and known once it was done.

use crate::corpus::Part;

/// Highest live bytes per byte of text while a part is indexed, before any was: the text twice, the terms and their
/// places, the finished files, and the growth of the buffers these are written to.
const GUESS_PER_BYTE: u64 = 5;
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

    /// Takes in what it was. Requested bytes come in pages: an eighth more.
    pub(crate) fn learn(&mut self, number: usize, peak_live_bytes: u64) {
        self.known[number] = Some(peak_live_bytes + peak_live_bytes / 8 + (1 << 20));
    }
}

/// For a part that was never indexed.
pub(crate) fn guess(text_bytes: u64) -> u64 {
    text_bytes * GUESS_PER_BYTE + FIXED
}
