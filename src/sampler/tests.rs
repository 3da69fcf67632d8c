//! A bucket, one step at a time; its interleavings are in `model.rs`.
#![allow(clippy::unwrap_used, reason = "a test without places fails")]

use super::bucket::{Bucket, PLACES, Record};

fn record(size: u64, site: Option<u32>) -> Record {
    Record { size, mean: 512, site, align_log2: 12 }
}

#[test]
fn a_bucket_gives_back_what_it_took_until_it_is_full() {
    let bucket = Bucket::new();
    assert!(bucket.is_empty());
    for number in 1..=PLACES as u64 {
        let place = bucket.claim().unwrap();
        bucket.fill(place, number << 12, &record(number, Some(number as u32)));
    }
    assert_eq!(bucket.claim(), None);
    assert_eq!(bucket.find(99 << 12, 99), None);
    assert_eq!(bucket.find(3 << 12, 4), None, "another object, at its beginning");
    assert_eq!(bucket.find(3 << 12, 3), Some(record(3, Some(3))));
    assert_eq!(bucket.take(3 << 12, 3), Some(record(3, Some(3))));
    assert_eq!(bucket.take(3 << 12, 3), None);
    let place = bucket.claim().unwrap();
    assert_eq!(bucket.read(place), None, "claimed, and nobody there yet");
    bucket.release(place);
    let all: u64 = (0..PLACES).filter_map(|place| bucket.read(place)).map(|r| r.size).sum();
    assert_eq!(all, (1..=PLACES as u64).sum::<u64>() - 3);
    assert!(!bucket.is_empty());
    for number in (1..=PLACES as u64).filter(|number| *number != 3) {
        assert!(bucket.take(number << 12, number).is_some());
    }
    assert!(bucket.is_empty(), "all have gone");
}
