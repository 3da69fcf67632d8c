//! The file's format, version 1: where everything lies, and how each piece shows that it is whole.
//!
//! ```text
//! offset     bytes       what
//! 0          4 096       head: magic, version, length of the file
//! 4 096      2 x 8 192   identity: JSON, written once: whose run it is, the names of the figures
//! 20 480     2 x 4 096   groups: JSON: control groups whose kernel counts are followed
//! 28 672     2 x 2 048   newest: every figure of the last tick
//! 32 768     2 x 2 048   well: the same of the last tick at which all was well
//! 36 864     2 x 4 096   caches: what each said it held at the last tick
//! 45 056     2 x 4 096   caches when well
//! 53 248     2 x 1 024   end: how it ended
//! 55 296     2 x 1 024   panic: the last one
//! 57 344     2 x 8 192   leak: what the leak tracker has seen
//! 73 728     2 x 4 096   judgement: JSON, written by the next run
//! 81 920     1 024 x 128 ticks: key figures of every tick
//! 212 992    3 072 x 128 points: the same once an interval and at every change of level
//! 606 208    3 456 x 128 events: JSON, a long one in several slots
//! 1 048 576              the end
//! ```
//!
//! Numbers are little-endian. `u64::MAX` is an unknown count, NaN an unknown rate. A *document* has two copies, written in
//! turn, so that one is whole whatever happens: generation (8 bytes), length (4), zero (4), checksum (8), then so many
//! bytes. A *slot* of a ring has its number (8 bytes, from 1; 0 was never written), its contents, and a checksum (8). The
//! slot with the number n is the one at place (n - 1) modulo the ring's length. `docs/recorder.md` has every byte.

/// How a recorder's file begins.
pub(super) const MAGIC: [u8; 8] = *b"PLIMREC\n";

/// The version of this format.
pub(super) const VERSION: u32 = 1;

/// The length of the file, all of it reserved at the start.
pub(super) const FILE_BYTES: usize = 1 << 20;

/// The bytes of a slot: of the contents after its number, and of all before its checksum.
pub(super) const SLOT: usize = 128;
pub(super) const SLOT_BODY: usize = SLOT - 8;

/// Contents of an event's slot: after number, event's number, part, parts, length and zeros.
pub(super) const TEXT_AT: usize = 24;
pub(super) const TEXT: usize = SLOT_BODY - TEXT_AT;

/// The most slots that one event takes.
pub(super) const MOST_PARTS: usize = 64;

/// Before a document's contents.
pub(super) const DOCUMENT_HEAD: usize = 24;

/// Marks what is unknown.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// Where a document lies, and the bytes of each of its two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) name: &'static str,
    /// Which of the documents it is, from 0.
    pub(super) index: usize,
    pub(super) offset: usize,
    pub(super) capacity: usize,
}

/// How many documents there are.
pub(super) const AREAS: usize = 10;

/// Where a ring lies, and how many slots it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RingArea {
    pub(super) name: &'static str,
    pub(super) offset: usize,
    pub(super) slots: usize,
}

const fn area(index: usize, name: &'static str, offset: usize, capacity: usize) -> Area {
    Area { name, index, offset, capacity }
}

pub(super) const IDENTITY: Area = area(0, "identity", 4096, 8192);
pub(super) const GROUPS: Area = area(1, "groups", 20_480, 4096);
pub(super) const NEWEST: Area = area(2, "newest", 28_672, 2048);
pub(super) const WELL: Area = area(3, "well", 32_768, 2048);
pub(super) const CACHES: Area = area(4, "caches", 36_864, 4096);
pub(super) const CACHES_WELL: Area = area(5, "caches when well", 45_056, 4096);
pub(super) const END: Area = area(6, "end", 53_248, 1024);
pub(super) const PANIC: Area = area(7, "panic", 55_296, 1024);
pub(super) const LEAK: Area = area(8, "leak", 57_344, 8192);
pub(super) const JUDGEMENT: Area = area(9, "judgement", 73_728, 4096);

/// All documents, in the order of their places.
pub(super) const DOCUMENTS: [Area; AREAS] =
    [IDENTITY, GROUPS, NEWEST, WELL, CACHES, CACHES_WELL, END, PANIC, LEAK, JUDGEMENT];

pub(super) const TICKS: RingArea = RingArea { name: "ticks", offset: 81_920, slots: 1024 };
pub(super) const POINTS: RingArea = RingArea { name: "points", offset: 212_992, slots: 3072 };
pub(super) const EVENTS: RingArea = RingArea { name: "events", offset: 606_208, slots: 3456 };

impl Area {
    /// What fits into it.
    pub(super) const fn room(&self) -> usize {
        self.capacity - DOCUMENT_HEAD
    }

    /// Where the copy of that generation lies.
    pub(super) fn place(&self, generation: u64) -> usize {
        if generation.is_multiple_of(2) { self.offset } else { self.offset + self.capacity }
    }
}

impl RingArea {
    /// Where the slot of that number, which is 1 at least, lies.
    pub(super) fn place(&self, number: u64) -> usize {
        let slots = self.slots as u64;
        let index = usize::try_from(number.wrapping_sub(1) % slots).unwrap_or(0);
        self.offset + index * SLOT
    }
}

/// Sixty-four bits that any one changed byte changes: each step is a bijection of the state.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let mix =
        |state: u64, word: u64| (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain(std::iter::once(&last));
    words.fold(bytes.len() as u64 ^ 0x706c_696d_736f_6c6c, |s, w| mix(s, u64::from_le_bytes(*w)))
}

/// Writes `number` at `at`, where there is room.
pub(super) fn put(bytes: &mut [u8], at: usize, number: u64) {
    put_bytes(bytes, at, &number.to_le_bytes());
}

/// Writes `from` at `at`, where there is room for all of it.
pub(super) fn put_bytes(bytes: &mut [u8], at: usize, from: &[u8]) {
    if let Some(place) = at.checked_add(from.len()).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(from);
    }
}

/// The number at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number of 32 bits at `at`.
pub(super) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number of 16 bits at `at`.
pub(super) fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number at `at`; `None` where it is missing or marked as unknown.
pub(super) fn known(bytes: &[u8], at: usize) -> Option<u64> {
    number(bytes, at).filter(|number| *number != UNKNOWN)
}

/// Puts the checksum behind a slot's contents.
pub(super) fn seal_slot(slot: &mut [u8; SLOT]) {
    let (body, _) = slot.split_at(SLOT_BODY);
    let sum = checksum(body);
    put(slot, SLOT_BODY, sum);
}

/// Whether a slot is as it was written.
pub(super) fn is_whole(slot: &[u8; SLOT]) -> bool {
    let (body, _) = slot.split_at(SLOT_BODY);
    number(slot, SLOT_BODY) == Some(checksum(body))
}

/// Fills in the head of the document whose contents lie behind it in `copy`.
pub(super) fn seal_document(copy: &mut [u8], generation: u64, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    put(copy, 0, generation);
    put(copy, 8, u64::from(length));
    put(copy, 16, 0);
    let sum = checksum(copy);
    put(copy, 16, sum);
}

/// What there is of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Its generation and contents.
    Whole(u64, &'a [u8]),
    /// The same of the only copy that is as it was written: the other one, which is not, may have been newer.
    Rest(u64, &'a [u8]),
    /// It was never written.
    Nothing,
    /// Something is there, and is not as it was written.
    Damaged,
}

/// The newest whole copy of a document in the file's bytes.
pub(super) fn document<'a>(file: &'a [u8], area: &Area) -> Found<'a> {
    let copies = [area.offset, area.offset + area.capacity].map(|at| copy(file, at, area.capacity));
    match copies {
        [Found::Whole(a, first), Found::Whole(b, second)] => {
            if a >= b {
                Found::Whole(a, first)
            } else {
                Found::Whole(b, second)
            }
        }
        [whole @ Found::Whole(..), Found::Nothing] | [Found::Nothing, whole @ Found::Whole(..)] => {
            whole
        }
        [Found::Whole(a, contents), _] | [_, Found::Whole(a, contents)] => Found::Rest(a, contents),
        [Found::Nothing, Found::Nothing] => Found::Nothing,
        _ => Found::Damaged,
    }
}

fn copy(file: &[u8], at: usize, capacity: usize) -> Found<'_> {
    let Some(head) = file.get(at..at + DOCUMENT_HEAD) else { return Found::Damaged };
    if head.iter().all(|byte| *byte == 0) {
        return Found::Nothing;
    }
    whole_copy(file, at, capacity).unwrap_or(Found::Damaged)
}

fn whole_copy(file: &[u8], at: usize, capacity: usize) -> Option<Found<'_>> {
    let (generation, length) = (number(file, at)?, number(file, at + 8)?);
    let length = usize::try_from(length).ok().filter(|n| *n <= capacity - DOCUMENT_HEAD)?;
    let bytes = file.get(at..at + DOCUMENT_HEAD + length)?;
    let sum = number(bytes, 16)?;
    is_sum(bytes, sum).then_some(Found::Whole(generation, bytes.get(DOCUMENT_HEAD..)?))
}

/// The sum was made with zeros in its own place.
fn is_sum(bytes: &[u8], sum: u64) -> bool {
    let mut head = [0; DOCUMENT_HEAD];
    put_bytes(&mut head, 0, bytes.get(..16).unwrap_or_default());
    let rest = bytes.get(DOCUMENT_HEAD..).unwrap_or_default();
    checksum_of_two(&head, rest) == sum
}

/// That of both as one; the first is a multiple of 8 bytes long.
fn checksum_of_two(first: &[u8; DOCUMENT_HEAD], second: &[u8]) -> u64 {
    let mut joined = Vec::with_capacity(first.len() + second.len());
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    checksum(&joined)
}

/// The head of the file.
pub(super) fn head() -> [u8; SLOT] {
    let mut head = [0; SLOT];
    put_bytes(&mut head, 0, &MAGIC);
    put_bytes(&mut head, 8, &VERSION.to_le_bytes());
    put(&mut head, 16, FILE_BYTES as u64);
    seal_slot(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_areas_fill_the_file_without_a_gap() {
        let mut end = 4096;
        for (index, area) in DOCUMENTS.into_iter().enumerate() {
            assert_eq!((area.index, area.offset), (index, end), "{}", area.name);
            end += 2 * area.capacity;
        }
        for ring in [TICKS, POINTS, EVENTS] {
            assert_eq!(ring.offset, end, "{}", ring.name);
            end += ring.slots * SLOT;
        }
        assert_eq!(end, FILE_BYTES);
    }

    /// The page of the docs has the same table.
    #[test]
    fn the_docs_have_every_area() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recorder.md");
        let docs = std::fs::read_to_string(path).expect("the docs");
        for area in DOCUMENTS {
            let row = format!("| {} | 2 x {} | {} |", area.offset, area.capacity, area.name);
            assert!(docs.contains(&row), "docs/recorder.md should have: {row}");
        }
        for ring in [TICKS, POINTS, EVENTS] {
            let row = format!("| {} | {} x {SLOT} | {} |", ring.offset, ring.slots, ring.name);
            assert!(docs.contains(&row), "docs/recorder.md should have: {row}");
        }
    }

    #[test]
    fn any_changed_bit_changes_the_sum() {
        let bytes: Vec<u8> = (0..120u8).collect();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&changed), checksum(&bytes), "bit {bit}");
        }
        assert_ne!(checksum(&[0; 8]), checksum(&[0; 16]), "zeros count");
        assert_ne!(checksum(b"abc"), checksum(b"abc\0"), "so does the length");
    }

    #[test]
    fn of_two_copies_the_newest_whole_one_counts() {
        let mut file = vec![0; FILE_BYTES];
        assert_eq!(document(&file, &END), Found::Nothing);
        let write = |file: &mut [u8], generation: u64, contents: &[u8]| {
            let mut copy = vec![0; DOCUMENT_HEAD + contents.len()];
            put_bytes(&mut copy, DOCUMENT_HEAD, contents);
            seal_document(&mut copy, generation, contents.len());
            put_bytes(file, END.place(generation), &copy);
        };
        write(&mut file, 1, b"one");
        assert_eq!(document(&file, &END), Found::Whole(1, b"one"));
        write(&mut file, 2, b"two, longer");
        assert_eq!(document(&file, &END), Found::Whole(2, b"two, longer"));
        file[END.place(2) + DOCUMENT_HEAD + 3] ^= 1;
        assert_eq!(document(&file, &END), Found::Rest(1, b"one"), "the older one is whole");
        file[END.place(1) + 9] = 255;
        assert_eq!(document(&file, &END), Found::Damaged, "a length that is none");
        assert_eq!(document(&file[..END.offset + 5], &END), Found::Damaged, "cut off");
    }

    #[test]
    fn a_slot_has_its_place() {
        assert_eq!(TICKS.place(1), TICKS.offset);
        assert_eq!(TICKS.place(1024), POINTS.offset - SLOT);
        assert_eq!(TICKS.place(1025), TICKS.offset);
    }
}
