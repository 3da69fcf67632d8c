//! What only a sampled process meets, and what of the other suites does not hold in one.

use crate::ALLOC;
use crate::common::harness::{Case, cases};
use plimsoll::{HeapProfiler, Sampling};
use std::alloc::{GlobalAlloc, Layout};

cases![
    objects_freed_after_the_profile_stopped,
    ten_million_objects,
    threads_that_end_while_others_free_their_objects,
    a_forked_child_goes_on_sampling,
];

/// By their last words; each with what it counts that a sample changes.
const NOT_HERE: [&str; 6] = [
    // Which calls the inner allocator sees: a sample asks it for one object more, and gives one back.
    "each_call_is_forwarded_to_its_own_kind",
    "an_allocation_is_booked_after_the_inner_call",
    "every_nth_request_refused",
    "every_nth_request_refused_on_eight_threads",
    // Some hundred copies of up to 64 MiB: the system's allocator cannot resize a page-aligned object in place.
    "a_vector_grows_to_the_limit_and_not_beyond",
    // The unwinder, step by step, some thousand times: minutes.
    "a_signal_at_every_instruction_of_a_publication",
];

/// Cases of the other suites that hold in a sampled process.
pub(crate) fn of(groups: &[&[Case]]) -> Vec<Case> {
    let is_here =
        |case: &Case| !NOT_HERE.iter().any(|name| case.path.ends_with(&format!("::{name}")));
    groups.iter().copied().flatten().copied().filter(is_here).collect()
}

fn objects_freed_after_the_profile_stopped() {
    let before = plimsoll::counts();
    let objects: Vec<Vec<u8>> = (0..2000).map(|size| vec![1; size + 1]).collect();
    HeapProfiler::stop();
    let sampled = HeapProfiler::read();
    assert!(sampled.live_bytes.value > 500_000.0, "{:?}", sampled.live_bytes);
    std::thread::spawn(move || drop(objects)).join().unwrap();
    assert!(HeapProfiler::read().live_bytes.value < sampled.live_bytes.value / 10.0);
    drop(sampled);
    assert!((plimsoll::counts() - before).live_bytes < 200_000);
    HeapProfiler::start(Sampling::every(2000)).unwrap();
}

/// Far more than the table has room for: what finds none is counted, and is as good as any object.
fn ten_million_objects() {
    HeapProfiler::start(Sampling::every(512)).unwrap();
    let layout = Layout::new::<u64>();
    let mut objects = Vec::with_capacity(10_000_000);
    let before = plimsoll::counts();
    // SAFETY: an object of a u64.
    objects.extend((0..10_000_000_u64).map(|number| unsafe {
        let object = ALLOC.alloc(layout).cast::<u64>();
        object.write(number);
        object
    }));
    let live = plimsoll::counts() - before;
    assert_eq!((live.live_objects, live.live_bytes), (10_000_000, 80_000_000));
    let profile = HeapProfiler::read();
    assert!(profile.lost.table_full > 0, "{:?}", profile.lost);
    drop(profile);
    for (number, object) in (0..).zip(&objects) {
        // SAFETY: written above.
        assert_eq!(unsafe { object.read() }, number);
    }
    // SAFETY: objects of this layout, each freed once.
    objects.drain(..).for_each(|object| unsafe { ALLOC.dealloc(object.cast(), layout) });
    assert_eq!((plimsoll::counts() - before).live_objects, 0);
}

fn threads_that_end_while_others_free_their_objects() {
    let before = plimsoll::counts();
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
    let makers: Vec<_> = (0..4)
        .map(|seed| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                (0..20_000).for_each(|n| sender.send(vec![1; 1 + (n * 37 + seed) % 3000]).unwrap());
            })
        })
        .collect();
    drop(sender);
    let freed: usize = receiver.iter().map(|object| object.len()).sum();
    makers.into_iter().for_each(|maker| maker.join().unwrap());
    assert!(freed > 100_000_000);
    assert!((plimsoll::counts() - before).live_bytes.abs() < 100_000);
}

/// Its tables are its own: what it frees is still there for its parent.
fn a_forked_child_goes_on_sampling() {
    let objects: Vec<Vec<u8>> = (0..1000).map(|size| vec![1; size + 1]).collect();
    let before = HeapProfiler::read().live_bytes.value;
    // SAFETY: the child allocates and frees, which this allocator allows after a fork, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(objects);
        let more: Vec<Vec<u8>> = (0..1000).map(|size| vec![2; size + 1]).collect();
        let kept = more.iter().all(|object| object.iter().all(|byte| *byte == 2));
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!kept)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    let after = HeapProfiler::read().live_bytes.value;
    assert!((after - before).abs() < before / 4.0, "{before} before, {after} after");
    assert!(objects.iter().all(|object| object.iter().all(|byte| *byte == 1)));
}
