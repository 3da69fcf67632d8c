//! Random scripts over several threads against a model: equal at every quiet point.
//!
//! A failure names its seed: `PLIMSOLL_SEED=7 cargo test --test counting_system -- property` runs that script alone,
//! `PLIMSOLL_SCRIPTS=5000` more of them. The same seed is the same calls on each thread; who is first to take an
//! object is the scheduler's.

use crate::common::block::{Block, Global, live_since, signed, start};
use crate::common::harness::cases;
use crate::common::inner::Refusing;
use crate::common::random::Random;
use crate::{INNER, Inner};
use plimsoll::Plimsoll;
use std::alloc::GlobalAlloc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

cases![random_scripts_agree_with_the_model, and_when_every_seventh_request_is_refused];

const THREADS: usize = 4;
const PHASES: usize = if cfg!(miri) { 2 } else { 8 };
const STEPS: usize = if cfg!(miri) { 12 } else { 400 };
const SCRIPTS: u64 = if cfg!(miri) { 1 } else { 40 };

/// What must be live, kept by the threads themselves as they go.
#[derive(Default)]
struct Model {
    objects: AtomicI64,
    bytes: AtomicI64,
}

impl Model {
    fn change(&self, objects: i64, bytes: i64) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn live(&self) -> (i64, i64) {
        (self.objects.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// Every thread takes blocks from here and puts them back: who allocates, resizes and frees one is random.
struct World<A: 'static> {
    with: &'static A,
    pool: Mutex<Vec<Block>>,
    model: Model,
    quiet: Barrier,
}

impl<A: GlobalAlloc> World<A> {
    fn take(&self, random: &mut Random) -> Option<Block> {
        let mut pool = self.pool.lock().unwrap();
        let index = random.below(pool.len().max(1));
        (index < pool.len()).then(|| pool.swap_remove(index))
    }

    fn put(&self, block: Block) {
        self.pool.lock().unwrap().push(block);
    }

    fn allocate(&self, random: &mut Random) {
        let layout = random.layout();
        let zeroed = random.below(2) == 0;
        let block =
            if zeroed { Block::zeroed(self.with, layout) } else { Block::new(self.with, layout) };
        let Some(block) = block else { return };
        self.model.change(1, signed(layout.size()));
        self.put(block);
    }

    fn resize(&self, random: &mut Random) {
        let Some(mut block) = self.take(random) else { return };
        let (old, new) = (block.size(), random.size());
        if block.resize(self.with, new) {
            self.model.change(0, signed(new) - signed(old));
        }
        self.put(block);
    }

    fn free(&self, random: &mut Random) {
        let Some(block) = self.take(random) else { return };
        self.model.change(-1, -signed(block.size()));
        block.free(self.with);
    }

    fn run_phases(&self, mut random: Random) {
        for _ in 0..PHASES {
            for _ in 0..STEPS {
                match random.below(10) {
                    0..4 => self.allocate(&mut random),
                    4..7 => self.resize(&mut random),
                    _ => self.free(&mut random),
                }
            }
            self.quiet.wait();
            self.quiet.wait();
        }
    }
}

/// Between the two waits of a phase every thread stands still.
fn check_at_quiet_points<A: GlobalAlloc>(seed: u64, world: &World<A>, start: plimsoll::Counts) {
    for phase in 0..PHASES {
        world.quiet.wait();
        assert_eq!(live_since(start), world.model.live(), "PLIMSOLL_SEED={seed}, phase {phase}");
        world.quiet.wait();
    }
}

fn script<A: GlobalAlloc + Sync>(with: &'static A, seed: u64) {
    let world = Arc::new(World {
        with,
        pool: Mutex::new(Vec::with_capacity(THREADS * PHASES * STEPS)),
        model: Model::default(),
        quiet: Barrier::new(THREADS + 1),
    });
    let threads: Vec<_> = (0..THREADS as u64)
        .map(|thread| {
            let (world, random) = (world.clone(), Random::seeded(seed << 8 | thread));
            std::thread::spawn(move || {
                world.quiet.wait();
                world.quiet.wait();
                world.run_phases(random);
            })
        })
        .collect();
    world.quiet.wait();
    let start = plimsoll::counts();
    world.quiet.wait();
    check_at_quiet_points(seed, &world, start);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.pool.lock().unwrap().drain(..).for_each(|block| block.free(with));
}

/// The script asked for by its seed, or as many as asked for.
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let scripts = 0..number("PLIMSOLL_SCRIPTS").unwrap_or(SCRIPTS);
    number("PLIMSOLL_SEED").map_or(scripts, |seed| seed..seed + 1)
}

fn random_scripts_agree_with_the_model() {
    let before = start();
    seeds().for_each(|seed| script(&Global, seed));
    assert_eq!(live_since(before), (0, 0));
}

fn and_when_every_seventh_request_is_refused() {
    static REFUSING: Plimsoll<Refusing<Inner>> = Plimsoll::new(Refusing::new(INNER));
    let before = start();
    REFUSING.inner().refuse_every(7);
    seeds().for_each(|seed| script(&REFUSING, seed));
    assert!(REFUSING.inner().refused() > 0);
    assert_eq!(live_since(before), (0, 0));
}
