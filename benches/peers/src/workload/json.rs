//! 1 MB of JSON parsed by `serde_json` into a `Value`, and dropped. An operation is one document.

use super::Workload;
use crate::random::Random;
use serde_json::{Value, json};
use std::hint::black_box;

const BYTES: usize = 1_000_000;

pub(super) fn workload() -> Workload {
    let text = document();
    Workload::of_each_thread(1, move |_, repeats| {
        for _ in 0..repeats {
            let value: Value = serde_json::from_slice(black_box(&text)).expect("it is JSON");
            black_box(&value);
        }
    })
}

/// Records such as a web service sends: nested, with numbers and with short and longer strings.
fn document() -> Vec<u8> {
    let mut random = Random::new(0);
    let mut text = b"[".to_vec();
    while text.len() < BYTES {
        if text.len() > 1 {
            text.push(b',');
        }
        text.extend(record(&mut random).to_string().into_bytes());
    }
    text.push(b']');
    text
}

fn record(random: &mut Random) -> Value {
    let words = |random: &mut Random, most| -> String {
        (0..=random.below(most)).map(|_| format!("word{} ", random.below(1000))).collect()
    };
    json!({
        "id": random.next(),
        "name": words(random, 3),
        "active": random.below(2) == 0,
        "score": random.below(1_000_000) as f64 / 1000.0,
        "address": { "street": words(random, 4), "city": words(random, 2), "zip": random.below(99_999) },
        "tags": (0..random.below(6)).map(|_| words(random, 1)).collect::<Vec<_>>(),
        "about": words(random, 30),
        "parent": null,
    })
}
