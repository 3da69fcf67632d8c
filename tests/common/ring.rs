//! Eight threads in a ring that allocate, resize, hand on, free and keep: the same load for every judge.

use super::block::{Block, Global};
use super::random::Random;
use std::sync::mpsc::{Receiver, Sender, channel};

const THREADS: usize = 8;
const ROUNDS: usize = 3000;

/// Runs the ring to its end; says how many objects and bytes were kept, leaked on purpose.
pub(crate) fn run() -> (i64, i64) {
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    senders.rotate_left(1);
    let threads: Vec<_> = senders
        .into_iter()
        .zip(receivers)
        .zip(0..)
        .map(|((to, from), seed)| std::thread::spawn(move || member(seed, to, from)))
        .collect();
    let kept = threads.into_iter().map(|thread| thread.join().expect("a member of the ring"));
    kept.fold((0, 0), add)
}

fn add(sum: (i64, i64), kept: (i64, i64)) -> (i64, i64) {
    (sum.0 + kept.0, sum.1 + kept.1)
}

/// Makes objects, hands half of them on, and deals with what the neighbour handed over until it has ended.
fn member(seed: u64, to: Sender<Block>, from: Receiver<Block>) -> (i64, i64) {
    let mut random = Random::seeded(seed);
    let mut kept = (0, 0);
    for _ in 0..ROUNDS {
        let block = made(&mut random);
        if random.below(2) == 0 {
            to.send(block).expect("the neighbour listens to the end");
        } else {
            kept = add(kept, finished(block, &mut random));
        }
        if let Ok(block) = from.try_recv() {
            kept = add(kept, finished(block, &mut random));
        }
    }
    drop(to);
    from.into_iter().fold(kept, |kept, block| add(kept, finished(block, &mut random)))
}

fn made(random: &mut Random) -> Block {
    let layout = random.layout();
    let block = if random.below(2) == 0 {
        Block::new(&Global, layout)
    } else {
        Block::zeroed(&Global, layout)
    };
    block.expect("memory")
}

/// Resizes up to three times, then frees; one in a hundred is kept.
fn finished(mut block: Block, random: &mut Random) -> (i64, i64) {
    for _ in 0..random.below(4) {
        assert!(block.resize(&Global, random.size()));
    }
    if random.below(100) == 0 {
        return (1, block.keep());
    }
    block.free(&Global);
    (0, 0)
}
