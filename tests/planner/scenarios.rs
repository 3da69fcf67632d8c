//! What a governor meets, one case each: the load and the caches as told, the outcome to the byte where it follows.

use plimsoll::testing::{Plant, SimulatedCache};
use plimsoll::{CacheSpec, EventKind, Level, Priority};
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// A hundredth of it is 10 MiB.
const BUDGET: u64 = 1000 * MIB;

fn early(name: &str) -> CacheSpec {
    CacheSpec::new(name).from(Level::Caution)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn told(plant: &Plant, event_type: &str) -> usize {
    plant.events().iter().filter(|(_, event)| event.event_type() == event_type).count()
}

#[test]
fn a_level_returns_to_normal_with_no_traffic() {
    let mut plant = Plant::new(BUDGET);
    plant.register(early("pages"), SimulatedCache::holding(400 * MIB));
    plant.hold(500 * MIB);
    plant.run(seconds(60));
    assert_eq!(plant.level(), Level::Healthy);
    assert_eq!(plant.usage_bytes(), 720 * MIB, "one point below where caution is left");
}

#[test]
fn an_emergency_returns_to_normal_with_caches_that_are_asked_only_then() {
    let mut plant = Plant::new(BUDGET);
    plant.register("pages", SimulatedCache::holding(600 * MIB));
    plant.hold(390 * MIB);
    plant.run(seconds(60));
    assert_eq!((plant.level(), plant.usage_bytes()), (Level::Healthy, 720 * MIB));
}

#[test]
fn a_refilling_cache_is_held_by_its_ceiling_as_full_as_the_budget_allows() {
    let mut plant = Plant::new(BUDGET);
    let pages = SimulatedCache::holding(300 * MIB).refills(50 * MIB);
    plant.register(early("pages"), pages.clone());
    plant.hold(400 * MIB);
    plant.run(seconds(3600));
    let evicted: u64 = plant.episodes().iter().map(|episode| episode.given_bytes()).sum();
    assert!(plant.episodes().len() <= 3, "{} evictions in an hour", plant.episodes().len());
    assert!(evicted < 300 * MIB, "{} MiB evicted in an hour", evicted / MIB);
    assert_eq!(plant.level(), Level::Healthy);
    let held = pages.held_bytes() / MIB;
    assert!((380..=390).contains(&held), "{held} MiB held: to 79 % of the budget");
}

#[test]
fn an_evict_only_cache_that_refills_is_told_as_a_storm() {
    let mut plant = Plant::new(BUDGET);
    let pages = SimulatedCache::holding(300 * MIB).refills(50 * MIB).without_ceilings();
    plant.register(early("pages"), pages);
    plant.hold(500 * MIB);
    plant.run(seconds(300));
    assert!(told(&plant, "refill_storm") >= 1);
    assert!(told(&plant, "refill_storm") <= 5, "once a minute");
    assert!(plant.peak_usage_bytes() <= BUDGET, "it is held in an emergency all the same");
}

#[test]
fn a_cache_that_claims_eight_times_what_it_frees_is_seen_through() {
    let mut plant = Plant::new(BUDGET);
    let liar = SimulatedCache::holding(300 * MIB).gives(0.125).claims(8.0);
    let honest = SimulatedCache::holding(300 * MIB);
    plant.register(early("liar").priority(Priority::Low), liar.clone());
    plant.register(early("honest"), honest.clone());
    plant.hold(300 * MIB);
    plant.run(seconds(60));
    assert_eq!(plant.level(), Level::Healthy);
    let asks = &plant.episodes()[0].asks;
    let names: Vec<_> = asks.iter().map(|ask| ask.cache.as_str()).collect();
    assert_eq!(names[..3], ["liar", "liar", "honest"], "two strikes");
    assert!(plant.usage_bytes() <= 720 * MIB + 10 * MIB);
}

#[test]
fn hung_panicking_and_refusing_caches_are_passed_over() {
    let mut plant = Plant::new(BUDGET).hook_timeout(seconds(10));
    let bad = |name: &str| early(name).priority(Priority::Low);
    plant.register(bad("hangs"), SimulatedCache::holding(100 * MIB).takes(seconds(100)));
    plant.register(bad("panics"), SimulatedCache::holding(100 * MIB).panics());
    plant.register(bad("refuses"), SimulatedCache::holding(100 * MIB).gives(0.0));
    plant.register(early("good"), SimulatedCache::holding(300 * MIB));
    plant.hold(300 * MIB);
    plant.run(seconds(120));
    assert_eq!(plant.level(), Level::Healthy);
    let first = &plant.episodes()[0];
    let failed: Vec<_> =
        first.asks.iter().filter(|ask| ask.failed).map(|ask| ask.cache.as_str()).collect();
    assert_eq!(failed, ["hangs", "panics"], "once each, then quarantine");
}

#[test]
fn tiers_floors_and_units_are_kept() {
    let mut plant = Plant::new(BUDGET);
    let dear = SimulatedCache::holding(300 * MIB);
    let floored = SimulatedCache::holding(300 * MIB);
    let lumpy = SimulatedCache::holding(300 * MIB).entries_of(7 * MIB);
    plant.register(early("dear").tier(2), dear.clone());
    plant.register(early("floored").tier(1).floor(250 * MIB), floored.clone());
    plant.register(early("lumpy").tier(0).unit(7 * MIB), lumpy.clone());
    plant.hold(100 * MIB);
    plant.run(seconds(60));
    assert_eq!(plant.level(), Level::Healthy);
    assert_eq!(dear.held_bytes(), 300 * MIB, "the lower tiers were enough");
    assert!(floored.held_bytes() >= 250 * MIB);
    let over = (720 * MIB).saturating_sub(plant.usage_bytes());
    assert!(over <= 7 * MIB, "{over} bytes too many: a unit at most");
}

#[test]
fn small_objects_evicted_at_random_do_not_empty_the_cache() {
    let mut plant = Plant::new(BUDGET);
    let pages = SimulatedCache::holding(500 * MIB).page_yield(0.0);
    plant.register(early("pages"), pages.clone());
    plant.hold(400 * MIB);
    plant.run(seconds(600));
    let held = pages.held_bytes() / MIB;
    assert!(held >= 250, "{held} MiB left of 500: pages do not come back, whatever is evicted");
    assert_eq!(plant.level(), Level::Caution, "and nobody says they did");
}

#[test]
fn growth_outside_of_all_caches_ends_in_one_surrender() {
    let mut plant = Plant::new(BUDGET);
    plant.register(early("pages"), SimulatedCache::holding(200 * MIB));
    plant.grow(5 * MIB as i64);
    plant.run(seconds(300));
    assert_eq!(told(&plant, "gave_up"), 1);
    assert_eq!(plant.level(), Level::Critical);
    plant.grow(-20 * MIB as i64);
    plant.run(seconds(200));
    assert_eq!(plant.level(), Level::Healthy, "when the load ends");
}

#[test]
fn a_unit_larger_than_every_cache_can_give_is_not_asked_for() {
    let mut plant = Plant::new(BUDGET);
    plant.register(early("one lump").unit(400 * MIB), SimulatedCache::holding(300 * MIB));
    plant.hold(550 * MIB);
    plant.run(seconds(60));
    assert!(plant.episodes().is_empty());
}

#[test]
fn a_limit_lowered_below_the_usage_is_a_planned_shrink() {
    let mut plant = Plant::new(BUDGET);
    let pages = SimulatedCache::holding(400 * MIB);
    plant.register(early("pages"), pages);
    plant.hold(200 * MIB);
    plant.run(seconds(60));
    assert!(plant.episodes().is_empty());
    plant.set_budget(500 * MIB);
    plant.run(seconds(60));
    assert_eq!((plant.level(), plant.usage_bytes()), (Level::Healthy, 360 * MIB));
}

#[test]
fn a_burst_is_met_before_the_limit_and_not_at_the_next_interval() {
    let mut plant = Plant::new(BUDGET).limit(BUDGET).interval(seconds(3600));
    let pages = SimulatedCache::holding(450 * MIB);
    plant.register(early("pages"), pages);
    plant.hold(50 * MIB);
    plant.run(seconds(1));
    // From half the budget to all of it within a second.
    plant.grow(500 * MIB as i64);
    plant.run(Duration::from_millis(1300));
    plant.grow(0);
    plant.run(seconds(60));
    assert_eq!(plant.killed_at(), None);
    assert_eq!(plant.level(), Level::Healthy);
}

#[test]
fn figures_that_are_two_seconds_old_are_not_evicted_twice() {
    let mut plant = Plant::new(BUDGET).lag(seconds(2));
    let pages = SimulatedCache::holding(500 * MIB);
    plant.register(early("pages"), pages.clone());
    plant.hold(450 * MIB);
    plant.run(seconds(120));
    assert_eq!((plant.level(), plant.episodes().len()), (Level::Healthy, 1));
    assert_eq!(plant.usage_bytes(), 720 * MIB, "and no more than was needed");
}

#[test]
fn noise_on_the_line_is_one_eviction() {
    let mut plant = Plant::new(BUDGET);
    plant.register(early("pages"), SimulatedCache::holding(300 * MIB));
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..3600 {
        plant.hold(random.u64(480..520) * MIB);
        plant.run(seconds(1));
    }
    assert!(plant.episodes().len() <= 2, "{} in an hour", plant.episodes().len());
    assert_eq!(plant.level(), Level::Healthy);
}

#[test]
fn an_hour_in_an_emergency_is_quiet() {
    let mut plant = Plant::new(BUDGET);
    plant.register("refuses", SimulatedCache::holding(100 * MIB).gives(0.0));
    plant.hold(BUDGET);
    plant.run(seconds(3600));
    assert!(plant.episodes().len() <= 10, "{} evictions for nothing", plant.episodes().len());
    assert!(plant.events().len() <= 10, "{} events", plant.events().len());
}

#[test]
fn equals_give_alike_over_a_hundred_evictions() {
    let mut plant = Plant::new(BUDGET);
    let caches: Vec<_> =
        (0..4).map(|_| SimulatedCache::holding(150 * MIB).without_ceilings()).collect();
    for (index, cache) in caches.iter().enumerate() {
        plant.register(early(&index.to_string()), cache.clone());
    }
    plant.hold(100 * MIB);
    let mut given = [0u64; 4];
    for round in 0..100 {
        plant.hold(250 * MIB);
        plant.run(seconds(120));
        assert_eq!(plant.level(), Level::Healthy, "round {round}");
        for (cache, given) in caches.iter().zip(&mut given) {
            *given += 150 * MIB - cache.held_bytes();
            cache.fill(150 * MIB - cache.held_bytes());
        }
    }
    let (least, most) = (given.iter().min().unwrap(), given.iter().max().unwrap());
    assert!(most - least <= most / 10, "{given:?}");
}

#[test]
fn a_dear_cache_regrows_first() {
    let mut plant = Plant::new(BUDGET);
    let (cheap, dear) = (SimulatedCache::holding(300 * MIB), SimulatedCache::holding(300 * MIB));
    let (cheap, dear) = (cheap.refills(100 * MIB), dear.refills(100 * MIB));
    plant.register(early("cheap"), cheap.clone());
    plant.register(early("dear").tier(1), dear.clone());
    plant.hold(300 * MIB);
    plant.run(seconds(5));
    let (before, lowest) = (dear.held_bytes(), cheap.held_bytes());
    plant.hold(100 * MIB);
    plant.run(seconds(25));
    assert!(dear.held_bytes() > before, "after ten seconds of calm");
    assert_eq!(cheap.held_bytes(), lowest);
}

#[test]
fn every_change_of_level_is_an_event() {
    let mut plant = Plant::new(BUDGET);
    plant.hold(990 * MIB);
    plant.run(seconds(1));
    plant.hold(100 * MIB);
    plant.run(seconds(60));
    let levels: Vec<_> = plant
        .events()
        .iter()
        .filter_map(|(_, event)| match event {
            EventKind::LevelChanged { to, .. } => Some(*to),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [Level::Critical, Level::Warning, Level::Caution, Level::Healthy]);
}
