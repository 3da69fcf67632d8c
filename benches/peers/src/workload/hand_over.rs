//! Allocated on one thread, freed on another. An operation is one object of 64 bytes, from here to there.
//!
//! The objects are handed over in batches of a thousand through a bounded channel, and the emptied batches come back
//! through another: each object bears a thousandth of the channel's cost, and a thread seldom has to wait for the other,
//! for eight batches are under way. Both threads work at once, so the slower of the two sets the pace.

use super::Workload;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

const OBJECTS: usize = 1000;
const BATCHES: usize = 8;

type Batch = Vec<Box<[u64; 8]>>;

/// One direction.
struct Channel(SyncSender<Batch>, Mutex<Receiver<Batch>>);

impl Channel {
    fn new() -> Self {
        let (sender, receiver) = sync_channel(BATCHES);
        Channel(sender, Mutex::new(receiver))
    }
}

pub(super) fn workload() -> Workload {
    let (full, empty) = (Channel::new(), Channel::new());
    for _ in 0..BATCHES {
        empty.0.send(Vec::with_capacity(OBJECTS)).expect("the channel has room for all batches");
    }
    let work = move |thread, repeats| match thread {
        0 => move_batches(repeats, &empty, &full, fill),
        _ => move_batches(repeats, &full, &empty, Batch::clear),
    };
    Workload { work: Box::new(work), operations: OBJECTS as u64, fixed_threads: Some(2) }
}

fn fill(batch: &mut Batch) {
    batch.extend((0..OBJECTS).map(|_| black_box(Box::new([0; 8]))));
}

fn move_batches(repeats: u64, from: &Channel, to: &Channel, change: impl Fn(&mut Batch)) {
    let from = from.1.lock().expect("no workload panics");
    for _ in 0..repeats {
        let mut batch = from.recv().expect("both ends live as long as the workload");
        change(&mut batch);
        to.0.send(batch).expect("both ends live as long as the workload");
    }
}
