//! A thousand objects of mixed sizes, freed in another order. An operation is one object's allocation and free.

use super::Workload;
use crate::random::Random;
use std::alloc::{Layout, alloc, dealloc};
use std::hint::black_box;

const OBJECTS: usize = 1000;

/// From 8 bytes to 4 KiB, each power of two as frequent as the next: small objects are the most by far.
fn layouts(random: &mut Random) -> Vec<Layout> {
    let mut size = || (8 << random.below(9)) + random.below(8);
    let layout = |size| Layout::from_size_align(size, 8).expect("small sizes make layouts");
    (0..OBJECTS).map(|_| layout(size())).collect()
}

pub(super) fn workload() -> Workload {
    Workload::of_each_thread(OBJECTS as u64, |thread, repeats| {
        let mut random = Random::new(thread);
        let layouts = layouts(&mut random);
        let mut order: Vec<usize> = (0..OBJECTS).collect();
        random.shuffle(&mut order);
        let mut objects = Vec::with_capacity(OBJECTS);
        (0..repeats).for_each(|_| fill_and_empty(&layouts, &order, &mut objects));
    })
}

fn fill_and_empty(layouts: &[Layout], order: &[usize], objects: &mut Vec<*mut u8>) {
    objects.clear();
    // SAFETY: no size is zero; `order` names every object once, and each is freed with the layout it was allocated with.
    unsafe {
        objects.extend(layouts.iter().map(|layout| black_box(alloc(*layout))));
        order.iter().for_each(|&index| dealloc(objects[index], layouts[index]));
    }
}
