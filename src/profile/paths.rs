//! Paths for functions that are named without one.
//!
//! With line tables alone, as Cargo's `debug = "line-tables-only"` has them, debug information calls
//! `service::sessions::remember` just `remember`. The symbols of the file have the rest: for the function that lies at an
//! address, not for those that were inlined into it.

use super::heap::Function;
use super::mapping::Mapping;
use super::program_file::{Segments, symbols_at};
use std::collections::BTreeMap;

/// Gives the outermost function at each of these return addresses its path, where the file that it lies in has one.
pub(super) fn complete(named: &mut [(u64, Vec<Function>)], mappings: &[Mapping]) {
    let mut bare: BTreeMap<&str, (&Mapping, Vec<Place<'_>>)> = BTreeMap::new();
    for (address, functions) in named {
        let Some(function) = functions.last_mut().filter(|it| is_bare(&it.name)) else { continue };
        // It lies behind the call that is meant.
        let Some(call) = address.checked_sub(1) else { continue };
        let Some((mapping, offset)) =
            mappings.iter().find_map(|it| Some((it, it.offset_of(call)?)))
        else {
            continue;
        };
        let place = Place { offset, function };
        bare.entry(&mapping.path).or_insert_with(|| (mapping, Vec::new())).1.push(place);
    }
    for (mapping, places) in bare.into_values() {
        complete_in(mapping, places);
    }
}

/// A function without a path, and where in its file the call is.
struct Place<'a> {
    offset: u64,
    function: &'a mut Function,
}

fn complete_in(mapping: &Mapping, places: Vec<Place<'_>>) -> Option<()> {
    let path = mapping.file()?;
    let segments = Segments::of(&path)?;
    let placed: Vec<_> = places
        .into_iter()
        .filter_map(|place| Some((segments.address_of(place.offset)?, place.function)))
        .collect();
    let addresses: Vec<_> = placed.iter().map(|(address, _)| *address).collect();
    let symbols = symbols_at(&path, &addresses)?;
    for (address, function) in placed {
        if let Some(symbol) = symbols.get(&address) {
            complete_by(function, symbol);
        }
    }
    Some(())
}

/// Gives `function` the path that `symbol` has, if it is the symbol of that function.
pub(crate) fn complete_by(function: &mut Function, symbol: &str) {
    let (bare, last) = (last_of(&function.name), last_of(symbol));
    // Symbols do not number closures as debug information does.
    let is_same = bare == last || [bare, last].iter().all(|name| name.contains("{closure"));
    if is_bare(&function.name) && is_same {
        symbol.clone_into(&mut function.name);
    }
}

fn is_bare(name: &str) -> bool {
    !without_parameters(name).contains("::")
}

/// The name alone, without path and type parameters.
fn last_of(name: &str) -> &str {
    let name = without_parameters(name).trim_end_matches("::");
    name.rsplit("::").next().unwrap_or(name)
}

/// Without the type parameters at its end.
fn without_parameters(name: &str) -> &str {
    let mut depth = 0_u32;
    for (at, character) in name.char_indices().rev() {
        match character {
            '>' if name[..at].ends_with('-') => {}
            '>' => depth += 1,
            '<' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if character == '<' { &name[..at] } else { name };
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(name: &str, symbol: &str) -> String {
        let mut function = Function { name: name.into(), file: None, line: None };
        complete_by(&mut function, symbol);
        function.name
    }

    #[test]
    fn a_function_gets_the_path_of_its_own_symbol() {
        for (name, symbol) in [
            ("remember", "service::sessions::remember"),
            ("push<alloc::string::String>", "alloc::vec::Vec<T,A>::push"),
            ("write", "<tantivy::VecWriter as std::io::Write>::write"),
            ("map<fn(u8) -> a::B>", "core::option::Option<T>::map::<fn(u8) -> a::B>"),
            ("drop_in_place<a::B<c::D>>", "core::ptr::drop_in_place<a::B<c::D>>"),
            ("{closure#3}", "service::work::{{closure}}"),
            ("malloc", "malloc"),
        ] {
            assert_eq!(completed(name, symbol), symbol, "{name}");
        }
    }

    #[test]
    fn neither_another_symbol_nor_a_path_that_is_there_is_touched() {
        for (name, symbol) in [
            ("insert", "service::sessions::remember"),
            ("a::insert", "b::insert"),
            ("<a::B as c::D>::insert", "b::insert"),
            ("remember", "service::remember::{{closure}}"),
            ("", "a::b"),
            (">", "a::b"),
            ("<<", "a::<"),
        ] {
            assert_eq!(completed(name, symbol), name, "{symbol}");
        }
    }

    #[test]
    fn places_in_no_file_are_left_alone() {
        let bare = || Function { name: "nowhere".into(), file: None, line: None };
        let mut named: Vec<_> = [0, 1, u64::MAX].map(|address| (address, vec![bare()])).into();
        named.push((7, Vec::new()));
        let gone = Mapping { end: u64::MAX, path: "/no/such".into(), ..Mapping::default() };
        complete(&mut named, &[gone]);
        assert!(named[..3].iter().all(|(_, functions)| functions == &[bare()]));
    }
}
