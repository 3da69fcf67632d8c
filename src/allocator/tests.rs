//! Objects on their way through the sample, over an inner allocator that is told off for every wrong layout.
#![expect(unsafe_code, reason = "calls an allocator by hand")]
#![allow(clippy::unwrap_used, reason = "a test fails")]

mod inner;

use super::Plimsoll;
use crate::sampler::{RawSample, Tag, is_in_sample, read, start, stop};
use inner::{Arena, Needy, Object, Strict};
use parking_lot::{Mutex, MutexGuard};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The mean is one for the process: tests that set it come one after another, and end what they began.
struct Turn(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Turn {
    fn with(mean: u64) -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let turn = Turn(ONE_AT_A_TIME.lock());
        start(mean, false).unwrap();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        stop();
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Sampled live bytes of a tag: a test's own, whatever else the process allocates meanwhile.
fn live_bytes(tag: &Tag) -> u64 {
    let reading = read();
    let of_tag = |sample: &&RawSample| reading.sites[sample.site as usize].tag == Some(tag.name());
    reading.samples.iter().filter(of_tag).map(|sample| sample.size).sum()
}

#[test]
fn with_a_mean_of_a_byte_every_object_is_sampled_and_leaves_again() {
    static OWN: Tag = Tag::new("every");
    let _tag = OWN.enter();
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Strict::new());
    let before = live_bytes(&OWN);
    let mut objects: Vec<Object<'_>> =
        [(8192, 8), (100, 1), (5000, 64), (4096, 4096), (70_000, 16)]
            .map(|(size, align)| Object::new(&alloc, layout(size, align), size == 5000))
            .into();
    objects.push(Object::new(&alloc, layout(3 << 20, 2 << 20), false));
    let all: usize = objects.iter().map(|object| object.layout.size()).sum();
    assert_eq!(live_bytes(&OWN) - before, all as u64);
    for object in &mut objects {
        assert!(object.ptr.addr().is_multiple_of(4096));
        object.resize(object.layout.size() * 3);
        object.resize(object.layout.size() * 2 / 3);
    }
    assert_eq!(live_bytes(&OWN) - before, 2 * all as u64);
    drop(objects);
    assert_eq!(live_bytes(&OWN), before);
    assert!(alloc.inner().objects.lock().is_empty());
}

/// Any order of calls, at any mean, also while sampling starts and stops: layouts, contents and the table stay right.
#[test]
fn random_scripts_leave_nothing_behind() {
    static OWN: Tag = Tag::new("scripts");
    let _tag = OWN.enter();
    let turn = Turn::with(1);
    let before = live_bytes(&OWN);
    let alloc = Plimsoll::new(Strict::new());
    let mut random = fastrand::Rng::with_seed(6);
    let mut objects = Vec::new();
    for step in 0..60_000 {
        if step % 500 == 0 {
            match [0, 1, 64, 3000, 100_000][random.usize(..5)] {
                0 => stop(),
                mean => start(mean, random.bool()).unwrap(),
            }
        }
        let most = 1 << random.u32(1..16);
        let size = 1 + random.usize(..most);
        match random.u32(..10) {
            0..4 => {
                let align = 1 << random.u32(..14);
                objects.push(Object::new(&alloc, layout(size, align), random.bool()));
            }
            4..8 if !objects.is_empty() => {
                let index = random.usize(..objects.len());
                objects[index].resize(size);
            }
            _ if !objects.is_empty() => drop(objects.swap_remove(random.usize(..objects.len()))),
            _ => {}
        }
        if objects.len() > 500 {
            objects.truncate(100);
        }
    }
    drop(objects);
    assert_eq!(live_bytes(&OWN), before);
    assert!(alloc.inner().objects.lock().is_empty());
    assert!(alloc.inner().aligned.load(Ordering::Relaxed) > 5_000, "hardly any was sampled");
    drop(turn);
}

#[test]
fn what_the_inner_allocator_refuses_changes_nothing() {
    static OWN: Tag = Tag::new("refused");
    let _tag = OWN.enter();
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Strict::new());
    let mut object = Object::new(&alloc, layout(5000, 8), false);
    let before = live_bytes(&OWN);
    alloc.inner().refuses.store(true, Ordering::Relaxed);
    for size in [9000, 100, isize::MAX as usize - 5000] {
        // SAFETY: an object of this layout; not to zero bytes, nor to more than can be.
        let moved = unsafe { alloc.realloc(object.ptr, object.layout, size) };
        assert!(moved.is_null());
        assert_eq!(live_bytes(&OWN), before);
    }
    // SAFETY: not of zero bytes.
    assert!(unsafe { alloc.alloc(layout(64, 8)) }.is_null());
    alloc.inner().refuses.store(false, Ordering::Relaxed);
    object.resize(6000);
    assert_eq!(live_bytes(&OWN), before + 1000);
}

/// More objects than there are places: what finds none is given out as it was.
#[test]
fn a_full_table_loses_samples_and_nothing_else() {
    static OWN: Tag = Tag::new("full");
    let _tag = OWN.enter();
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Strict::new());
    let (lost, before) = (read().lost.table_full, live_bytes(&OWN));
    let mut objects: Vec<_> =
        (0..150_000).map(|_| Object::new(&alloc, layout(16, 8), false)).collect();
    let reading = read();
    assert!(reading.lost.table_full >= lost + 150_000 - (1 << 17));
    assert!(reading.samples.len() > 100_000);
    // Of those that move, most find their new buckets full; and these are empty when they leave.
    let mut strays: Vec<_> = objects.drain(..60).collect();
    strays.iter_mut().for_each(|object| object.resize(10_000));
    drop(objects);
    assert_eq!(live_bytes(&OWN), before + 60 * 10_000);
    drop(strays);
    assert_eq!(live_bytes(&OWN), before);
    assert!(alloc.inner().objects.lock().is_empty());
}

/// The estimate of what is live, after objects have grown and shrunk in every way, over many rounds.
#[test]
fn an_object_is_sampled_with_the_chance_of_its_size_whatever_its_history() {
    let _turn = Turn::with(4000);
    let alloc = Plimsoll::new(System);
    let histories: [&[usize]; 5] =
        [&[3000], &[100, 3000], &[9000, 3000], &[100, 9000, 50, 3000], &[3000, 2999, 3000]];
    const ROUNDS: usize = 20_000;
    let chance = -(-3000.0_f64 / 4000.0).exp_m1();
    for history in histories {
        let mut hits = 0;
        for _ in 0..ROUNDS {
            let mut now = layout(history[0], 8);
            // SAFETY: objects of the layouts that they have.
            unsafe {
                let mut ptr = alloc.alloc(now);
                for size in &history[1..] {
                    ptr = alloc.realloc(ptr, now, *size);
                    now = layout(*size, 8);
                }
                hits += usize::from(is_in_sample(ptr, now.size()));
                alloc.dealloc(ptr, now);
            }
        }
        let share = hits as f64 / ROUNDS as f64;
        // Five standard errors.
        let error = 5.0 * (chance * (1.0 - chance) / ROUNDS as f64).sqrt();
        assert!((share - chance).abs() < error, "{history:?}: {share}, not {chance}");
    }
}

/// A thread is sampled from its first object on, whatever it did before.
#[test]
fn a_thread_that_begins_with_a_free_is_sampled() {
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Strict::new());
    let handed_over = Object::new(&alloc, layout(64, 8), false);
    let work = || {
        drop(handed_over);
        Object::new(&alloc, layout(1000, 8), false).is_in_sample()
    };
    assert!(std::thread::scope(|scope| scope.spawn(work).join().unwrap()));
}

/// Growth that is refused takes no chance from what comes after it.
#[test]
fn an_object_is_as_likely_in_the_sample_after_growth_was_refused() {
    const ROUNDS: usize = 5000;
    let _turn = Turn::with(40_000);
    let alloc = Plimsoll::new(Strict::new());
    let refuse = |refuses| alloc.inner().refuses.store(refuses, Ordering::Relaxed);
    let object = Object::new(&alloc, layout(64, 8), false);
    let mut hits = 0;
    for _ in 0..ROUNDS {
        refuse(true);
        // SAFETY: an object of this layout; not to zero bytes.
        assert!(unsafe { alloc.realloc(object.ptr, object.layout, 70_000) }.is_null());
        refuse(false);
        hits += usize::from(Object::new(&alloc, layout(3000, 8), false).is_in_sample());
    }
    let (share, chance) = (hits as f64 / ROUNDS as f64, -(-3000.0_f64 / 40_000.0).exp_m1());
    let error = 5.0 * (chance * (1.0 - chance) / ROUNDS as f64).sqrt();
    assert!((share - chance).abs() < error, "{share}, not {chance}");
}

#[test]
fn what_a_sample_needs_is_in_no_sample() {
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Needy { notes: Plimsoll::new(System), sampled: AtomicUsize::new(0) });
    // SAFETY: an object of this layout, not written to.
    unsafe {
        let ptr = alloc.alloc(layout(1000, 8));
        assert!(is_in_sample(ptr, 1000));
        alloc.dealloc(ptr, layout(1000, 8));
    }
    assert_eq!(alloc.inner().sampled.load(Ordering::Relaxed), 0);
}

/// An arena's first object has the address of its chunk, and the chunk may be in the sample: the object is not the chunk.
#[test]
fn the_first_object_of_a_sampled_chunk_is_not_taken_for_it() {
    let _turn = Turn::with(1);
    let alloc = Plimsoll::new(Strict::new());
    let chunk = Object::new(&alloc, layout(5000, 8), false);
    assert!(chunk.is_in_sample());
    stop();
    let arena = Plimsoll::new(Arena { chunk: chunk.ptr });
    // SAFETY: an object of this layout, not written to.
    unsafe {
        let ptr = arena.alloc(layout(64, 8));
        assert_eq!(ptr, chunk.ptr);
        arena.dealloc(ptr, layout(64, 8));
    }
    assert!(chunk.is_in_sample());
    drop(chunk);
    assert!(alloc.inner().objects.lock().is_empty());
}

#[inline(never)]
fn planted(alloc: &Plimsoll<Strict>) -> Object<'_> {
    Object::new(alloc, layout(1000, 8), false)
}

#[test]
fn a_site_has_the_stack_the_tag_and_the_thread() {
    static PLANT: Tag = Tag::new("plant");
    let _turn = Turn::with(1);
    start(1, true).unwrap();
    let alloc = Plimsoll::new(Strict::new());
    let of_thread = std::thread::scope(|scope| {
        let work = || {
            let _tag = PLANT.enter();
            planted(&alloc).ptr.addr()
        };
        let thread = std::thread::Builder::new().name("planter".into());
        thread.spawn_scoped(scope, work).unwrap().join().unwrap()
    });
    assert_ne!(of_thread, 0);
    let reading = read();
    let site = reading.sites.iter().find(|site| site.tag == Some("plant")).unwrap();
    assert_eq!(site.thread.as_deref(), Some("planter"));
    assert!(site.frames.len() > 3 && site.samples >= 1);
    assert!(site.allocated_bytes >= 1000.0);
    start(1, false).unwrap();
}
