//! A profile as pprof reads it: protobuf, compressed.

use super::proto;
use crate::profile::{Estimate, Function, HeapProfile, Location, ProfileSite};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;

/// What each sample has a value of, and its unit.
const TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

impl HeapProfile {
    /// The profile as pprof and what understands its files read it: `profile.proto`, gzip.
    ///
    /// Every sample has four values, scaled to estimates of everything: `alloc_objects`, `alloc_space`, `inuse_objects`, and
    /// `inuse_space`, which is shown unless another is asked for. Tag and thread are labels. With symbols, the functions that
    /// every allocation goes through are left out; without, mappings and build ids let pprof find the names by itself.
    ///
    /// ```
    /// let bytes = plimsoll::HeapProfiler::read().to_pprof();
    /// assert_eq!(bytes[..2], [0x1f, 0x8b]); // gzip
    /// ```
    pub fn to_pprof(&self) -> Vec<u8> {
        let plain = Encoder::of(self).encode_to_vec();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory cannot fail; what is not compressed can be read as well.
        let written = encoder.write_all(&plain).and_then(|()| encoder.finish());
        written.unwrap_or(plain)
    }
}

/// Texts, each once; the first is the empty one.
#[derive(Default)]
struct Texts {
    known: HashMap<String, i64>,
    all: Vec<String>,
}

impl Texts {
    fn of(&mut self, text: &str) -> i64 {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        let index = self.all.len() as i64;
        self.all.push(text.to_owned());
        self.known.insert(text.to_owned(), index);
        index
    }
}

/// A location's index and which of its functions are shown: another place in the file for each.
type Place = (u32, Range<usize>);

struct Encoder<'a> {
    profile: &'a HeapProfile,
    texts: Texts,
    places: HashMap<Place, u64>,
    functions: HashMap<(&'a str, Option<&'a str>), u64>,
    out: proto::Profile,
}

impl<'a> Encoder<'a> {
    fn of(profile: &'a HeapProfile) -> proto::Profile {
        let mut encoder = Encoder {
            profile,
            texts: Texts::default(),
            places: HashMap::new(),
            functions: HashMap::new(),
            out: proto::Profile::default(),
        };
        encoder.texts.of("");
        encoder.head();
        encoder.mappings();
        for site in &profile.sites {
            encoder.sample(site);
        }
        encoder.out.string_table = encoder.texts.all;
        encoder.out
    }

    fn head(&mut self) {
        let types: Vec<_> = TYPES.into_iter().map(|of| self.value_type(of)).collect();
        self.out.default_sample_type = types.last().map_or(0, |last| last.r#type);
        self.out.sample_type = types;
        self.out.time_nanos = (self.profile.timestamp * 1e9) as i64;
        self.out.period_type = Some(self.value_type(("space", "bytes")));
        self.out.period = self.profile.mean_bytes as i64;
        self.out.comment = comments(self.profile).iter().map(|text| self.texts.of(text)).collect();
    }

    fn value_type(&mut self, (of, unit): (&str, &str)) -> proto::ValueType {
        proto::ValueType { r#type: self.texts.of(of), unit: self.texts.of(unit) }
    }

    fn mappings(&mut self) {
        let has = self.profile.has_symbols;
        let mut ids = 1..;
        for mapping in &self.profile.mappings {
            let (filename, build_id) = (
                self.texts.of(&mapping.path),
                self.texts.of(mapping.build_id.as_deref().unwrap_or_default()),
            );
            self.out.mapping.push(proto::Mapping {
                id: ids.next().unwrap_or_default(),
                memory_start: mapping.start,
                memory_limit: mapping.end,
                file_offset: mapping.file_offset,
                filename,
                build_id,
                has_functions: has,
                has_filenames: has,
                has_line_numbers: has,
                has_inline_frames: has,
            });
        }
    }

    fn sample(&mut self, site: &'a ProfileSite) {
        let profile = self.profile;
        let stack = profile.shown_stack(site);
        let location_id = stack.into_iter().map(|(index, part)| self.place((index, part)));
        let location_id = location_id.collect();
        let labels = [("tag", &site.tag), ("thread", &site.thread)];
        let label = labels.into_iter().filter_map(|(key, text)| {
            let text = text.as_deref()?;
            Some(proto::Label { key: self.texts.of(key), str: self.texts.of(text) })
        });
        let label = label.collect();
        self.out.sample.push(proto::Sample { location_id, value: values(site), label });
    }

    fn place(&mut self, place: Place) -> u64 {
        if let Some(id) = self.places.get(&place) {
            return *id;
        }
        let id = self.places.len() as u64 + 1;
        self.places.insert(place.clone(), id);
        let (index, part) = place;
        let profile = self.profile;
        if let Some(location) = profile.locations.get(index as usize) {
            let functions = location.functions.get(part).unwrap_or_default();
            let line = functions.iter().map(|function| self.line(function)).collect();
            self.out.location.push(at(id, location, line));
        }
        id
    }

    fn line(&mut self, function: &'a Function) -> proto::Line {
        let key = (function.name.as_str(), function.file.as_deref());
        let line = function.line.map_or(0, i64::from);
        if let Some(id) = self.functions.get(&key) {
            return proto::Line { function_id: *id, line };
        }
        let id = self.functions.len() as u64 + 1;
        self.functions.insert(key, id);
        let name = self.texts.of(key.0);
        let filename = self.texts.of(key.1.unwrap_or_default());
        self.out.function.push(proto::Function { id, name, system_name: name, filename });
        proto::Line { function_id: id, line }
    }
}

fn at(id: u64, location: &Location, line: Vec<proto::Line>) -> proto::Location {
    let mapping_id = location.mapping.map_or(0, |index| u64::from(index) + 1);
    // Within the call: the return address may be another line's, or another function's.
    proto::Location { id, mapping_id, address: location.address.saturating_sub(1), line }
}

/// In the order of [`TYPES`].
fn values(site: &ProfileSite) -> Vec<i64> {
    let figures =
        [site.allocated_objects, site.allocated_bytes, site.live_objects, site.live_bytes];
    figures.iter().map(|figure| figure.value.round() as i64).collect()
}

/// What the format has no place for: the errors, and what is missing.
fn comments(profile: &HeapProfile) -> Vec<String> {
    let within = |what: &str, it: &Estimate| {
        format!("{what}: {:.0}, with 95 % between {:.0} and {:.0}", it.value, it.low, it.high)
    };
    let lost = &profile.lost;
    let missing = lost.table_full + lost.sites_full + lost.refused + lost.busy;
    vec![
        within("inuse_space", &profile.live_bytes),
        within("inuse_objects", &profile.live_objects),
        format!("{} live samples, {missing} samples lost", profile.live_samples),
    ]
}

#[cfg(test)]
mod tests;
