//! Regions: what one thread, or the whole process, allocates and frees from a moment on.

use crate::common::block::{Block, Global, start, words};
use crate::common::harness::cases;
use plimsoll::{BATCH, Region};

cases![
    a_threads_region_sees_its_own_thread,
    a_process_region_sees_every_thread,
    a_process_peak_is_within_its_stated_error,
    nine_process_regions_are_one_too_many_for_peaks,
];

const MIB: usize = 1 << 20;

fn block(size: usize) -> Block {
    Block::new(&Global, words(size)).unwrap()
}

fn on_another_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().unwrap()
}

fn a_threads_region_sees_its_own_thread() {
    let made = on_another_thread(|| block(500));
    let region = Region::this_thread();
    made.free(&Global);
    let delta = region.delta();
    assert_eq!((delta.live_objects, delta.live_bytes), (-1, -500), "another thread's object");
    assert_eq!((delta.free_objects, delta.alloc_objects), (1, 0));
    assert_eq!(delta.peak_live_bytes, None, "a region of one thread has no peak");
    block(40).keep();
    assert_eq!((region.delta().live_objects, region.delta().live_bytes), (0, -460));
    on_another_thread(|| {
        let region = Region::this_thread();
        block(7).keep();
        assert_eq!((region.delta().alloc_objects, region.delta().alloc_bytes), (1, 7));
    });
}

fn a_process_region_sees_every_thread() {
    start();
    let region = Region::process();
    let kept = on_another_thread(|| block(500));
    let delta = region.delta();
    assert_eq!((delta.live_objects, delta.live_bytes), (1, 500));
    on_another_thread(move || kept.free(&Global));
    let delta = region.delta();
    assert_eq!((delta.live_objects, delta.live_bytes), (0, 0));
    assert!(delta.alloc_bytes > 500 && delta.alloc_bytes == delta.free_bytes);
}

fn a_process_peak_is_within_its_stated_error() {
    start();
    let region = Region::process();
    block(40 * MIB).free(&Global);
    on_another_thread(|| block(30 * MIB).free(&Global));
    let peak = region.delta().peak_live_bytes.unwrap();
    // Three threads at the most: this one, the other, and none to spare for rounding.
    assert!(peak.abs_diff(40 * MIB as u64) <= 2 * 2 * BATCH, "{peak}");
    drop(region);
    let region = Region::process();
    let peak = region.delta().peak_live_bytes.unwrap();
    assert!(peak <= 2 * 2 * BATCH, "a new region does not know the old one's peak: {peak}");
    assert!(plimsoll::counts().peak_live_bytes.unwrap() + 4 * BATCH >= 40 * MIB as u64);
}

fn nine_process_regions_are_one_too_many_for_peaks() {
    let regions = [(); 8].map(|()| Region::process());
    let ninth = Region::process();
    block(4 * MIB).free(&Global);
    let peaks = regions.each_ref().map(|region| region.delta().peak_live_bytes);
    assert!(peaks.iter().all(|peak| peak.is_some_and(|peak| peak >= 3 * MIB as u64)), "{peaks:?}");
    assert_eq!(ninth.delta().peak_live_bytes, None);
    drop(regions);
    let again = [(); 8].map(|()| Region::process());
    let know = again.iter().all(|region| region.delta().peak_live_bytes.is_some());
    assert!(know, "every place is given back");
}
