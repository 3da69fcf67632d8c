//! The registry and its slots, one step at a time; their interleavings are in `model.rs`.
#![allow(clippy::expect_used, reason = "a test without slots fails")]

mod countdown;
mod tenant;

use super::BATCH;
use super::Counts;
use super::bell::Bell;
use super::peak::Peak;
use super::registry::{Reading, Registry};
use super::slot::{Operation, Slot};

/// Miri is some thousand times slower.
const TENANTS: usize = if cfg!(miri) { 130 } else { 1000 };
const ROUNDS: u64 = if cfg!(miri) { 50 } else { 10_000 };

fn leased(registry: &Registry) -> &Slot {
    registry.lease().expect("the OS has memory for slots")
}

#[test]
fn totals_stay_in_a_slot_for_its_next_tenant() {
    let registry = Registry::new();
    let slot = leased(&registry);
    slot.book(Operation::Alloc(100));
    slot.book(Operation::Alloc(20));
    slot.book(Operation::Free(20));
    registry.give_back(slot);

    let again = leased(&registry);
    assert!(std::ptr::eq(slot, again));
    again.book(Operation::Free(100));

    let counts = registry.counts();
    assert_eq!((counts.alloc_objects_total, counts.free_objects_total), (2, 2));
    assert_eq!((counts.live_objects(), counts.live_bytes()), (0, 0));
    assert_eq!(counts.thread_slots, Some(1));
}

#[test]
fn a_thousand_tenants_at_once_have_a_slot_each() {
    let registry = Registry::new();
    let mut slots: Vec<&Slot> = (0..TENANTS).map(|_| leased(&registry)).collect();
    slots.iter().for_each(|slot| slot.book(Operation::Alloc(8)));
    assert_eq!(registry.counts().live_objects(), TENANTS as u64);
    assert_eq!(registry.counts().thread_slots, Some(TENANTS as u64));

    slots.sort_by_key(|slot| std::ptr::from_ref(*slot));
    slots.dedup_by_key(|slot| std::ptr::from_ref(*slot));
    assert_eq!(slots.len(), TENANTS);

    slots.into_iter().for_each(|slot| registry.give_back(slot));
    let again: Vec<&Slot> = (0..TENANTS).map(|_| leased(&registry)).collect();
    assert_eq!(again.len(), TENANTS);
    assert_eq!(
        registry.counts().thread_slots,
        Some(TENANTS as u64),
        "given-back slots are leased again first"
    );
    assert_eq!(registry.counts().live_bytes(), 8 * TENANTS as u64);
}

#[test]
fn a_difference_survives_wrapping_and_the_wrong_order() {
    let total = |alloc_objects_total| Counts { alloc_objects_total, ..Counts::default() };
    assert_eq!((total(3) - total(u64::MAX - 1)).alloc_objects, 5);
    assert_eq!((total(3) - total(u64::MAX - 1)).live_objects, 5);
    let reversed = total(3) - total(5);
    assert_eq!((reversed.alloc_objects, reversed.live_objects), (0, -2));
}

#[test]
fn a_resize_keeps_its_object_and_moves_bytes() {
    let registry = Registry::new();
    let slot = leased(&registry);
    slot.book(Operation::Alloc(100));
    slot.book(Operation::Grow(50));
    slot.book(Operation::Shrink(120));
    let counts = registry.counts();
    assert_eq!((counts.live_objects(), counts.live_bytes(), counts.realloc_total), (1, 30, 2));
    assert_eq!((counts.alloc_bytes_total, counts.free_bytes_total), (150, 120));
}

#[test]
fn threads_without_a_lease_share_exact_totals() {
    let registry = Registry::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    registry.book_shared(Operation::Alloc(10));
                    registry.book_shared(Operation::Grow(5));
                    registry.book_shared(Operation::Shrink(3));
                    registry.book_shared(Operation::Free(12));
                    registry.book_shared(Operation::Alloc(7));
                }
            });
        }
    });
    let counts = registry.counts();
    assert_eq!((counts.live_objects(), counts.live_bytes()), (4 * ROUNDS, 28 * ROUNDS));
    assert_eq!(counts.realloc_total, 8 * ROUNDS);
    assert_eq!(counts.thread_slots, Some(0));
    assert_eq!(registry.peak().live().cast_unsigned(), 28 * ROUNDS);
}

#[test]
fn live_figures_survive_wrapping() {
    let counts = |alloc: u64, free: u64| Counts {
        alloc_objects_total: alloc,
        free_objects_total: free,
        alloc_bytes_total: alloc,
        free_bytes_total: free,
        ..Counts::default()
    };
    assert_eq!(counts(5, u64::MAX).live_objects(), 6);
    assert_eq!(counts(5, u64::MAX).live_bytes(), 6);
    assert_eq!((counts(5, 6).live_objects(), counts(5, 6).live_bytes()), (0, 0));
}

#[test]
fn a_watch_sees_the_peak_of_its_own_time() {
    let registry = Registry::new();
    let peak = registry.peak();
    peak.publish(1000);
    peak.publish(-900);
    let first = peak.watch().expect("a free watch");
    peak.publish(300);
    let second = peak.watch().expect("a free watch");
    peak.publish(-400);
    peak.publish(50);
    assert_eq!(peak.above_start(&first), 300);
    assert_eq!(peak.above_start(&second), 0);
    peak.unwatch(&first);
    peak.publish(5000);
    assert_eq!(peak.above_start(&second), 5050 - 400);
    let more: Vec<_> = std::iter::from_fn(|| peak.watch()).collect();
    assert_eq!(more.len(), super::peak::WATCHES - 1);
    assert_eq!(peak.all_time(), 5050);
}

#[test]
fn a_slot_is_two_cache_lines_and_a_chunk_two_pages() {
    assert_eq!(size_of::<Slot>(), 128);
    assert_eq!(size_of::<super::chunk::Chunk>(), 8192);
}

/// What was freed during each reading, in turn; (bytes, objects) of the one that is kept, and how many were taken.
fn kept(mut freed: &[(u64, u64)]) -> ((u64, u64), usize) {
    let given = freed.len();
    let best = Reading::narrowest(|| {
        let (&(freed_bytes, freed_objects), rest) = freed.split_first().expect("no more readings");
        freed = rest;
        Reading { counts: Counts::default(), freed_bytes, freed_objects }
    });
    ((best.freed_bytes, best.freed_objects), given - freed.len())
}

#[test]
fn a_reading_is_repeated_until_it_is_narrow_in_bytes_and_in_objects() {
    assert_eq!(kept(&[(BATCH, 1024), (0, 0)]), ((BATCH, 1024), 1));
    // Small objects are many before they are a batch of bytes.
    assert_eq!(kept(&[(100, 5_000_000), (BATCH, 7), (0, 0)]), ((BATCH, 7), 2));
    assert_eq!(kept(&[(BATCH + 1, 0), (0, 1025), (1, 1)]), ((1, 1), 3));
    let wide = (1 << 30, 1 << 20);
    assert_eq!(
        kept(&[wide, (1 << 29, 1 << 21), (1 << 29, 1 << 19), wide]),
        ((1 << 29, 1 << 19), 4)
    );
}

#[test]
fn a_bell_rings_once_for_each_time_it_is_armed() {
    let total = Peak::new();
    let bell = total.belfry().claim(&std::thread::current()).expect("a free bell");
    let rang = || total.belfry().bell(bell).is_some_and(Bell::take_ring);
    total.arm(bell, 100);
    total.publish(99);
    assert!(!rang(), "below the line");
    total.publish(1);
    assert!(rang(), "at the line");
    total.publish(1000);
    assert!(!rang(), "disarmed by ringing");
    total.arm(bell, 1101);
    total.publish(-50);
    total.publish(50);
    assert!(!rang(), "below the new line");
    assert!(total.admit(1, 1101) && !total.admit(1, 1101));
    assert!(!rang(), "what is admitted has not happened yet");
    total.look();
    assert!(rang(), "at the new line");
    total.arm(bell, 1101);
    assert!(rang(), "already there");
    total.arm(bell, 1102);
    total.belfry().disarm(bell);
    total.publish(1);
    assert!(!rang(), "disarmed by its owner");
}

#[test]
fn what_no_total_can_hold_is_not_admitted() {
    let total = Peak::new();
    total.publish(100);
    assert!(!total.admit(i64::MAX, i64::MAX));
    assert!(total.admit(i64::MAX - 100, i64::MAX));
    total.publish(100 - i64::MAX);
    assert_eq!(total.live(), 100);
}

#[test]
fn bells_are_bounded_and_can_be_had_again() {
    let total = Peak::new();
    let claim = || total.belfry().claim(&std::thread::current());
    let bells: Vec<usize> = std::iter::from_fn(claim).collect();
    assert_eq!(bells, (0..super::belfry::BELLS).collect::<Vec<_>>());
    for bell in &bells {
        total.arm(*bell, 10 + (*bell).cast_signed() as i64);
    }
    total.belfry().leave(3);
    total.publish(15);
    let rang = bells.iter().filter(|bell| total.belfry().bell(**bell).is_some_and(Bell::has_rung));
    assert_eq!(rang.copied().collect::<Vec<_>>(), [0, 1, 2, 4, 5]);
    assert_eq!((claim(), claim()), (Some(3), None));
    assert!(!total.belfry().bell(3).is_some_and(Bell::has_rung), "it begins anew");
}

/// Rung by one thread, left and claimed by others, all the time: for Miri and the sanitizers.
#[test]
fn a_bell_changes_hands_while_it_is_rung() {
    let total = Peak::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..ROUNDS).for_each(|_| total.publish(1)));
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    if let Some(bell) = total.belfry().claim(&std::thread::current()) {
                        total.arm(bell, total.live());
                        total.belfry().leave(bell);
                    }
                }
            });
        }
    });
    let claim = || total.belfry().claim(&std::thread::current());
    assert_eq!(std::iter::from_fn(claim).count(), super::belfry::BELLS, "none was lost");
}
