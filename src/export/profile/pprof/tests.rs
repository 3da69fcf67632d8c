//! What is written is read again, and says the same.

use super::*;
use crate::export::profile::tests::{profile, without_symbols};
use std::io::Read;

fn read(profile: &HeapProfile) -> proto::Profile {
    let mut plain = Vec::new();
    let compressed = profile.to_pprof();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut plain).expect("gzip");
    proto::Profile::decode(&plain[..]).expect("a profile")
}

fn text(profile: &proto::Profile, index: i64) -> &str {
    &profile.string_table[index as usize]
}

/// The names of a sample's functions, the innermost first.
fn names(profile: &proto::Profile, sample: &proto::Sample) -> Vec<String> {
    let location = |id: &u64| profile.location.iter().find(|it| it.id == *id).expect("a location");
    let function = |id: u64| profile.function.iter().find(|it| it.id == id).expect("a function");
    let lines = sample.location_id.iter().flat_map(|id| &location(id).line);
    lines.map(|line| text(profile, function(line.function_id).name).to_owned()).collect()
}

#[test]
fn types_and_units_are_a_heap_profiles() {
    let read = read(&profile());
    let types = read.sample_type.iter();
    let types: Vec<_> = types.map(|of| (text(&read, of.r#type), text(&read, of.unit))).collect();
    assert_eq!(types, TYPES);
    assert_eq!(text(&read, read.default_sample_type), "inuse_space");
    assert_eq!(read.period, 1 << 10);
    assert_eq!(read.string_table[0], "");
    let comments: Vec<_> = read.comment.iter().map(|index| text(&read, *index)).collect();
    assert!(comments[0].starts_with("inuse_space: 68157440"), "{comments:?}");
}

#[test]
fn stacks_values_and_labels() {
    let read = read(&profile());
    let [index, other] = &read.sample[..] else { panic!("two samples") };
    assert_eq!(index.value, [0, 0, 1, 64 << 20]);
    assert_eq!(
        names(&read, index),
        ["serde_json::de::from_slice", "service::index::insert", "service::main"]
    );
    let label = &index.label[0];
    assert_eq!((text(&read, label.key), text(&read, label.str)), ("tag", "index"));
    assert!(other.label.is_empty());
    assert_eq!(names(&read, other).len(), 2);
    // `main` is at one place, whoever calls from it.
    assert_eq!(index.location_id.last(), other.location_id.last());
}

#[test]
fn without_names_there_are_mappings_with_build_ids() {
    let read = read(&without_symbols());
    let mapping = &read.mapping[0];
    assert_eq!(text(&read, mapping.build_id), "c0ffee");
    assert_eq!((mapping.id, mapping.memory_start, mapping.file_offset), (1, 0x10_000, 0x400));
    assert!(!mapping.has_functions);
    let addresses: Vec<_> = read.location.iter().map(|it| (it.mapping_id, it.address)).collect();
    assert_eq!(addresses[0], (1, 0x10_00f), "within the call");
    assert_eq!(read.sample[0].location_id.len(), 3);
}

#[test]
fn an_empty_profile_is_one() {
    let read = read(&HeapProfile::default());
    assert!(read.sample.is_empty());
    assert_eq!(read.sample_type.len(), 4);
}
