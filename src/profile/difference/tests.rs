//! Simulated heaps that change between two profiles: is the change found, within its stated error?

use super::*;
use crate::profile::estimate::chance;
use crate::sampler::{RawSample, RawSite, Reading};
use crate::snapshot::Moment;

const MEAN: u64 = 512 << 10;

/// One site of a simulated heap, and its sampler.
struct Site {
    size: u64,
    samples: u64,
    sampled: Vec<u64>,
    others: u64,
    random: fastrand::Rng,
}

impl Site {
    fn new(size: u64, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Site { size, samples: 0, sampled: Vec::new(), others: 0, random }
    }

    fn allocate(&mut self, count: u64) {
        for _ in 0..count {
            if self.random.f64() < chance(self.size, MEAN) {
                self.samples += 1;
                self.sampled.push(self.size);
            } else {
                self.others += 1;
            }
        }
    }

    /// Frees `count` objects at random.
    fn free(&mut self, count: u64) {
        for _ in 0..count {
            let all = self.others + self.sampled.len() as u64;
            if self.random.u64(0..all) < self.others {
                self.others -= 1;
            } else {
                self.sampled.pop();
            }
        }
    }

    fn reading(&self) -> Reading {
        let p = chance(self.size, MEAN);
        let (n, s) = (self.samples as f64, self.size as f64);
        let site = RawSite {
            frames: vec![1, 2],
            samples: self.samples,
            allocated_objects: n / p,
            allocated_bytes: n * s / p,
            allocated_objects_variance: n * (1.0 - p) / (p * p),
            allocated_bytes_variance: n * s * s * (1.0 - p) / (p * p),
            ..RawSite::default()
        };
        let sample = |size: &u64| RawSample { site: 0, size: *size, mean_bytes: MEAN };
        let samples = self.sampled.iter().map(sample).collect();
        Reading { mean_bytes: MEAN, sites: vec![site], samples, ..Reading::default() }
    }

    fn profile(&self) -> HeapProfile {
        HeapProfile::of(&self.reading(), Vec::new(), Moment::now())
    }
}

/// What is there before, and what is allocated and freed between two profiles: objects of a size.
const CHANGES: [(&str, u64, u64, u64, u64); 6] = [
    ("a leak beside much that stays", 64 << 10, 4000, 500, 0),
    ("churn", 64 << 10, 500, 2000, 2000),
    ("a cache is emptied", 16 << 10, 4000, 0, 3000),
    ("a new site", 4 << 10, 0, 6000, 0),
    ("large objects", 2 << 20, 50, 20, 5),
    ("nothing", 64 << 10, 500, 0, 0),
];

#[test]
fn the_change_is_within_its_interval_in_95_of_100() {
    const TRIALS: u32 = 1500;
    for (name, size, before, allocated, freed) in CHANGES {
        let truth = size as f64 * (allocated as f64 - freed as f64);
        let mut within = 0;
        for seed in 0..TRIALS {
            let mut site = Site::new(size, seed.into());
            site.allocate(before);
            let earlier = site.profile();
            site.allocate(allocated);
            site.free(freed);
            let change = site.profile().since(&earlier).live_bytes;
            within += u32::from(change.low <= truth + 1.0 && truth - 1.0 <= change.high);
        }
        let share = f64::from(within) / f64::from(TRIALS) * 100.0;
        println!("{name}: within in {share:.1} %");
        assert!(share >= 94.0, "{name}: {share:.1} %");
    }
}

/// The samples of what stays are in both profiles: they are no doubt about the growth.
#[test]
fn a_small_leak_shows_beside_much_that_stays() {
    let mut site = Site::new(64 << 10, 1);
    site.allocate(16_000);
    let earlier = site.profile();
    site.allocate(320);
    let [growth] = &site.profile().difference(&earlier)[..] else { panic!("one site") };
    assert!(growth.is_beyond(3.0), "{growth:?}");
    let alone = earlier.sites[0].live_bytes.standard_error;
    assert!(growth.standard_error < alone / 4.0, "{growth:?}, of {alone}");
}

#[test]
fn a_site_that_is_gone_is_a_loss_and_keeps_its_stack() {
    let mut site = Site::new(64 << 10, 1);
    site.allocate(100);
    let earlier = site.profile();
    let later = HeapProfile { sites: vec![], locations: vec![], ..earlier.clone() };
    let [growth] = &later.difference(&earlier)[..] else { panic!("one site") };
    assert_eq!((growth.bytes, growth.live_bytes), (-earlier.live_bytes.value, 0.0));
    let change = later.since(&earlier);
    let stack: Vec<_> = change.stack(&change.sites[0]).map(|it| it.address).collect();
    assert_eq!(stack, [1, 2]);
}

#[test]
fn a_profile_that_began_anew_is_compared_with_both_errors() {
    let mut site = Site::new(64 << 10, 1);
    site.allocate(1000);
    let earlier = site.profile();
    let mut again = Site::new(64 << 10, 2);
    again.allocate(100);
    let [growth] = &again.profile().difference(&earlier)[..] else { panic!("one site") };
    let error = earlier.sites[0].live_bytes.standard_error;
    assert!(growth.standard_error > error, "{growth:?}");
}

#[test]
fn what_did_not_change_is_left_out() {
    let mut site = Site::new(64 << 10, 1);
    site.allocate(1000);
    let profile = site.profile();
    assert_eq!(profile.difference(&profile), []);
    assert!(profile.since(&profile).sites.is_empty());
}

#[test]
fn sites_of_one_function_are_one() {
    let site = |key: &str, name: &str, thread: Option<&str>, bytes: f64| SiteGrowth {
        key: key.into(),
        name: name.into(),
        thread: thread.map(str::to_owned),
        bytes,
        standard_error: 3.0,
        objects: 1.0,
        objects_standard_error: 4.0,
        live_bytes: bytes + 1.0,
        ..SiteGrowth::default()
    };
    let sites = vec![
        site("a", "keep", Some("one"), 20.0),
        site("b", "give", Some("one"), 15.0),
        site("c", "keep", Some("two"), -5.0),
        SiteGrowth { tag: Some("t".into()), ..site("d", "keep", None, 1.0) },
        SiteGrowth { standard_error: 4.0, ..site("e", "give", Some("one"), 10.0) },
    ];
    let functions = SiteGrowth::by_function(sites);
    let told: Vec<_> = functions.iter().map(|it| (&*it.key, it.bytes, it.live_bytes)).collect();
    assert_eq!(told, [("b", 25.0, 27.0), ("a", 15.0, 17.0), ("d", 1.0, 2.0)]);
    assert_eq!((functions[0].standard_error, functions[0].objects), (5.0, 2.0));
    assert_eq!(
        (functions[0].thread.as_deref(), functions[1].thread.as_deref()),
        (Some("one"), None)
    );
}
