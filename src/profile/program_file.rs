//! The file of a program or a library: which build it is, where its code lies, and what its symbols call it.

use object::{Object, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// The build id in an ELF file, in hexadecimal: reads its headers and notes, not the rest.
pub(crate) fn build_id_of(path: &Path) -> Option<String> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let id = file.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where the loaded parts of a file lie.
pub(crate) struct Segments {
    /// Of each: where in the file, how long, and at which address by the file itself.
    parts: Vec<(u64, u64, u64)>,
}

impl Segments {
    /// `None` when the file is no program that can be read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let cache = ReadCache::new(File::open(path).ok()?);
        let file = object::File::parse(&cache).ok()?;
        let part = |segment: object::Segment<'_, '_, _>| {
            let (from, length) = segment.file_range();
            // Where their ends are no numbers any more, the file is no program.
            from.checked_add(length)?;
            segment.address().checked_add(length)?;
            Some((from, length, segment.address()))
        };
        Some(Segments { parts: file.segments().filter_map(part).collect() })
    }

    /// The address that the file itself gives to what lies at `offset` in it.
    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
        let within =
            |(from, length, _): &&(u64, u64, u64)| (*from..from + length).contains(&offset);
        let (from, _, address) = self.parts.iter().find(within)?;
        Some(offset - from + address)
    }
}

/// What the file's symbols call the functions at `addresses`, which are the file's own; as people write it.
pub(super) fn symbols_at(path: &Path, addresses: &[u64]) -> Option<BTreeMap<u64, String>> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let mut wanted = addresses.to_vec();
    wanted.sort_unstable();
    let mut found = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let (from, length) = (symbol.address(), symbol.size());
        let first = wanted.partition_point(|address| *address < from);
        for address in wanted[first..].iter().take_while(|it| **it - from < length) {
            let name = symbol.name_bytes().ok();
            found.extend(name.map(|name| (*address, readable(name))));
        }
    }
    Some(found)
}

/// Without the hash at its end.
fn readable(name: &[u8]) -> String {
    format!("{:#}", backtrace::SymbolName::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_any_address_in_it() {
        let exe = std::env::current_exe().expect("a program");
        let segments = Segments::of(&exe).expect("a program");
        let mapping = crate::profile::mapping::read()
            .into_iter()
            .find(|it| it.offset_of(readable as *const () as u64).is_some())
            .expect("this function lies in a file");
        let offset = mapping.offset_of(readable as *const () as u64).expect("in it");
        let start = segments.address_of(offset).expect("loaded");
        let found = symbols_at(&exe, &[start + 1, 1, start, u64::MAX]).expect("symbols");
        let names: Vec<_> = found.values().collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), [&start, &(start + 1)], "{names:?}");
        assert!(names.iter().all(|name| name.ends_with("program_file::readable")), "{names:?}");
    }

    #[test]
    fn what_is_no_program_has_neither_parts_nor_symbols() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "no program").expect("written");
        assert!(Segments::of(file.path()).is_none());
        assert!(symbols_at(file.path(), &[1]).is_none());
        assert!(build_id_of(file.path()).is_none());
        assert!(symbols_at(Path::new("/no/such/program"), &[1]).is_none());
    }
}
