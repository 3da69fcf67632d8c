//! Random scripts over several threads against a model: equal at every quiet point.

use crate::common::block::{Block, Global, live_since, signed, start};
use crate::common::harness::cases;
use crate::common::random::Random;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

cases![random_scripts_agree_with_the_model];

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
struct World {
    pool: Mutex<Vec<Block>>,
    model: Model,
    quiet: Barrier,
}

impl World {
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
            if zeroed { Block::zeroed(&Global, layout) } else { Block::new(&Global, layout) };
        self.model.change(1, signed(layout.size()));
        self.put(block.unwrap());
    }

    fn resize(&self, random: &mut Random) {
        let Some(mut block) = self.take(random) else { return };
        let new_size = random.size();
        self.model.change(0, signed(new_size) - signed(block.size()));
        assert!(block.resize(&Global, new_size));
        self.put(block);
    }

    fn free(&self, random: &mut Random) {
        let Some(block) = self.take(random) else { return };
        self.model.change(-1, -signed(block.size()));
        block.free(&Global);
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
fn check_at_quiet_points(seed: u64, world: &World, start: plimsoll::Counts) {
    for phase in 0..PHASES {
        world.quiet.wait();
        assert_eq!(live_since(start), world.model.live(), "seed {seed}, phase {phase}");
        world.quiet.wait();
    }
}

fn script(seed: u64) {
    let world = Arc::new(World {
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
    world.pool.lock().unwrap().drain(..).for_each(|block| block.free(&Global));
}

fn random_scripts_agree_with_the_model() {
    let before = start();
    (0..SCRIPTS).for_each(script);
    assert_eq!(live_since(before), (0, 0));
}
