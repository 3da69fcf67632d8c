//! How far it is to the next sample.

use crate::counters::countdown::Countdown;

const MEAN: u64 = 1000;

/// The share of objects of `size` bytes that are hit, and what chance says.
fn share(size: i64, rounds: u32) -> (f64, f64) {
    let countdown = Countdown::new();
    let hits = (0..rounds).filter(|_| countdown.hits(0, size, MEAN)).count();
    (hits as f64 / f64::from(rounds), -(-size as f64 / MEAN as f64).exp_m1())
}

#[test]
fn an_object_is_hit_with_the_chance_of_its_size() {
    for size in [1, 10, 100, 1000, 3000, 20_000] {
        let (share, chance) = share(size, 200_000);
        // Five standard errors: one run in two million fails by chance.
        let error = 5.0 * (chance * (1.0 - chance) / 200_000.0).sqrt();
        assert!((share - chance).abs() <= error, "{size} bytes: {share}, not {chance}");
    }
}

#[test]
fn bytes_that_pass_change_no_chance() {
    let countdown = Countdown::new();
    let hits = (0..200_000).filter(|_| countdown.hits(777, 500, MEAN)).count() as f64;
    let chance = -(-0.5_f64).exp_m1();
    let error = 5.0 * (chance * (1.0 - chance) * 200_000.0).sqrt();
    assert!((hits - chance * 200_000.0).abs() <= error, "{hits}");
}

#[test]
fn an_object_of_no_bytes_is_never_hit_and_a_huge_one_always() {
    let countdown = Countdown::new();
    assert!((0..10_000).all(|_| !countdown.hits(0, 0, 1)));
    assert!((0..10_000).all(|_| countdown.hits(0, i64::MAX, MEAN)));
}

#[test]
fn nothing_is_hit_without_a_mean() {
    let countdown = Countdown::new();
    assert!((0..100).all(|_| !countdown.hits(i64::MAX, i64::MAX, 0)));
    assert!(countdown.hits(0, i64::MAX, 1), "in force from the first object on");
    assert!(!countdown.hits(0, i64::MAX, 0));
    assert_eq!(countdown.left(), 0, "one so large is all there is, and changes nothing");
    assert!(!countdown.hits(0, i64::MAX, 0));
}

#[test]
fn threads_draw_different_numbers() {
    let (one, other) = (Countdown::new(), Countdown::new());
    let same = (0..100).filter(|_| one.random().to_bits() == other.random().to_bits()).count();
    assert_eq!(same, 0);
}
