//! A `BTreeMap` of strings, built and dropped. An operation is one entry of a thousand.

use super::Workload;
use crate::random::Random;
use std::collections::BTreeMap;
use std::hint::black_box;

const ENTRIES: usize = 1000;

pub(super) fn workload() -> Workload {
    let entries = entries();
    Workload::of_each_thread(ENTRIES as u64, move |_, repeats| {
        for _ in 0..repeats {
            let map: BTreeMap<String, String> = {
                let mut map = BTreeMap::new();
                entries.iter().for_each(|(key, value)| {
                    map.insert(key.clone(), value.clone());
                });
                map
            };
            black_box(&map);
        }
    })
}

fn entries() -> Vec<(String, String)> {
    let mut random = Random::new(0);
    let mut entries: Vec<_> = (0..ENTRIES)
        .map(|number| (format!("key/{number:06}"), "value ".repeat(1 + random.below(10))))
        .collect();
    random.shuffle(&mut entries);
    entries
}
