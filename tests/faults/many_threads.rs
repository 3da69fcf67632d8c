//! Threads by the thousand: slots are as many as threads ran at once, memory does not grow, figures are exact.

use crate::common::block::{Block, Global, live_since, start, words};
use crate::common::harness::cases;
use std::sync::{Arc, Barrier};
use std::thread::{Builder, JoinHandle};

cases![ten_thousand_short_threads_use_fifty_slots, two_thousand_threads_alive_at_once];

const WAVE: usize = 50;
const WAVES: usize = 200;

fn small_thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().stack_size(256 * 1024).spawn(body).expect("room for a thread")
}

/// All alive at once, each with an object of its own; the odd ones keep it beyond their end.
fn wave(threads: usize) -> Vec<Block> {
    let barrier = Arc::new(Barrier::new(threads));
    let threads: Vec<_> = (0..threads)
        .map(|number| {
            let barrier = barrier.clone();
            small_thread(move || {
                let block = Block::new(&Global, words(100 + number)).unwrap();
                barrier.wait();
                if number % 2 == 1 {
                    return Some(block);
                }
                block.free(&Global);
                None
            })
        })
        .collect();
    threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
}

/// Resident bytes, and mapped ones.
fn process_bytes() -> (u64, u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let mut pages = statm.split(' ').map(|pages| pages.parse::<u64>().unwrap() * 4096);
    let (mapped, roughly) = (pages.next().unwrap(), pages.next().unwrap());
    // Exact, where there is one; `statm` leaves out what each processor has not yet told the others.
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let exactly = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let exactly = exactly.map(|kb| kb.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
    (exactly.map_or(roughly, |kb| kb * 1024), mapped)
}

fn ten_thousand_short_threads_use_fifty_slots() {
    let start = start();
    let mut settled = (0, 0);
    for number in 0..WAVES {
        if number == WAVES / 4 {
            settled = process_bytes();
        }
        wave(WAVE).into_iter().for_each(|block| block.free(&Global));
        assert_eq!(live_since(start), (0, 0), "after wave {number}");
    }
    let slots = plimsoll::counts().thread_slots.unwrap();
    println!("{slots} slots after {} threads", WAVE * WAVES);
    assert!((51..=60).contains(&slots), "{slots} slots for {WAVE} threads at once and this one");
    let (resident, mapped) = process_bytes();
    println!("resident {settled:?} -> {resident}, mapped -> {mapped}");
    assert!(resident < settled.0 + (4 << 20), "7500 threads later: {settled:?} to {resident}");
    assert!(mapped < settled.1 + (64 << 20), "7500 threads later: {settled:?} to {mapped}");
}

fn two_thousand_threads_alive_at_once() {
    const THREADS: usize = 2000;
    let start = start();
    let kept = wave(THREADS);
    let odd = (1..THREADS).step_by(2).map(|number| 100 + number);
    let bytes: usize = odd.sum::<usize>() + kept.capacity() * size_of::<Block>();
    assert_eq!(live_since(start), (1001, bytes.try_into().unwrap()));
    let slots = plimsoll::counts().thread_slots.unwrap();
    assert!((2001..=2010).contains(&slots), "{slots} slots");
    kept.into_iter().for_each(|block| block.free(&Global));
    assert_eq!(live_since(start), (0, 0));
}
