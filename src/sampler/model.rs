//! Every interleaving of small programs over a real bucket, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --features profile --lib model`.
#![allow(clippy::expect_used, reason = "a model without places fails")]

use super::bucket::{Bucket, PLACES, Record};
use loom::sync::Arc;
use loom::thread;

const FIRST: u64 = 1 << 12;
const SECOND: u64 = 2 << 12;

/// A record whose every part says the same number.
fn record(number: u64) -> Record {
    Record { size: number, mean: number, site: u32::try_from(number).ok(), align_log2: 12 }
}

fn enter(bucket: &Bucket, address: u64) -> usize {
    let place = bucket.claim().expect("models have places");
    bucket.fill(place, address, &record(address));
    place
}

/// As its owner takes it.
fn take(bucket: &Bucket, address: u64) -> Option<Record> {
    assert!(!bucket.is_empty(), "an object stands in it");
    bucket.take(address, address)
}

fn assert_whole(found: Option<Record>) {
    if let Some(found) = found {
        assert_eq!(found, record(found.size), "a mixture of two records");
    }
}

/// Every interleaving with at most two preemptions.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

/// One object leaves, and another takes its place, while somebody reads.
#[test]
fn a_reader_never_sees_a_mixture() {
    bounded(|| {
        let bucket = Arc::new(Bucket::new());
        let place = enter(&bucket, FIRST);
        let writer = {
            let bucket = bucket.clone();
            thread::spawn(move || {
                // Left without a look at the record: loom remembers the last access alone, and a look of the writer's own
                // before it writes would hide the reader's.
                bucket.release(place);
                assert_eq!(enter(&bucket, SECOND), place);
            })
        };
        assert_whole(bucket.read(place));
        writer.join().expect("writer");
        assert_eq!(bucket.read(place), Some(record(SECOND)));
    });
}

/// Two threads never get the same place, and each finds what it entered.
#[test]
fn two_threads_have_two_places() {
    bounded(|| {
        let bucket = Arc::new(Bucket::new());
        // All but two are taken, so that there is something to fight for.
        for _ in 2..PLACES {
            bucket.claim().expect("an empty bucket");
        }
        let other = {
            let bucket = bucket.clone();
            thread::spawn(move || {
                enter(&bucket, FIRST);
                assert_eq!(take(&bucket, FIRST), Some(record(FIRST)));
            })
        };
        enter(&bucket, SECOND);
        assert_eq!(take(&bucket, SECOND), Some(record(SECOND)));
        other.join().expect("other");
        assert!(PLACES > 2 || bucket.is_empty(), "somebody was counted who has gone");
        assert!(bucket.claim().is_some() && bucket.claim().is_some(), "a place was lost");
    });
}

/// A record is handed over with its object: whoever frees it finds all of it.
#[test]
fn an_object_is_found_by_the_thread_it_was_handed_to() {
    bounded(|| {
        let bucket = Arc::new(Bucket::new());
        let is_there = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let maker = {
            let (bucket, is_there) = (bucket.clone(), is_there.clone());
            thread::spawn(move || {
                enter(&bucket, FIRST);
                is_there.store(true, loom::sync::atomic::Ordering::Release);
            })
        };
        if is_there.load(loom::sync::atomic::Ordering::Acquire) {
            assert_eq!(take(&bucket, FIRST), Some(record(FIRST)));
        }
        maker.join().expect("maker");
    });
}
