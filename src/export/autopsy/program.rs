//! Names for addresses that a profile was kept with, from the very files that its process had mapped, if they still are the
//! same: their build ids say so.

use crate::profile::{Function, HeapProfile, Mapping, build_id_of};
use addr2line::Loader;
use object::{Object, ObjectSegment};
use std::collections::BTreeMap;
use std::path::Path;

/// Addresses that are looked up: a profile has at most some 16 384 places.
const MOST_ADDRESSES: usize = 16_384;
/// One inlined into the other, at one address.
const MOST_INLINED: usize = 64;
/// Of a name: that of generic code has no other bound.
const LONGEST: usize = 400;
/// Debug information of the largest programs has some gigabytes.
const MOST_FILE_BYTES: u64 = 4 << 30;

/// Names the places of `profile`, as far as files are there.
///
/// # Errors
/// Where not one of them can be named: why.
pub(super) fn name(profile: &mut HeapProfile) -> Result<(), String> {
    let mut files: BTreeMap<String, Result<Program, String>> = BTreeMap::new();
    let mut named = 0;
    for location in profile.locations.iter_mut().take(MOST_ADDRESSES) {
        let mapping = location.mapping.and_then(|index| profile.mappings.get(index as usize));
        let Some(mapping) = mapping else { continue };
        let file = files.entry(mapping.path.clone()).or_insert_with(|| Program::open(mapping));
        let Ok(program) = file else { continue };
        location.functions = program.functions(mapping, location.address);
        named += usize::from(!location.functions.is_empty());
    }
    if named == 0 {
        return Err(reasons(files));
    }
    profile.has_symbols = true;
    profile.name_sites();
    Ok(())
}

fn reasons(files: BTreeMap<String, Result<Program, String>>) -> String {
    let reasons: Vec<_> = files.into_values().filter_map(Result::err).take(3).collect();
    if reasons.is_empty() { "no address is in a known file".into() } else { reasons.join("; ") }
}

/// A file with code and, with luck, debug information.
struct Program {
    loader: Loader,
    /// Of each loaded part: where in the file, how long, and at which address by the file itself.
    segments: Vec<(u64, u64, u64)>,
}

impl Program {
    fn open(mapping: &Mapping) -> Result<Self, String> {
        let path = Path::new(&mapping.path);
        let told = |why: &str| format!("{}: {why}", path.display());
        let bytes = std::fs::metadata(path).map_err(|error| told(&error.to_string()))?.len();
        if bytes > MOST_FILE_BYTES {
            return Err(told("too large to be searched"));
        }
        match (&mapping.build_id, build_id_of(path)) {
            (Some(recorded), Some(now)) if *recorded == now => {}
            (Some(_), Some(_)) => return Err(told("another build by now")),
            _ => return Err(told("no build id to know it by")),
        }
        let segments = segments(path).ok_or_else(|| told("no program that can be read"))?;
        let loader = Loader::new(path).map_err(|error| told(&error.to_string()))?;
        Ok(Program { loader, segments })
    }

    /// The functions at a return address, the innermost first: it lies behind the call that is meant.
    fn functions(&self, mapping: &Mapping, address: u64) -> Vec<Function> {
        let offset = address.checked_sub(mapping.start).map(|offset| offset + mapping.file_offset);
        let call = offset.and_then(|offset| self.address_of(offset)?.checked_sub(1));
        call.map(|call| self.at(call)).unwrap_or_default()
    }

    fn address_of(&self, offset: u64) -> Option<u64> {
        let within =
            |(from, length, _): &&(u64, u64, u64)| (*from..from + length).contains(&offset);
        let (from, _, address) = self.segments.iter().find(within)?;
        Some(offset - from + address)
    }

    fn at(&self, call: u64) -> Vec<Function> {
        let mut functions = Vec::new();
        if let Ok(mut frames) = self.loader.find_frames(call) {
            while let Ok(Some(frame)) = frames.next() {
                let Some(name) = frame.function.as_ref().and_then(|it| it.raw_name().ok()) else {
                    continue;
                };
                let place = frame.location.as_ref();
                let file = place.and_then(|place| place.file).map(str::to_owned);
                functions.push(Function {
                    name: readable(&name),
                    file,
                    line: place.and_then(|place| place.line),
                });
                if functions.len() == MOST_INLINED {
                    break;
                }
            }
        }
        if functions.is_empty() {
            let symbol = self.loader.find_symbol(call).map(readable);
            functions.extend(symbol.map(|name| Function { name, file: None, line: None }));
        }
        functions
    }
}

fn segments(path: &Path) -> Option<Vec<(u64, u64, u64)>> {
    let cache = object::ReadCache::new(std::fs::File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let part = |segment: object::Segment<'_, '_, _>| {
        let (from, length) = segment.file_range();
        // Where their ends are no numbers any more, the file is no program.
        from.checked_add(length)?;
        segment.address().checked_add(length)?;
        Some((from, length, segment.address()))
    };
    Some(file.segments().filter_map(part).collect())
}

/// As people write it, without the hash at its end, and not without end.
fn readable(name: &str) -> String {
    let name = addr2line::demangle_auto(name.into(), None).into_owned();
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}
