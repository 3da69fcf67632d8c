//! Names for addresses that a profile was kept with, from the very files that its process had mapped, if they still are the
//! same: their build ids say so.

use crate::profile::{
    Function, HeapProfile, MOST_ADDRESSES, MOST_INLINED, Mapping, Segments, build_id_of,
    complete_by, shorten,
};
use addr2line::Loader;
use std::collections::BTreeMap;
use std::path::Path;

/// Debug information of the largest programs has some gigabytes.
const MOST_FILE_BYTES: u64 = 4 << 30;

/// Names the places of `profile`, as far as files are there.
///
/// # Errors
/// Which files cannot name theirs, and why; or that no address is in a file.
pub(super) fn name(profile: &mut HeapProfile) -> Result<(), String> {
    let mut files: BTreeMap<_, Result<Program, String>> = BTreeMap::new();
    let mut named = false;
    for place in profile.places_by_size().into_iter().take(MOST_ADDRESSES) {
        let Some(location) = profile.locations.get_mut(place) else { continue };
        let mapping = location.mapping.and_then(|index| profile.mappings.get(index as usize));
        let Some(mapping) = mapping else { continue };
        // Of one path there may be two builds.
        let file = (mapping.path.clone(), mapping.build_id.clone());
        let file = files.entry(file).or_insert_with(|| Program::open(mapping));
        let Ok(program) = file else { continue };
        location.functions = program.functions(mapping, location.address);
        named |= !location.functions.is_empty();
    }
    profile.has_symbols = named;
    profile.name_sites();
    let reasons: Vec<_> = files.into_values().filter_map(Result::err).take(3).collect();
    match (reasons.is_empty(), named) {
        (true, true) => Ok(()),
        (true, false) => Err("no address is in a known file".into()),
        (false, _) => Err(reasons.join("; ")),
    }
}

/// A file with code and, with luck, debug information.
struct Program {
    loader: Loader,
    segments: Segments,
}

impl Program {
    fn open(mapping: &Mapping) -> Result<Self, String> {
        let path = Path::new(&mapping.path);
        let told = |why: &str| format!("{}: {why}", path.display());
        let data = std::fs::metadata(path).map_err(|error| told(&error.to_string()))?;
        if !data.is_file() {
            return Err(told("no regular file"));
        }
        if data.len() > MOST_FILE_BYTES {
            return Err(told("too large to be searched"));
        }
        match (&mapping.build_id, build_id_of(path)) {
            (Some(recorded), Some(now)) if *recorded == now => {}
            (Some(_), Some(_)) => return Err(told("another build by now")),
            _ => return Err(told("no build id to know it by")),
        }
        let segments = Segments::of(path).ok_or_else(|| told("no program that can be read"))?;
        let loader = Loader::new(path).map_err(|error| told(&error.to_string()))?;
        Ok(Program { loader, segments })
    }

    /// The functions at a return address, the innermost first: it lies behind the call that is meant.
    fn functions(&self, mapping: &Mapping, address: u64) -> Vec<Function> {
        let within = address.checked_sub(mapping.start);
        let offset = within.and_then(|within| within.checked_add(mapping.file_offset));
        let call = offset.and_then(|offset| self.segments.address_of(offset)?.checked_sub(1));
        call.map(|call| self.at(call)).unwrap_or_default()
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
        let symbol = self.loader.find_symbol(call).map(readable);
        match (functions.last_mut(), symbol) {
            (Some(outermost), Some(symbol)) => complete_by(outermost, &[symbol]),
            (None, Some(name)) => functions.push(Function { name, file: None, line: None }),
            (_, None) => {}
        }
        functions.iter_mut().for_each(shorten);
        functions
    }
}

/// As people write it, without the hash at its end.
fn readable(name: &str) -> String {
    addr2line::demangle_auto(name.into(), None).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Location, ProfileSite};
    use std::fs;

    /// A profile that has nothing but addresses of this very function, of a program at `path`.
    #[inline(never)]
    fn addresses_of_here(path: &Path) -> HeapProfile {
        let mut frames = Vec::new();
        backtrace::trace(|frame| {
            frames.push(frame.ip() as u64);
            frames.len() < 32
        });
        let location =
            |address: &u64| Location { address: *address, mapping: Some(0), ..Location::default() };
        let site = ProfileSite { stack: (0..frames.len() as u32).collect(), ..Default::default() };
        HeapProfile {
            locations: frames.iter().map(location).collect(),
            sites: vec![site],
            mappings: vec![mapping(path)],
            ..HeapProfile::default()
        }
    }

    /// Where this program's code is mapped, as the kernel says.
    fn mapping(path: &Path) -> Mapping {
        let exe = std::env::current_exe().expect("a program");
        let maps = fs::read_to_string("/proc/self/maps").expect("maps");
        let line = maps
            .lines()
            .find(|l| l.contains(" r-xp ") && l.ends_with(exe.to_str().expect("a path")));
        let words: Vec<_> = line.expect("code").split_whitespace().collect();
        let hexadecimal = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = words[0].split_once('-').expect("a range");
        Mapping {
            start: hexadecimal(start),
            end: hexadecimal(end),
            file_offset: hexadecimal(words[2]),
            path: path.to_str().expect("a path").into(),
            build_id: build_id_of(&exe),
        }
    }

    #[test]
    fn addresses_get_their_names_from_the_programs_file() {
        let exe = std::env::current_exe().expect("a program");
        let mut profile = addresses_of_here(&exe);
        assert_eq!(name(&mut profile), Ok(()));
        assert!(profile.has_symbols);
        let names: Vec<_> = profile.functions(&profile.sites[0]).map(|it| &it.name).collect();
        let is_here = |name: &&&String| name.contains("addresses_of_here");
        assert!(names.iter().any(|name| is_here(&name)), "{names:?}");
        assert!(names.iter().all(|name| !name.contains("17h")), "{names:?}");
        let of_test = names.iter().any(|it| it.contains("addresses_get_their_names"));
        assert!(of_test, "the call, not what follows it: {names:?}");
    }

    #[test]
    fn a_file_that_is_another_by_now_names_nothing() {
        let exe = std::env::current_exe().expect("a program");
        let mut profile = addresses_of_here(&exe);
        profile.mappings[0].build_id = Some("00".into());
        assert!(name(&mut profile).expect_err("another").contains("another build"));
        profile.mappings[0].build_id = None;
        assert!(name(&mut profile).expect_err("no id").contains("build id"));
        profile.mappings[0].path = "/no/such/program".into();
        assert!(name(&mut profile).expect_err("none").contains("/no/such/program"));
        assert!(!profile.has_symbols && profile.locations[0].functions.is_empty());
    }

    #[test]
    fn addresses_of_nowhere_have_no_name() {
        let exe = std::env::current_exe().expect("a program");
        let mut profile = addresses_of_here(&exe);
        let end = profile.mappings[0].end;
        for address in [0, 1, end, u64::MAX] {
            profile.locations[0].address = address;
            assert_eq!(name(&mut profile), Ok(()), "{address:#x}");
        }
        profile.mappings[0].file_offset = u64::MAX;
        assert!(name(&mut profile).is_err(), "an offset that no file has");
    }

    #[test]
    fn a_file_that_is_no_program_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("text");
        fs::write(&path, "no program").expect("a file");
        let mut profile = addresses_of_here(&path);
        assert!(name(&mut profile).expect_err("no program").contains("text"));
    }
}
