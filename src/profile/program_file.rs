//! The file of a program or a library: which build it is, where its code lies, and what its symbols call it.

use object::{Object, ObjectSegment, ObjectSymbol, ReadCache, ReadRef, SymbolKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// The build id in an ELF file, in hexadecimal. Code and debug information are not read.
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
    #[cfg_attr(
        not(all(feature = "cli", feature = "recorder")),
        allow(dead_code, reason = "the autopsy asks")
    )]
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let cache = ReadCache::new(File::open(path).ok()?);
        Some(Segments::within(&object::File::parse(&cache).ok()?))
    }

    fn within<'data, R: ReadRef<'data>>(file: &object::File<'data, R>) -> Self {
        let part = |segment: object::Segment<'data, '_, R>| {
            let (from, length) = segment.file_range();
            // Where their ends are no numbers any more, the file is no program.
            from.checked_add(length)?;
            segment.address().checked_add(length)?;
            Some((from, length, segment.address()))
        };
        Segments { parts: file.segments().filter_map(part).collect() }
    }

    /// The address that the file itself gives to what lies at `offset` in it.
    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
        let within =
            |(from, length, _): &&(u64, u64, u64)| (*from..from + length).contains(&offset);
        let (from, _, address) = self.parts.iter().find(within)?;
        Some(offset - from + address)
    }
}

/// What the file's symbols call the functions at these offsets in it, as people write it: functions with the same code may have
/// become one.
pub(super) fn symbols_at(path: &Path, offsets: &[u64]) -> Option<BTreeMap<u64, Vec<String>>> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let segments = Segments::within(&file);
    let wanted = offsets.iter().filter_map(|offset| Some((segments.address_of(*offset)?, *offset)));
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let (from, length) = (symbol.address(), symbol.size());
        let first = wanted.partition_point(|(address, _)| *address < from);
        let within = wanted[first..].iter().take_while(|(address, _)| address - from < length);
        for (_, offset) in within {
            let name = symbol.name_bytes().ok().map(readable);
            found.entry(*offset).or_default().extend(name);
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
        let at = readable as *const () as u64;
        let mappings = crate::profile::mapping::read();
        let start = mappings.iter().find_map(|it| it.offset_of(at)).expect("it lies in a file");
        let found = symbols_at(&exe, &[start + 1, 1, start, u64::MAX]).expect("symbols");
        let is_it =
            |names: &Vec<String>| names.iter().any(|it| it.ends_with("program_file::readable"));
        assert!(found.values().all(is_it) && found.keys().eq([&start, &(start + 1)]), "{found:?}");
        let address = Segments::of(&exe).expect("a program").address_of(start);
        assert!(
            address.is_some()
                && Segments::of(&exe).is_some_and(|it| it.address_of(u64::MAX).is_none())
        );
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
