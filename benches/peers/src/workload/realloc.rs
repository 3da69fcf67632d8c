//! Raw reallocation, doubling from 64 bytes to 8 KiB and halving back. An operation is one `realloc`; of the one
//! allocation and the one free around 14 of them each bears its share.

use super::Workload;
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;

const SMALLEST: usize = 64;
const DOUBLINGS: u32 = 7;

pub(super) fn workload() -> Workload {
    Workload::of_each_thread(2 * u64::from(DOUBLINGS), |_, repeats| {
        (0..repeats).for_each(|_| up_and_down());
    })
}

fn up_and_down() {
    let layout = |doublings| {
        Layout::from_size_align(SMALLEST << doublings, 8).expect("small sizes make layouts")
    };
    let steps = (1..=DOUBLINGS).chain((0..DOUBLINGS).rev());
    // SAFETY: no size is zero; each reallocation and the free name the layout that the object then has.
    unsafe {
        let mut object = alloc(layout(0));
        let mut before = 0;
        for step in steps {
            object = black_box(realloc(object, layout(before), layout(step).size()));
            before = step;
        }
        dealloc(object, layout(0));
    }
}
