//! What a heap profile looks like outside: pprof's file, collapsed stacks, a flame graph, the largest sites as JSON.

mod collapsed;
mod flame;
mod pprof;
mod proto;
mod stack;
mod svg;
mod top;

pub use top::{TopFunction, TopSite, TopSites};

#[cfg(test)]
mod tests {
    use crate::profile::{Function, HeapProfile, Mapping};
    use crate::sampler::{RawSample, RawSite, Reading};
    use crate::snapshot::Moment;

    const BASE: usize = 0x10_000;

    /// Two sites of known size: 64 MiB in an index, 1 MiB beside it.
    pub(super) fn without_symbols() -> HeapProfile {
        let site = |frames: &[usize], tag| RawSite {
            frames: frames.iter().map(|frame| BASE + frame).collect(),
            tag,
            samples: 1,
            ..RawSite::default()
        };
        let sites = vec![site(&[0x10, 0x20, 0x30], Some("index")), site(&[0x40, 0x30], None)];
        // So much more than the mean that it is there for certain.
        let sample = |site, size| RawSample { site, size, mean_bytes: 1 << 10 };
        let samples = vec![sample(0, 64 << 20), sample(1, 1 << 20)];
        let reading =
            Reading { is_running: true, mean_bytes: 1 << 10, sites, samples, ..Reading::default() };
        let mapping = Mapping {
            start: BASE as u64,
            end: BASE as u64 + 0x1000,
            file_offset: 0x400,
            path: "/opt/service".into(),
            build_id: Some("c0ffee".into()),
        };
        HeapProfile::of(&reading, vec![mapping], Moment::now())
    }

    /// The same with names.
    pub(super) fn profile() -> HeapProfile {
        let function = |name: &str, file: Option<&str>, line| Function {
            name: name.into(),
            file: file.map(str::to_owned),
            line,
        };
        let mut profile = without_symbols();
        let json = "/root/.cargo/registry/src/a/serde_json/src/de.rs";
        for location in &mut profile.locations {
            location.functions = match location.address as usize - BASE {
                0x10 => vec![
                    function("alloc::vec::Vec<T>::push", None, None),
                    function("serde_json::de::from_slice", Some(json), Some(7)),
                ],
                0x20 => vec![function("service::index::insert", Some("src/index.rs"), Some(42))],
                0x30 => vec![
                    function("service::main", None, None),
                    function("std::sys::backtrace::__rust_begin_short_backtrace", None, None),
                ],
                _ => vec![function("<[Vec<u8>; 4] as service::Grow>::grow", None, None)],
            };
        }
        profile.has_symbols = true;
        profile.name_sites();
        profile
    }
}
