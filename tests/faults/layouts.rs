//! Sizes from one byte to many megabytes, alignments to 2 MiB: exact, aligned, zeroed, with contents that survive.

use crate::common::block::{Block, Global, live_since, signed, start, words};
use crate::common::harness::cases;
use std::alloc::Layout;

cases![
    every_size_and_alignment_is_counted_and_aligned,
    zeroed_memory_is_zero_where_used_memory_was_freed,
    contents_survive_a_resize_from_any_class_to_any_other,
    a_zero_sized_type_is_no_object,
    the_largest_layouts_are_refused_and_are_nothing,
];

/// Around the edges of size classes, pages, batches and huge pages.
const SIZES: [usize; 16] = [
    1, 7, 8, 16, 17, 1000, 4095, 4096, 4097, 14_337, 65_535, 65_536, 131_072, 2_097_152, 2_097_153,
    33_554_433,
];

fn alignments() -> impl Iterator<Item = usize> {
    (0..=21).map(|power| 1 << power)
}

fn layouts() -> impl Iterator<Item = Layout> {
    alignments().flat_map(|align| {
        SIZES.iter().filter_map(move |&size| Layout::from_size_align(size, align).ok())
    })
}

fn every_size_and_alignment_is_counted_and_aligned() {
    let start = start();
    for layout in layouts() {
        let blocks =
            [Block::new(&Global, layout).unwrap(), Block::zeroed(&Global, layout).unwrap()];
        assert!(blocks.iter().all(Block::is_aligned), "{layout:?}");
        assert_eq!(live_since(start), (2, 2 * signed(layout.size())), "{layout:?}");
        blocks.into_iter().for_each(|block| block.free(&Global));
        assert_eq!(live_since(start), (0, 0), "{layout:?}");
    }
}

fn zeroed_memory_is_zero_where_used_memory_was_freed() {
    for layout in layouts().filter(|layout| layout.size() <= 2_097_153) {
        let mut used = [(); 4].map(|()| Block::new(&Global, layout).unwrap());
        used.iter_mut().for_each(|block| block.fill(0xa5));
        used.into_iter().for_each(|block| block.free(&Global));
        let zeroed = [(); 4].map(|()| Block::zeroed(&Global, layout).unwrap());
        assert!(zeroed.iter().all(|block| block.starts_with(layout.size(), 0)), "{layout:?}");
        zeroed.into_iter().for_each(|block| block.free(&Global));
    }
}

fn contents_survive_a_resize_from_any_class_to_any_other() {
    let start = start();
    let sizes = || SIZES.into_iter().filter(|&size| size <= 131_072);
    for align in [1, 8, 64, 4096, 2_097_152] {
        for (old, new) in sizes().flat_map(|old| sizes().map(move |new| (old, new))) {
            let layout = Layout::from_size_align(old, align).unwrap();
            let mut block = Block::new(&Global, layout).unwrap();
            block.fill(0x5a);
            assert!(block.resize(&Global, new));
            assert!(block.is_aligned(), "{old} to {new} by {align}");
            assert!(block.starts_with(old.min(new), 0x5a), "{old} to {new} by {align}");
            assert_eq!(live_since(start), (1, signed(new)), "{old} to {new} by {align}");
            block.free(&Global);
        }
    }
    assert_eq!(live_since(start), (0, 0));
}

/// Such values never reach the allocator.
fn a_zero_sized_type_is_no_object() {
    let start = start();
    let kept = (Box::new(()), vec![(); 1000], String::new(), Vec::<u64>::with_capacity(0));
    assert_eq!(live_since(start), (0, 0));
    drop(kept);
    Block::new(&Global, words(1)).unwrap().free(&Global);
    assert_eq!(live_since(start), (0, 0));
}

/// Up to `isize::MAX`, less what its alignment needs; nobody has that much.
fn the_largest_layouts_are_refused_and_are_nothing() {
    let start = start();
    let mut small = Block::new(&Global, words(10)).unwrap();
    for align in alignments() {
        let size = isize::MAX.cast_unsigned() - (align - 1);
        let layout = Layout::from_size_align(size, align).unwrap();
        assert!(Block::new(&Global, layout).is_none(), "{layout:?}");
        assert!(Block::zeroed(&Global, layout).is_none(), "{layout:?}");
    }
    assert!(!small.resize(&Global, isize::MAX.cast_unsigned() - 7));
    assert_eq!(live_since(start), (1, 10));
    small.free(&Global);
    assert_eq!(plimsoll::counts().alloc_objects_total, start.alloc_objects_total + 1);
}
