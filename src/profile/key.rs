//! A site's key: the same for the same place in another profile, wherever the system has put the program this time.

use super::mapping::Mapping;
use crate::sampler::RawSite;

/// FNV-1a: stable across builds of Rust, which the standard library's hasher does not promise.
#[derive(Clone, Copy, Debug)]
struct Hash(u64);

impl Hash {
    const START: Hash = Hash(0xcbf2_9ce4_8422_2325);

    fn bytes(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Hash(bytes.iter().fold(self.0, step))
    }

    /// A text and its end, so that two texts are not one.
    fn text(self, text: Option<&str>) -> Self {
        self.bytes(text.unwrap_or("\u{1}").as_bytes()).bytes(&[0xff])
    }
}

/// The key of `site`.
pub(super) fn of(site: &RawSite, mappings: &[Mapping]) -> String {
    let frames = site.frames.iter().fold(Hash::START, |hash, frame| {
        let (file, offset) = relative(*frame as u64, mappings);
        hash.text(file).bytes(&offset.to_le_bytes())
    });
    let Hash(hash) = frames.text(site.tag).text(site.thread.as_deref());
    format!("{hash:016x}")
}

/// The file that `address` lies in, and where; the address itself where it lies in none.
pub(super) fn relative(address: u64, mappings: &[Mapping]) -> (Option<&str>, u64) {
    match place_of(address, mappings) {
        Some((mapping, offset)) => (Some(mapping.file_name()), offset),
        None => (None, address),
    }
}

/// The mapping that `address` lies in, and where in its file.
pub(super) fn place_of(address: u64, mappings: &[Mapping]) -> Option<(&Mapping, u64)> {
    let mapping = mappings.get(mapping_of(address, mappings)?)?;
    Some((mapping, mapping.offset_of(address)?))
}

/// The index of the mapping that `address` lies in; they are in the order of their addresses.
pub(super) fn mapping_of(address: u64, mappings: &[Mapping]) -> Option<usize> {
    let index = mappings.partition_point(|mapping| mapping.end <= address);
    mappings.get(index)?.offset_of(address).map(|_| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u64) -> [Mapping; 1] {
        let path = "/opt/service".to_owned();
        [Mapping { start, end: start + 0x1000, file_offset: 0x400, path, build_id: None }]
    }

    fn site(frames: &[usize], tag: Option<&'static str>) -> RawSite {
        RawSite { frames: frames.to_vec(), tag, ..RawSite::default() }
    }

    #[test]
    fn the_same_place_has_the_same_key_wherever_the_program_lies() {
        let here = of(&site(&[0x10_010, 0x10_020], None), &at(0x10_000));
        let there = of(&site(&[0x90_010, 0x90_020], None), &at(0x90_000));
        assert_eq!(here, there);
        assert_eq!(here.len(), 16);
    }

    #[test]
    fn what_differs_has_another_key() {
        let maps = at(0x10_000);
        let thread = RawSite { thread: Some("t".into()), ..site(&[0x10_010], None) };
        let keys = [
            of(&site(&[0x10_010], None), &maps),
            of(&site(&[0x10_011], None), &maps),
            of(&site(&[0x10_010, 0x10_010], None), &maps),
            of(&site(&[0x10_010], Some("t")), &maps),
            of(&thread, &maps),
            of(&site(&[], None), &maps),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
    }
}
