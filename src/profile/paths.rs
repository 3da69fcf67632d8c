//! Paths for functions that are named without one.
//!
//! With line tables alone, as Cargo's `debug = "line-tables-only"` has them, debug information calls
//! `service::sessions::remember` just `remember`. The symbols of the file have the rest: for the function that lies at an
//! address, not for those that were inlined into it.

use super::heap::Function;
use super::key;
use super::mapping::Mapping;
use super::program_file::symbols_at;
use std::collections::BTreeMap;

/// Gives the outermost function at each of these return addresses its path, where the file that it lies in has one.
pub(super) fn complete(named: &mut [(u64, Vec<Function>)], mappings: &[Mapping]) {
    let mut bare: BTreeMap<_, (&Mapping, Vec<Place<'_>>)> = BTreeMap::new();
    for (address, functions) in named {
        let Some(function) = functions.last_mut().filter(|it| is_bare(&it.name)) else { continue };
        // It lies behind the call that is meant.
        let Some(call) = address.checked_sub(1) else { continue };
        let Some((mapping, offset)) = key::place_of(call, mappings) else { continue };
        let place = Place { offset, function };
        let file = (&mapping.path, &mapping.build_id);
        bare.entry(file).or_insert_with(|| (mapping, Vec::new())).1.push(place);
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

fn complete_in(mapping: &Mapping, places: Vec<Place<'_>>) {
    let offsets: Vec<_> = places.iter().map(|place| place.offset).collect();
    let Some(symbols) = mapping.file().and_then(|path| symbols_at(&path, &offsets)) else { return };
    for Place { offset, function } in places {
        let symbols = symbols.get(&offset).map_or(&[][..], Vec::as_slice);
        complete_by(function, symbols);
    }
}

/// Gives `function` the path that the symbol of that function has, if just one of `symbols` is: functions with the same code may
/// have become one.
pub(crate) fn complete_by(function: &mut Function, symbols: &[String]) {
    if !is_bare(&function.name) {
        return;
    }
    let mut of_it = symbols.iter().filter(|symbol| is_symbol_of(&function.name, symbol));
    if let Some(symbol) = of_it.next().filter(|first| of_it.all(|other| other == *first)) {
        symbol.clone_into(&mut function.name);
    }
}

fn is_symbol_of(name: &str, symbol: &str) -> bool {
    let (name, last) = (last_of(name), last_of(symbol));
    // What debug information calls `{closure#0}` or `{async_fn#0}` is `{{closure}}` in symbols.
    name == last || name.starts_with('{') && last.starts_with('{') && last.contains("closure")
}

/// Whether a function's name is all that is known of it.
pub(super) fn is_bare(name: &str) -> bool {
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
        complete_by(&mut function, &[symbol.into()]);
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
            ("{async_fn#0}", "service::serve::{{closure}}"),
            ("{async_block#0}", "service::serve::{closure#1}"),
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
    fn of_several_symbols_the_one_of_that_name_is_taken() {
        let mut function = Function { name: "into_box".into(), file: None, line: None };
        complete_by(&mut function, &["a::from".into(), "a::into_box".into(), "b::to_owned".into()]);
        assert_eq!(function.name, "a::into_box");
        let mut function = Function { name: "new".into(), file: None, line: None };
        complete_by(&mut function, &["a::new".into(), "b::new".into()]);
        assert_eq!(function.name, "new", "it may be either");
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
