//! Each of the four calls reaches the inner allocator's own, with the layout as given, booked at the right time.

use crate::common::block::{Block, live_since, signed, start, words};
use crate::common::harness::cases;
use crate::common::inner::{Call, Spying};
use crate::{INNER, Inner};
use plimsoll::{Counts, Plimsoll};

cases![
    each_call_is_forwarded_to_its_own_kind,
    an_allocation_is_booked_after_the_inner_call,
    a_free_is_booked_before_the_inner_call,
    a_resize_is_booked_after_the_inner_call
];

static SPIED: Plimsoll<Spying<Inner>> = Plimsoll::new(Spying::new(INNER));

fn last() -> Call {
    SPIED.inner().last().unwrap().0
}

/// What the inner allocator found counted when the last call came.
fn counted_then() -> Counts {
    SPIED.inner().last().unwrap().1
}

/// Small requests take the hot path, large ones the slow one.
const SIZES: [usize; 2] = [24, 3_000_000];

fn each_call_is_forwarded_to_its_own_kind() {
    for size in SIZES {
        let layout = words(size);
        let mut block = Block::new(&SPIED, layout).unwrap();
        assert_eq!(last(), Call::Alloc(layout));
        assert!(block.resize(&SPIED, size * 2));
        assert_eq!(last(), Call::Realloc(layout, size * 2));
        block.free(&SPIED);
        assert_eq!(last(), Call::Dealloc(words(size * 2)));
        let zeroed = Block::zeroed(&SPIED, layout).unwrap();
        assert_eq!(last(), Call::AllocZeroed(layout));
        zeroed.free(&SPIED);
    }
}

/// Until the inner call has succeeded nothing has changed: a total that had to be taken back would have shrunk.
fn an_allocation_is_booked_after_the_inner_call() {
    start();
    for size in SIZES {
        for make in [Block::new, Block::zeroed] {
            let before = plimsoll::counts();
            let block = make(&SPIED, words(size)).unwrap();
            assert_eq!(counted_then().alloc_objects_total, before.alloc_objects_total);
            assert_eq!(counted_then().alloc_bytes_total, before.alloc_bytes_total);
            assert_eq!(live_since(before), (1, signed(size)));
            block.free(&SPIED);
        }
    }
}

/// The address may be given to another thread during the inner call: its new object must not be seen beside the old.
fn a_free_is_booked_before_the_inner_call() {
    let start = start();
    for size in SIZES {
        Block::new(&SPIED, words(size)).unwrap().free(&SPIED);
        let found = counted_then() - start;
        assert_eq!((found.live_objects, found.live_bytes), (0, 0));
    }
}

/// Until the inner call has succeeded nothing has changed.
fn a_resize_is_booked_after_the_inner_call() {
    let start = start();
    for size in SIZES {
        let mut block = Block::new(&SPIED, words(size)).unwrap();
        for new_size in [size * 2, size / 2] {
            let before = plimsoll::counts() - start;
            assert!(block.resize(&SPIED, new_size));
            assert_eq!(counted_then() - start, before);
        }
        block.free(&SPIED);
    }
}
