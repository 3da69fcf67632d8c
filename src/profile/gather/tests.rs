//! Made-up readings: are samples summed up where they belong?

use super::*;

const MEAN: u64 = 512 << 10;

fn moment() -> Moment {
    Moment::now()
}

fn site(frames: &[usize], tag: Option<&'static str>, samples: u64) -> RawSite {
    RawSite {
        frames: frames.to_vec(),
        tag,
        samples,
        allocated_objects: samples as f64 * 10.0,
        allocated_bytes: samples as f64 * MEAN as f64,
        allocated_objects_variance: samples as f64 * 100.0,
        allocated_bytes_variance: samples as f64 * (MEAN as f64).powi(2),
        ..RawSite::default()
    }
}

fn sample(site: u32, size: u64) -> RawSample {
    RawSample { site, size, mean_bytes: MEAN }
}

fn of(sites: Vec<RawSite>, samples: Vec<RawSample>) -> HeapProfile {
    let lost = Lost { table_full: 3, busy: 1, ..Lost::default() };
    let reading = Reading { is_running: true, mean_bytes: MEAN, sites, samples, lost };
    HeapProfile::of(&reading, Vec::new(), moment())
}

#[test]
fn samples_are_summed_up_by_site_and_the_largest_comes_first() {
    let sites = vec![site(&[1, 2], None, 4), site(&[3, 2], None, 9)];
    let profile = of(sites, vec![sample(0, 1 << 30), sample(1, 64), sample(1, 64)]);
    let [large, small] = &profile.sites[..] else { panic!("{:?}", profile.sites) };
    assert_eq!((large.live_bytes.value, large.live_bytes.standard_error), (1_073_741_824.0, 0.0));
    assert_eq!((large.live_objects.value, large.live_samples, large.samples), (1.0, 1, 4));
    // Two objects of 64 bytes stand for a mean each, but for what rounding to the thousandth takes.
    assert!((small.live_bytes.value / (2 * MEAN) as f64 - 1.0).abs() < 1e-4, "{small:?}");
    assert!((small.live_objects.value - (2 * MEAN / 64) as f64).abs() < 2.0, "{small:?}");
    let sum: f64 = profile.sites.iter().map(|site| site.live_bytes.value).sum();
    assert!((profile.live_bytes.value - sum).abs() < 0.01);
    assert_eq!((profile.live_samples, profile.lost.table_full, profile.lost.busy), (3, 3, 1));
}

#[test]
fn the_same_stack_twice_is_one_site() {
    let sites = vec![site(&[1, 2], None, 4), site(&[1, 2], None, 6), site(&[1, 2], Some("t"), 1)];
    let profile = of(sites, vec![sample(0, 1 << 30), sample(1, 1 << 30), sample(2, 1 << 30)]);
    let found: Vec<_> = profile
        .sites
        .iter()
        .map(|site| (site.tag.as_deref(), site.live_samples, site.samples))
        .collect();
    assert_eq!(found, [(None, 2, 10), (Some("t"), 1, 1)]);
    assert_eq!(profile.sites[0].allocated_objects.value, 100.0);
    assert!((profile.sites[0].allocated_objects.standard_error - 1000f64.sqrt()).abs() < 1e-3);
}

/// Recursion is a longer stack, and no other place: it is neither folded nor counted twice.
#[test]
fn recursion_stays_as_it_is() {
    let sites =
        vec![site(&[1, 1, 2], None, 1), site(&[1, 1, 1, 2], None, 1), site(&[1, 2], None, 1)];
    let profile = of(sites, vec![sample(0, 1 << 30), sample(1, 1 << 31), sample(2, 1 << 29)]);
    let stacks: Vec<Vec<u64>> = profile
        .sites
        .iter()
        .map(|site| profile.stack(site).map(|location| location.address).collect())
        .collect();
    assert_eq!(stacks, [vec![1, 1, 1, 2], vec![1, 1, 2], vec![1, 2]]);
    assert_eq!(profile.locations.len(), 2);
}

#[test]
fn a_site_whose_objects_are_gone_still_says_what_it_allocated() {
    let profile = of(vec![site(&[1], None, 4)], vec![]);
    let site = &profile.sites[0];
    assert_eq!((site.live_bytes.value, site.live_bytes.low), (0.0, 0.0));
    assert!(site.live_bytes.high > 3.0 * MEAN as f64, "one may be there that was not sampled");
    assert_eq!(site.allocated_bytes.value, (4 * MEAN) as f64);
}

#[test]
fn nothing_read_is_an_empty_profile() {
    let profile = HeapProfile::of(&Reading::default(), Vec::new(), moment());
    assert!(profile.sites.is_empty() && !profile.is_running);
    assert_eq!(profile.live_bytes, crate::profile::Estimate::default());
}

#[test]
fn a_profile_goes_through_json_unchanged() {
    let sites = vec![site(&[1, 2], Some("index"), 4), site(&[3], None, 9)];
    let profile = of(sites, vec![sample(0, 100_000), sample(1, 64)]);
    let json = serde_json::to_string(&profile).expect("plain data");
    assert_eq!(serde_json::from_str::<HeapProfile>(&json).expect("reads"), profile);
}
