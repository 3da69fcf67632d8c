//! Whose a function is: the program's, a library's or the machinery's that every allocation goes through. It says what a
//! site is called, and what part of a stack is worth showing.

use super::heap::{Function, HeapProfile, Location, ProfileSite};
use super::key::relative;
use super::paths;
use std::ops::Range;

/// Crates whose functions allocate for others: the way into the allocator, not the reason.
const MACHINERY: [&str; 6] = ["__rustc", "alloc", "backtrace", "core", "hashbrown", "std"];

/// Our own part of that way. The rest of plimsoll allocates like any library.
const OWN_MACHINERY: [&str; 3] =
    ["plimsoll::allocator::", "plimsoll::counters::", "plimsoll::sampler::"];

/// The same, as files; and this one.
const OWN_FILES: [&str; 3] = ["allocator.rs", "counters/", "sampler/"];
const HERE: &str = "profile/naming.rs";

/// Where the rest of that way lies.
const MACHINERY_PATHS: [&str; 5] = [
    "/library/alloc/src/",
    "/library/core/src/",
    "/library/std/src/",
    "/hashbrown-",
    "/backtrace-0.",
];

/// Functions without a crate on that way.
const MACHINERY_SYMBOLS: [&str; 7] =
    ["__rust_", "__rustc::", "__rdl_", "__rg_", "_Unwind_", "__libc_", "_start"];

/// Widely used libraries: told from the program's own code by name where no source file tells.
const LIBRARIES: [&str; 34] = [
    "ahash",
    "arrayvec",
    "async_trait",
    "axum",
    "axum_core",
    "bincode",
    "bytes",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "dashmap",
    "futures_core",
    "futures_util",
    "h2",
    "http",
    "hyper",
    "hyper_util",
    "indexmap",
    "lru",
    "moka",
    "parking_lot",
    "plimsoll",
    "prost",
    "quick_cache",
    "rayon",
    "rayon_core",
    "regex_automata",
    "serde",
    "serde_core",
    "serde_json",
    "smallvec",
    "tokio",
    "tonic",
    "tower",
];

/// Where what was not written for this program lies: crates of a registry or from git, and the standard library.
const FOREIGN_PATHS: [&str; 5] =
    ["/registry/src/", "/git/checkouts/", "/rustc/", "/library/std/", "/.rustup/"];

/// What a program's own `main`, or a thread's function, is called through; nothing outside of it is worth showing.
const OUTERMOST: &str = "__rust_begin_short_backtrace";

/// Whose code a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The program's.
    Own,
    /// A library's.
    Library,
    /// The standard library's, and what every allocation goes through.
    Machinery,
}

impl Function {
    /// Whose it is, as far as its file tells, or its name.
    pub(crate) fn owner(&self) -> Owner {
        match (is_own(self), is_on_the_way(self)) {
            (true, _) => Owner::Own,
            (false, true) => Owner::Machinery,
            (false, false) => Owner::Library,
        }
    }
}

/// The name of `site`, and the function that allocated for it. Sites of one name are one function's.
fn names(profile: &HeapProfile, site: &ProfileSite) -> (String, Option<String>) {
    let shown: Vec<_> = profile.shown(site).collect();
    let own = own_of(&shown);
    let naming = own.or(shown.first().copied());
    match naming.filter(|naming| is_certain(profile, site, naming, own.is_some())) {
        None => (nameless(profile, site), None),
        Some(naming) => {
            let (name, innermost) =
                (called(naming), shown.first().map(|function| called(function)));
            let via = innermost.filter(|innermost| *innermost != name);
            (name, via)
        }
    }
}

/// The program's own function that is to give the name.
fn own_of<'a>(shown: &[&'a Function]) -> Option<&'a Function> {
    // Where some files are known, those of the program's own code are.
    let with_file = shown.iter().position(|it| it.file.is_some() && is_own(it));
    let first = with_file.or_else(|| shown.iter().position(|it| is_own(it)))?;
    let (own, outer) = shown.get(first..)?.split_first()?;
    if !own.name.starts_with('{') {
        return Some(own);
    }
    // A closure without a path is told by the function that it was inlined into, or given to: not beyond a library, which calls
    // everybody's.
    let outer = outer.iter().take_while(|it| it.owner() != Owner::Library);
    outer.copied().find(|it| is_own(it) && !it.name.starts_with('{')).or(Some(own))
}

/// Whether nothing further in may be what is looked for and has no name: code of the same file, beyond what is looked up; or any
/// where the program's own code is not known at all.
fn is_certain(profile: &HeapProfile, site: &ProfileSite, naming: &Function, is_own: bool) -> bool {
    let is_there =
        |location: &&Location| location.functions.iter().any(|it| std::ptr::eq(it, naming));
    let Some(place) = profile.stack(site).find(is_there) else { return false };
    let mut inner = profile.stack(site).take_while(|location| !is_there(location));
    let may_be = |location: &Location| !is_own || location.mapping == place.mapping;
    !inner.any(|location| location.functions.is_empty() && may_be(location))
}

/// What sites are called after it: a closure after the function it stands in.
fn called(function: &Function) -> String {
    function.with_file(function_of(function))
}

impl Function {
    /// Its name; with its file where it has no path, since many are called `new`, and with the line where it is a closure.
    #[cfg_attr(not(feature = "recorder"), allow(dead_code, reason = "the autopsy tells it"))]
    pub(crate) fn told(&self) -> String {
        self.with_file(&self.name)
    }

    fn with_file(&self, name: &str) -> String {
        let Some(file) = self.file.as_ref().filter(|_| paths::is_bare(name)) else {
            return name.to_owned();
        };
        let line = self.line.filter(|_| name.starts_with('{'));
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        format!("{name} ({}{line})", its_end(file))
    }
}

/// The file and the directory that it is in, one more where all are called the same.
fn its_end(path: &str) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']).map(|(at, _)| &path[at + 1..]).skip(1);
    let end = slashes.next().unwrap_or(path);
    if end.starts_with("src/") || end.starts_with("src\\") {
        slashes.next().unwrap_or(path)
    } else {
        end
    }
}

/// Of a place, by which it can be found; and of this site alone, since the innermost place of all is the sampler's.
fn nameless(profile: &HeapProfile, site: &ProfileSite) -> String {
    match profile.places(site).next() {
        Some(place) => format!("{place}, site {}", site.key),
        None => "(sites for which there was no room)".into(),
    }
}

/// The function that a closure stands in.
fn function_of(function: &Function) -> &str {
    let mut name = function.name.as_str();
    // As v0 has it, `::{closure#0}`, and as it was before, `::{{closure}}`: async functions are the same.
    while let Some((outer, last)) = name.rsplit_once("::")
        && last.starts_with('{')
        && last.contains("closure")
    {
        name = outer;
    }
    name
}

impl HeapProfile {
    /// Gives every site its name.
    pub(crate) fn name_sites(&mut self) {
        let names: Vec<_> = self.sites.iter().map(|site| names(self, site)).collect();
        for (site, (name, via)) in self.sites.iter_mut().zip(names) {
            (site.name, site.via) = (name, via);
        }
    }

    /// Where a site's stack is, the innermost place first: the file and where in it, or the address.
    pub(crate) fn places<'a>(&'a self, site: &'a ProfileSite) -> impl Iterator<Item = String> {
        self.stack(site).map(|location| match relative(location.address, &self.mappings) {
            (Some(file), offset) => format!("{file}+{offset:#x}"),
            (None, address) => format!("{address:#x}"),
        })
    }

    /// The functions of a site's stack that are worth showing, the innermost first: without the machinery that every
    /// allocation goes through, and without what calls `main`. All of them where that would leave none.
    pub(crate) fn shown<'a>(&'a self, site: &'a ProfileSite) -> impl Iterator<Item = &'a Function> {
        let all: Vec<&Function> = self.functions(site).collect();
        let shown = all.get(shown(&all)).unwrap_or_default().to_vec();
        if shown.is_empty() { all.into_iter() } else { shown.into_iter() }
    }

    /// As [`HeapProfile::shown`], by place: the index of each with those of its functions that are shown.
    pub(crate) fn shown_stack(&self, site: &ProfileSite) -> Vec<(u32, Range<usize>)> {
        let all: Vec<&Function> = self.functions(site).collect();
        let shown = shown(&all);
        let shown = if shown.is_empty() { 0..all.len() } else { shown };
        let mut at = 0;
        let part = |index: &u32| {
            let count = self.locations.get(*index as usize)?.functions.len();
            let first = at;
            at += count;
            let within = |bound: usize| bound.clamp(first, first + count) - first;
            let part = within(shown.start)..within(shown.end);
            // What has no name cannot be judged: its place says what it is.
            let is_between = all.is_empty() || (shown.start..shown.end).contains(&first);
            (!part.is_empty() || count == 0 && is_between).then_some((*index, part))
        };
        site.stack.iter().filter_map(part).collect()
    }
}

/// Which of the functions of a stack are worth showing.
fn shown(functions: &[&Function]) -> Range<usize> {
    let outermost = functions.iter().position(|function| function.name.contains(OUTERMOST));
    let end = outermost.unwrap_or(functions.len());
    // What calls `main` is called by machinery in its turn.
    let is_own = |function: &&Function| !is_on_the_way(function);
    let end = functions[..end].iter().rposition(is_own).map_or(end, |last| last + 1);
    let start = functions.iter().position(|function| !is_on_the_way(function));
    start.unwrap_or(end).min(end)..end
}

/// Whether a function is one that every allocation goes through.
pub(super) fn is_machinery(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&']);
    let starts_with = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
    if starts_with(&MACHINERY_SYMBOLS) || starts_with(&OWN_MACHINERY) {
        return true;
    }
    let crates = crates(name);
    // One without a crate may be C's.
    !crates.is_empty() && crates.iter().all(|name| MACHINERY.contains(name))
}

/// As [`is_machinery`]; and by its file, since lines without more debug information give inlined functions no path.
fn is_on_the_way(function: &Function) -> bool {
    let file = function.file.as_deref().unwrap_or_default();
    let is_machinerys = || MACHINERY_PATHS.iter().any(|path| file.contains(path));
    is_machinery(&function.name) || is_machinerys() || is_own_machinery(file)
}

/// Whether it is one of our own files on the way of an allocation: they lie beside this one.
fn is_own_machinery(file: &str) -> bool {
    let here = file!().trim_end_matches(HERE);
    let beside = file.split_once(here).map(|(_, rest)| rest);
    beside.is_some_and(|rest| OWN_FILES.iter().any(|own| rest.starts_with(own)))
}

/// Whether a function was written for this program, as far as its file tells, or its name.
fn is_own(function: &Function) -> bool {
    if is_on_the_way(function) {
        return false;
    }
    let crates = crates(&function.name);
    match &function.file {
        // Wherever it lies, it is not what is looked for.
        _ if crates.first() == Some(&"plimsoll") => false,
        Some(file) => !FOREIGN_PATHS.iter().any(|foreign| file.contains(foreign)),
        None => crates.iter().any(|name| !is_library(name)),
    }
}

fn is_library(name: &str) -> bool {
    MACHINERY.contains(&name) || LIBRARIES.contains(&name)
}

/// The crates that a function may be of: that of its path, or those of the type and the trait in `<type as trait>::name`.
fn crates(name: &str) -> Vec<&str> {
    let Some(inner) = name.strip_prefix('<') else {
        return crate_of(name).into_iter().collect();
    };
    let (of_type, of_trait) = match inner.split_once(" as ") {
        Some((of_type, of_trait)) => (of_type, Some(of_trait)),
        None => (inner, None),
    };
    let both = [crate_of(of_type), of_trait.and_then(crate_of)];
    both.into_iter().flatten().collect()
}

/// The first word of a path, past references and pointers; `None` for what has no path, such as a slice of bytes.
fn crate_of(path: &str) -> Option<&str> {
    let mut rest = path;
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['<', '&', '*', '[', '(', ' ']);
        for word in ["mut ", "const ", "dyn "] {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
        if rest == before {
            break;
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    // v0 names may tell crates of the same name apart: `name[1234]::`.
    let is_path = rest[end..].starts_with("::") || rest[end..].starts_with('[');
    (end > 0 && is_path).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Location;

    #[test]
    fn every_allocations_way_is_machinery() {
        for name in [
            "__rust_alloc",
            "__rustc::__rust_alloc",
            "alloc::raw_vec::RawVecInner<A>::finish_grow",
            "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
            "<plimsoll::allocator::Plimsoll<A> as core::alloc::global::GlobalAlloc>::alloc",
            "<alloc::vec::Vec<T> as alloc::vec::spec_from_iter::SpecFromIter<T,I>>::from_iter",
            "<alloc::vec::Vec<service::Order>>::push",
            "<[u8] as alloc::slice::Concat<u8>>::concat",
            "hashbrown::raw::RawTable<T,A>::reserve_rehash",
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            "<alloc[8d1f]::vec::Vec<u8>>::push",
        ] {
            assert!(is_machinery(name), "{name}");
        }
    }

    #[test]
    fn what_people_write_is_not() {
        for name in [
            "service::orders::remember",
            "<service::Order as core::clone::Clone>::clone",
            "<alloc::vec::Vec<u8> as service::Grow>::grow",
            "<&mut service::Order as core::fmt::Display>::fmt",
            "<dyn service::Job as service::Run>::run",
            "serde_json::de::from_slice",
            "main",
            "sqlite3_step",
            "stdlib_of_mine::f",
            "plimsoll::monitor::run::run",
        ] {
            assert!(!is_machinery(name), "{name}");
        }
    }

    fn function(name: &str, file: Option<&str>) -> Function {
        Function { name: name.into(), file: file.map(str::to_owned), line: None }
    }

    #[test]
    fn files_tell_whose_code_it_is_and_names_where_there_are_none() {
        assert!(is_own(&function("index::insert", Some("/src/service/index/src/lib.rs"))));
        assert!(is_own(&function("tokio::mine", Some("src/main.rs"))));
        let registry = "/home/a/.cargo/registry/src/index-1/lru-0.1/src/lib.rs";
        assert!(!is_own(&function("lru::LruCache<K,V>::put", Some(registry))));
        assert!(!is_own(&function("std::thread::spawn", Some("/rustc/abc/library/std/src/a.rs"))));
        assert!(!is_own(&function("plimsoll::monitor::run::run", Some("src/monitor/run.rs"))));
        assert!(is_own(&function("index::insert", None)));
        assert!(!is_own(&function(
            "<serde_json::value::Value as serde::de::Deserialize>::d",
            None
        )));
        assert!(is_own(&function("<serde_json::value::Value as service::Own>::d", None)));
    }

    #[test]
    fn a_closure_is_called_after_the_function_it_stands_in() {
        let named = |name| function_of(&function(name, None)).to_owned();
        assert_eq!(named("a::b::{{closure}}::{{closure}}"), "a::b");
        assert_eq!(named("a::b::{closure#0}"), "a::b");
        assert_eq!(named("<a::B as c::D>::e"), "<a::B as c::D>::e");
    }

    /// As they are named in a build that has lines and no more.
    #[test]
    fn what_has_no_path_is_told_by_its_file() {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/src/allocator.rs");
        for (name, file) in [
            ("booked<tikv_jemallocator::Jemalloc>", own),
            ("resize<std::alloc::System>", "src/counters/tenant.rs"),
            ("push<u8, alloc::alloc::Global>", "/rustc/59807616e1/library/alloc/src/vec/mod.rs"),
            ("reserve_rehash<u8>", "/home/a/.cargo/registry/src/i/hashbrown-0.17.1/src/raw.rs"),
        ] {
            let function = function(name, Some(file));
            assert_eq!(function.owner(), Owner::Machinery, "{name}");
        }
        assert!(is_own(&function("remember", Some("/src/service/src/main.rs"))));
    }

    /// As line tables name inlined functions.
    #[test]
    fn what_has_no_path_is_told_with_its_file_and_a_closure_by_what_it_is_in() {
        let mut profile = profile(&[&["__rust_alloc"], &["{closure#0}", "new", "service::main"]]);
        let functions = &mut profile.locations[1].functions;
        functions.iter_mut().for_each(|it| it.file = Some("/src/service/src/orders.rs".into()));
        functions[0].line = Some(7);
        profile.name_sites();
        assert_eq!(profile.sites[0].name(), "new (service/src/orders.rs)");
        let closure = "{closure#0} (service/src/orders.rs:7)";
        assert_eq!(profile.sites[0].via.as_deref(), Some(closure));
        // A library that calls whatever it is given has no part in its name, nor has who calls the library.
        let poll = function("poll", Some("/home/a/.cargo/registry/src/i/tokio-1.54.1/src/task.rs"));
        profile.locations[1].functions.insert(1, poll);
        profile.name_sites();
        assert_eq!((profile.sites[0].name(), &profile.sites[0].via), (closure, &None));
    }

    #[test]
    fn a_files_end_tells_it_from_others() {
        for (path, end) in [
            ("a", "a"),
            ("/a", "/a"),
            ("b/a", "b/a"),
            ("/c/b/a", "b/a"),
            ("/c/src/lib.rs", "c/src/lib.rs"),
            ("src/lib.rs", "src/lib.rs"),
            ("c:\\b\\a", "b\\a"),
        ] {
            assert_eq!(its_end(path), end, "{path}");
        }
    }

    #[test]
    fn what_is_further_out_does_not_name_what_nobody_could() {
        let named = |functions: &[&[&str]]| {
            let mut profile = profile(functions);
            profile.sites[0].key = "key".into();
            // The program, and two libraries.
            for (location, mapping) in profile.locations.iter_mut().zip([0, 1, 0, 0, 2]) {
                location.mapping = Some(mapping);
            }
            profile.name_sites();
            profile.sites[0].name().to_owned()
        };
        let capture: &[&str] = &["plimsoll::sampler::stack::Stack::capture"];
        let library: &[&str] = &["inflate"];
        let is_nameless = |name: &str| name.ends_with(", site key");
        // A library without symbols is no reason.
        assert_eq!(
            named(&[capture, &[], &["service::read"], &["service::main"], library]),
            "service::read"
        );
        assert!(is_nameless(&named(&[capture, library, &[], &["service::main"], library])));
        assert!(is_nameless(&named(&[capture, &[], &[], &[], &["start_thread"]])));
        assert!(is_nameless(&named(&[&[], &[], &[], &[], &[]])));
    }

    /// A profile with one site, whose stack has these functions, a place each.
    fn profile(stack: &[&[&str]]) -> HeapProfile {
        let location = |names: &&[&str]| Location {
            functions: names.iter().map(|name| function(name, None)).collect(),
            ..Location::default()
        };
        let site = ProfileSite { stack: (0..stack.len() as u32).collect(), ..Default::default() };
        let locations = stack.iter().map(location).collect();
        HeapProfile { locations, sites: vec![site], ..HeapProfile::default() }
    }

    const STACK: [&[&str]; 5] = [
        &["__rust_alloc"],
        &["alloc::raw_vec::RawVec<T>::grow", "serde_json::de::from_slice"],
        &["service::orders::remember"],
        &["alloc::boxed::Box<F>::call_once", "service::main"],
        &["std::sys::backtrace::__rust_begin_short_backtrace", "std::rt::lang_start"],
    ];

    #[test]
    fn a_site_is_called_after_the_programs_function_and_says_through_which_it_allocates() {
        let mut profile = profile(&STACK);
        profile.name_sites();
        assert_eq!(profile.sites[0].name(), "service::orders::remember");
        assert_eq!(profile.sites[0].via.as_deref(), Some("serde_json::de::from_slice"));
    }

    #[test]
    fn both_ends_of_a_stack_are_left_out_and_nothing_in_the_middle() {
        let mut stack = STACK.to_vec();
        stack.insert(4, &["core::ops::function::FnOnce::call_once"]);
        let profile = profile(&stack);
        let site = &profile.sites[0];
        let names: Vec<_> = profile.shown(site).map(|it| it.name.as_str()).collect();
        let expected = [
            "serde_json::de::from_slice",
            "service::orders::remember",
            "alloc::boxed::Box<F>::call_once",
            "service::main",
        ];
        assert_eq!(names, expected);
        let stack = profile.shown_stack(site);
        let functions = |(index, part): &(u32, Range<usize>)| {
            profile.locations[*index as usize].functions[part.clone()].to_vec()
        };
        let by_place: Vec<_> = stack.iter().flat_map(functions).map(|it| it.name).collect();
        assert_eq!(by_place, expected);
        assert_eq!(stack.len(), 3);
    }

    #[test]
    fn a_stack_of_machinery_only_is_shown_whole() {
        let profile = profile(&[&["__rust_alloc"], &["std::thread::spawn"]]);
        assert_eq!(profile.shown(&profile.sites[0]).count(), 2);
        assert_eq!(profile.shown_stack(&profile.sites[0]).len(), 2);
    }
}
