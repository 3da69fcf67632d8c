//! Names for addresses, looked up in this process, with the memory for that given back.
//!
//! Reading the program's debug information takes some tens of MiB and a tenth of a second. Both are spent once for an
//! address: its names are remembered, and while no file has been mapped or unmapped are good.

use super::heap::{Function, HeapProfile};
use super::mapping::Mapping;
use super::paths;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ffi::c_void;
use std::time::Duration;

/// So many addresses have names at a time: some MiB with them. Beyond that the largest sites are named.
pub(crate) const MOST_ADDRESSES: usize = 16_384;

/// So many functions, one inlined into the other, at one address.
pub(crate) const MOST_INLINED: usize = 64;

/// A name's length, in characters.
const LONGEST: usize = 400;

/// For others to have looked up theirs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names that were looked up, and of which files.
struct Names {
    mappings: Vec<Mapping>,
    functions: HashMap<u64, Vec<Function>>,
}

static NAMES: Mutex<Option<Names>> = Mutex::new(None);

/// Whether somebody is looking up names: the heap holds tens of MiB that are none of the program's.
#[cfg_attr(not(feature = "recorder"), allow(dead_code, reason = "the recorder asks"))]
pub(crate) fn is_naming() -> bool {
    NAMES.is_locked()
}

impl HeapProfile {
    /// The same profile with functions' names, looked up in this process, of which it must be.
    ///
    /// It takes a tenth of a second and some tens of MiB the first time, which are given back; only addresses that were not
    /// seen before are looked up again. At most 16 384 addresses get names, those of the largest sites first. When others
    /// look up names for more than ten seconds, the profile stays without.
    #[must_use]
    pub fn with_symbols(self) -> Self {
        self.named_within(PATIENCE)
    }

    fn named_within(mut self, patience: Duration) -> Self {
        let Some(mut guard) = NAMES.try_lock_for(patience) else { return self };
        let wanted = self.addresses();
        let names = guard.get_or_insert_with(|| Names::of(&self.mappings));
        names.prepare(&self.mappings, &wanted);
        for location in &mut self.locations {
            if let Some(functions) = names.functions.get(&location.address) {
                location.functions.clone_from(functions);
            }
        }
        drop(guard);
        self.has_symbols = true;
        self.name_sites();
        self
    }

    /// The addresses that are to be named.
    fn addresses(&self) -> Vec<u64> {
        let places = self.places_by_size().into_iter().take(MOST_ADDRESSES);
        places.filter_map(|index| Some(self.locations.get(index)?.address)).collect()
    }

    /// The indices of the locations that sites have, those of the largest sites first: locations themselves are in the order
    /// in which they were first seen.
    pub(crate) fn places_by_size(&self) -> Vec<usize> {
        let mut seen = vec![false; self.locations.len()];
        let mut places = Vec::new();
        for index in self.sites.iter().flat_map(|site| &site.stack) {
            let index = *index as usize;
            if seen.get(index) == Some(&false) {
                seen[index] = true;
                places.push(index);
            }
        }
        places
    }
}

impl Names {
    fn of(mappings: &[Mapping]) -> Self {
        Names { mappings: mappings.to_vec(), functions: HashMap::new() }
    }

    /// Looks up what is wanted and not known.
    fn prepare(&mut self, mappings: &[Mapping], wanted: &[u64]) {
        let is_new = |names: &Self, address: &u64| !names.functions.contains_key(address);
        let new = wanted.iter().filter(|address| is_new(self, address)).count();
        if self.mappings != mappings || self.functions.len() + new > MOST_ADDRESSES {
            *self = Names::of(mappings);
        }
        let new: Vec<u64> =
            wanted.iter().copied().filter(|address| is_new(self, address)).collect();
        if new.is_empty() {
            return;
        }
        let mut named: Vec<_> =
            new.into_iter().map(|address| (address, look_up(address))).collect();
        backtrace::clear_symbol_cache();
        paths::complete(&mut named, mappings);
        named.iter_mut().filter_map(|(_, functions)| functions.last_mut()).for_each(shorten);
        self.functions.extend(named);
    }
}

/// The functions at a return address, the innermost first.
fn look_up(address: u64) -> Vec<Function> {
    let mut functions = Vec::new();
    backtrace::resolve(address as usize as *mut c_void, |symbol| {
        if let Some(function) = function(symbol)
            && functions.len() < MOST_INLINED
        {
            functions.push(function);
        }
    });
    // The outermost not before it is complete, which its end tells.
    let inlined = functions.len().saturating_sub(1);
    functions.iter_mut().take(inlined).for_each(shorten);
    functions
}

fn function(symbol: &backtrace::Symbol) -> Option<Function> {
    // Without the hash at its end.
    let name = format!("{:#}", symbol.name()?);
    let file = symbol.filename().map(|file| file.to_string_lossy().into_owned());
    Some(Function { name, file, line: symbol.lineno() })
}

/// What generic code is called has no other bound.
pub(crate) fn shorten(function: &mut Function) {
    if let Some((end, _)) = function.name.char_indices().nth(LONGEST) {
        function.name.truncate(end);
        function.name.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::heap::{Location, ProfileSite};
    use crate::profile::mapping;

    /// A profile whose one site has this very function on its stack.
    fn here() -> HeapProfile {
        let mut frames = Vec::new();
        backtrace::trace(|frame| {
            frames.push(frame.ip() as u64);
            frames.len() < 64
        });
        let site = ProfileSite { stack: (0..frames.len() as u32).collect(), ..Default::default() };
        let at = |address| Location { address, ..Location::default() };
        let locations = frames.into_iter().map(at).collect();
        let mappings = mapping::read();
        HeapProfile { locations, sites: vec![site], mappings, ..HeapProfile::default() }
    }

    #[test]
    fn functions_are_named_as_people_write_them() {
        let profile = here().with_symbols();
        assert!(profile.has_symbols);
        let names: Vec<_> = profile.functions(&profile.sites[0]).map(|it| &it.name).collect();
        // Neither as the linker has it nor with a hash; and with its path, which line tables alone do not have.
        assert!(names.iter().any(|name| name.ends_with("symbol::tests::here")), "{names:?}");
    }

    #[test]
    fn who_waits_too_long_goes_without() {
        let guard = NAMES.lock();
        let profile = here().named_within(Duration::from_millis(1));
        drop(guard);
        assert!(!profile.has_symbols && profile.locations[0].functions.is_empty());
    }

    #[test]
    fn an_address_that_is_none_has_no_name() {
        let mut profile = here();
        profile.locations[0].address = 1;
        let profile = profile.with_symbols();
        assert!(profile.locations[0].functions.is_empty());
    }

    #[test]
    fn names_have_a_length() {
        let shortened = |name: String| {
            let mut function = Function { name, file: None, line: None };
            shorten(&mut function);
            function.name
        };
        assert_eq!(shortened("short".into()), "short");
        assert_eq!(shortened("é".repeat(1000)).chars().count(), LONGEST + 1);
    }
}
