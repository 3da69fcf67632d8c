//! Objects on their way through the sample, over an inner allocator that is told off for every wrong layout.
#![expect(unsafe_code, reason = "calls an allocator by hand")]
#![allow(clippy::unwrap_used, reason = "a test fails")]

use super::Plimsoll;
use crate::sampler::{RawSample, Tag, is_in_sample, read, start, stop};
use parking_lot::{Mutex, MutexGuard};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Knows with which layout each object was asked for, and ends the test where it comes back with another.
struct Strict {
    objects: Mutex<BTreeMap<usize, Layout>>,
    refuses: AtomicBool,
    aligned: AtomicUsize,
}

impl Strict {
    const fn new() -> Self {
        Strict {
            objects: Mutex::new(BTreeMap::new()),
            refuses: AtomicBool::new(false),
            aligned: AtomicUsize::new(0),
        }
    }

    fn given(&self, ptr: *mut u8, layout: Layout) -> *mut u8 {
        if !ptr.is_null() {
            self.aligned.fetch_add(usize::from(layout.align() >= 4096), Ordering::Relaxed);
            let before = self.objects.lock().insert(ptr.addr(), layout);
            assert_eq!(before, None, "an object was freed past us");
        }
        ptr
    }

    fn taken(&self, ptr: *mut u8, layout: Layout) {
        let known = self.objects.lock().remove(&ptr.addr());
        assert_eq!(known, Some(layout), "{ptr:?} comes back with another layout");
    }

    fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }
}

// SAFETY: forwards to System with the very arguments.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        self.given(unsafe { System.alloc(layout) }, layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        self.given(unsafe { System.alloc_zeroed(layout) }, layout)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.taken(ptr, layout);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.refuses() {
            return std::ptr::null_mut();
        }
        self.taken(ptr, layout);
        // SAFETY: the caller's promise.
        let moved = unsafe { System.realloc(ptr, layout, new_size) };
        self.given(moved, Layout::from_size_align(new_size, layout.align()).unwrap())
    }
}

/// An object of a test's, which knows what is in it.
struct Object<'a> {
    alloc: &'a Plimsoll<Strict>,
    ptr: *mut u8,
    layout: Layout,
}

impl<'a> Object<'a> {
    fn new(alloc: &'a Plimsoll<Strict>, layout: Layout, zeroed: bool) -> Self {
        // SAFETY: not of zero bytes.
        let ptr = unsafe { if zeroed { alloc.alloc_zeroed(layout) } else { alloc.alloc(layout) } };
        assert!(!ptr.is_null() && ptr.addr().is_multiple_of(layout.align()));
        let object = Object { alloc, ptr, layout };
        assert!(!zeroed || object.bytes().iter().all(|byte| *byte == 0), "not zeroed");
        object.fill();
        object
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: written by `fill`, or zeroed.
        unsafe { std::slice::from_raw_parts(self.ptr, self.layout.size()) }
    }

    fn is_in_sample(&self) -> bool {
        is_in_sample(self.ptr, self.layout.size())
    }

    fn fill(&self) {
        // SAFETY: an object of so many bytes, nobody else's.
        unsafe { self.ptr.write_bytes((self.layout.size() % 251) as u8, self.layout.size()) };
    }

    fn resize(&mut self, new_size: usize) {
        let (old, mark) = (self.layout.size(), (self.layout.size() % 251) as u8);
        // SAFETY: an object of this layout; not to zero bytes.
        self.ptr = unsafe { self.alloc.realloc(self.ptr, self.layout, new_size) };
        self.layout = Layout::from_size_align(new_size, self.layout.align()).unwrap();
        assert!(!self.ptr.is_null() && self.ptr.addr().is_multiple_of(self.layout.align()));
        // SAFETY: the first bytes were written before.
        let kept = unsafe { std::slice::from_raw_parts(self.ptr, old.min(new_size)) };
        assert!(kept.iter().all(|byte| *byte == mark), "what was in it is not");
        self.fill();
    }
}

// SAFETY: one owner at a time, and an allocator that any thread may call.
unsafe impl Send for Object<'_> {}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        let mark = (self.layout.size() % 251) as u8;
        assert!(self.bytes().iter().all(|byte| *byte == mark), "somebody wrote into it");
        // SAFETY: an object of this layout.
        unsafe { self.alloc.dealloc(self.ptr, self.layout) }
    }
}

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
    let objects: Vec<_> = (0..150_000).map(|_| Object::new(&alloc, layout(16, 8), false)).collect();
    let reading = read();
    assert!(reading.lost.table_full >= lost + 150_000 - (1 << 17));
    assert!(reading.samples.len() > 100_000);
    drop(objects);
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

/// Gives out the beginning of a chunk that comes from another allocator.
struct Arena {
    chunk: *mut u8,
}

// SAFETY: gives out one object, smaller than the chunk, at a time.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.align() <= 4096 && layout.size() < 5000);
        self.chunk
    }

    unsafe fn dealloc(&self, _: *mut u8, layout: Layout) {
        assert_eq!(layout, self::layout(64, 8), "not what it was asked for");
    }
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
