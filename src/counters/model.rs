//! Every interleaving of small programs over the real slots and registry, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib model`. Planted faults that these catch are listed in
//! `tests/README.md`.
#![allow(clippy::expect_used, reason = "a model without slots fails")]

use super::bell::Bell;
use super::peak::Peak;
use super::registry::Registry;
use super::slot::{Operation, Slot};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

fn leased(registry: &Registry) -> &Slot {
    registry.lease().expect("models have memory for slots")
}

fn assert_plausible(registry: &Registry, most: u64) {
    let counts = registry.counts();
    assert!(counts.free_objects_total <= counts.alloc_objects_total, "freed before allocated");
    assert!(counts.free_bytes_total <= counts.alloc_bytes_total, "bytes freed before allocated");
    assert!(counts.alloc_objects_total <= most, "counted what never happened");
}

/// Every interleaving with at most three preemptions: enough for each fault planted so far, and seconds not hours.
fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// An object is allocated by one thread and freed by another while a third reads.
#[test]
fn a_reader_never_sees_a_free_without_its_allocation() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        let handed_over = Arc::new(AtomicBool::new(false));
        let maker = {
            let (registry, handed_over) = (registry.clone(), handed_over.clone());
            thread::spawn(move || {
                leased(&registry).book(Operation::Alloc(64));
                handed_over.store(true, Ordering::Release);
            })
        };
        let user = {
            let (registry, handed_over) = (registry.clone(), handed_over.clone());
            thread::spawn(move || {
                if handed_over.load(Ordering::Acquire) {
                    leased(&registry).book(Operation::Free(64));
                    return true;
                }
                false
            })
        };
        assert_plausible(&registry, 1);
        maker.join().expect("maker");
        let freed = user.join().expect("user");
        let live = if freed { (0, 0) } else { (1, 64) };
        let counts = registry.counts();
        assert_eq!((counts.live_objects(), counts.live_bytes()), live, "a total was lost");
    });
}

/// The same when the allocating thread has to append a chunk: the reader's second pass must find it.
#[test]
fn a_reader_finds_chunks_appended_between_its_passes() {
    loom::model(|| read_beside_a_hand_over(|_, slot| slot.book(Operation::Free(64))));
}

/// Bytes that another thread's object loses by a resize are not seen freed before they are seen allocated.
#[test]
fn a_reader_never_sees_a_shrinkage_without_its_bytes() {
    bounded(|| read_beside_a_hand_over(|_, slot| slot.book(Operation::Shrink(60))));
    bounded(|| read_beside_a_hand_over(|registry, _| registry.book_shared(Operation::Shrink(60))));
}

/// One thread allocates in a chunk it has to append, the main thread lets go of the object, a third reads.
fn read_beside_a_hand_over(let_go: impl Fn(&Registry, &Slot)) {
    let registry = Arc::new(Registry::new());
    let slot = leased(&registry);
    assert!(!std::ptr::eq(slot, leased(&registry)), "the first chunk is full now");
    let handed_over = Arc::new(AtomicBool::new(false));
    let maker = {
        let (registry, handed_over) = (registry.clone(), handed_over.clone());
        thread::spawn(move || {
            leased(&registry).book(Operation::Alloc(64));
            handed_over.store(true, Ordering::Release);
        })
    };
    let reader = {
        let registry = registry.clone();
        thread::spawn(move || assert_plausible(&registry, 1))
    };
    if handed_over.load(Ordering::Acquire) {
        let_go(&registry, slot);
    }
    maker.join().expect("maker");
    reader.join().expect("reader");
}

/// A slot passes from an ending thread to a starting one: no total is lost, no slot has two tenants.
#[test]
fn a_slot_passes_on_with_its_totals() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        let tenant = |registry: Arc<Registry>| {
            thread::spawn(move || {
                let slot = leased(&registry);
                slot.book(Operation::Alloc(10));
                slot.book(Operation::Free(3));
                registry.give_back(slot);
            })
        };
        let first = tenant(registry.clone());
        let second = tenant(registry.clone());
        first.join().expect("first");
        second.join().expect("second");
        let counts = registry.counts();
        assert_eq!((counts.alloc_objects_total, counts.free_objects_total), (2, 2));
        assert_eq!((counts.alloc_bytes_total, counts.free_bytes_total), (20, 6));
        // Both slots of the chunk are free again: nobody has to append one.
        let again = [leased(&registry), leased(&registry)];
        assert!(!std::ptr::eq(again[0], again[1]));
        assert_eq!(registry.counts().thread_slots, Some(2), "a slot was not given back");
    });
}

/// A lease ends while a reader looks on: totals stay where they are, so nothing is seen twice, or not at all.
#[test]
fn a_reader_sees_nothing_move_when_a_lease_ends() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        let slot = leased(&registry);
        slot.book(Operation::Alloc(10));
        let reader = {
            let registry = registry.clone();
            thread::spawn(move || {
                assert_plausible(&registry, 1);
                assert_eq!(
                    registry.counts().live_bytes(),
                    10,
                    "it was booked before this thread began"
                );
            })
        };
        registry.give_back(slot);
        reader.join().expect("reader");
    });
}

/// The first chunk is full and two threads lease at once: whichever appends, the other's chunk is not lost.
#[test]
fn threads_that_append_at_once_lose_nothing() {
    bounded(|| {
        let registry = Arc::new(Registry::new());
        let (_, _) = (leased(&registry), leased(&registry));
        let lessee = |registry: Arc<Registry>| {
            thread::spawn(move || leased(&registry).book(Operation::Alloc(8)))
        };
        let others = [lessee(registry.clone()), lessee(registry.clone())];
        others.into_iter().for_each(|other| other.join().expect("lessee"));
        let counts = registry.counts();
        assert_eq!((counts.live_objects(), counts.live_bytes()), (2, 16));
        assert_eq!(counts.thread_slots, Some(4));
    });
}

/// Threads without a lease add at once: no booking undoes another.
#[test]
fn threads_without_a_lease_lose_nothing() {
    bounded(|| {
        let registry = Arc::new(Registry::new());
        let adds = |registry: Arc<Registry>| {
            thread::spawn(move || {
                registry.book_shared(Operation::Alloc(10));
                registry.book_shared(Operation::Free(4));
            })
        };
        let others = [adds(registry.clone()), adds(registry.clone())];
        others.into_iter().for_each(|other| other.join().expect("adder"));
        let counts = registry.counts();
        assert_eq!((counts.alloc_objects_total, counts.free_objects_total), (2, 2));
        assert_eq!((counts.alloc_bytes_total, counts.free_bytes_total), (20, 8));
    });
}

/// Three threads lease at once where a chunk holds two slots: each gets its own, and a reader sees what they book.
#[test]
fn threads_that_lease_at_once_never_share_a_slot() {
    bounded(|| {
        let registry = Arc::new(Registry::new());
        let lessee = |registry: Arc<Registry>| {
            thread::spawn(move || {
                let slot = leased(&registry);
                slot.book(Operation::Alloc(1));
                std::ptr::from_ref(slot) as usize
            })
        };
        let others = [lessee(registry.clone()), lessee(registry.clone())];
        let mine = leased(&registry);
        mine.book(Operation::Alloc(1));
        let mut slots: Vec<usize> =
            others.into_iter().map(|other| other.join().expect("lessee")).collect();
        slots.push(std::ptr::from_ref(mine) as usize);
        slots.sort_unstable();
        slots.dedup();
        assert_eq!(slots.len(), 3);
        assert_eq!(registry.counts().live_objects(), 3);
    });
}

/// What is booked by atomic adds, by threads without a lease, obeys the same rules.
#[test]
fn the_shared_slot_is_never_negative_either() {
    loom::model(|| {
        let registry = Arc::new(Registry::new());
        let handed_over = Arc::new(AtomicBool::new(false));
        let maker = {
            let (registry, handed_over) = (registry.clone(), handed_over.clone());
            thread::spawn(move || {
                registry.book_shared(Operation::Alloc(64));
                handed_over.store(true, Ordering::Release);
            })
        };
        let user = {
            let registry = registry.clone();
            thread::spawn(move || {
                if handed_over.load(Ordering::Acquire) {
                    registry.book_shared(Operation::Free(64));
                }
            })
        };
        assert_plausible(&registry, 1);
        maker.join().expect("maker");
        user.join().expect("user");
    });
}

/// A thread arms its bell and sleeps while another's bytes pass the line: it is woken, whichever comes first.
#[test]
fn growth_past_a_line_is_never_unheard() {
    loom::model(|| drop(beside_growth(&[10], |total| sleep_at_lines(total, [10]))));
}

/// The same when the bell is armed again after it has rung, and two pass the first line at once.
#[test]
fn a_line_set_anew_is_heard_too() {
    bounded(|| drop(beside_growth(&[10, 10], |total| sleep_at_lines(total, [5, 15]))));
}

/// An owner leaves and the next claims the bell while others ring it: nobody uses a handle that is being exchanged.
#[test]
fn a_bell_changes_hands_while_it_is_rung() {
    bounded(|| {
        let total = beside_growth(&[10, 10], |total| {
            let bell = total.belfry().claim(&thread::current()).expect("a free bell");
            total.arm(bell, 10);
            total.belfry().leave(bell);
            if let Some(again) = total.belfry().claim(&thread::current()) {
                total.arm(again, 20);
                sleep_until_rung(total, again);
                total.belfry().leave(again);
            }
        });
        // Nobody rings it any more: whatever happened, it can be had.
        assert!(total.belfry().claim(&thread::current()).is_some(), "a bell was lost");
    });
}

/// As above, with a handle that is not the owner's: no unpark makes up for what the bell's own word should order.
#[test]
fn a_handle_is_not_exchanged_while_it_is_used() {
    bounded(|| {
        let total = Arc::new(Peak::new());
        let dozer = thread::spawn(|| ());
        let bell = total.belfry().claim(dozer.thread()).expect("a free bell");
        total.arm(bell, 10);
        let publisher = {
            let total = total.clone();
            thread::spawn(move || total.publish(10))
        };
        total.belfry().leave(bell);
        let _ = total.belfry().claim(dozer.thread());
        publisher.join().expect("publisher");
        dozer.join().expect("dozer");
    });
}

/// `owner` runs in a thread of its own, since in a model an unpark would end its waiting for others too.
fn beside_growth(growth: &[i64], owner: fn(&Peak)) -> Arc<Peak> {
    let total = Arc::new(Peak::new());
    let publishes = |delta: i64| {
        let total = total.clone();
        thread::spawn(move || total.publish(delta))
    };
    let owner = {
        let total = total.clone();
        thread::spawn(move || owner(&total))
    };
    let (first, others) = growth.split_first().expect("somebody publishes");
    let others: Vec<_> = others.iter().map(|delta| publishes(*delta)).collect();
    total.publish(*first);
    others.into_iter().for_each(|other| other.join().expect("publisher"));
    owner.join().expect("owner");
    total
}

fn sleep_at_lines<const N: usize>(total: &Peak, lines: [i64; N]) {
    let bell = total.belfry().claim(&thread::current()).expect("a free bell");
    for line in lines {
        total.arm(bell, line);
        sleep_until_rung(total, bell);
    }
}

fn sleep_until_rung(total: &Peak, bell: usize) {
    while !total.belfry().bell(bell).is_some_and(Bell::take_ring) {
        thread::park();
    }
}

/// Many ask for room at once: no more pass than there is room for.
#[test]
fn no_more_are_admitted_than_there_is_room_for() {
    loom::model(|| {
        let total = Arc::new(Peak::new());
        let asks = |total: Arc<Peak>| thread::spawn(move || total.admit(10, 15));
        let others = [asks(total.clone()), asks(total.clone())];
        let admitted =
            others.into_iter().filter_map(|other| other.join().ok()).filter(|yes| *yes).count();
        assert_eq!((admitted, total.live()), (1, 10));
    });
}
