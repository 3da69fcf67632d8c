//! What is said of a leak, and of the functions that grew.

use super::*;
use crate::policy::leak::{GrownSite, LeakStatus};

fn site(name: &str, mib: f64) -> GrownSite {
    GrownSite::new(name.into(), mib * MIB as f64, 0.25 * MIB as f64)
}

fn leak(verdict: LeakVerdict, sites: Vec<GrownSite>) -> LeakStatus {
    let growth_bytes = (verdict != LeakVerdict::None).then_some(12 * MIB);
    let span_secs = growth_bytes.map(|_| 48.0 * 3600.0);
    LeakStatus { verdict, growth_bytes, span_secs, sites, ..LeakStatus::default() }
}

/// A process that grew by 40 MiB in a minute, of whose leak that is known, and whose profile saw those sites grow.
fn explained(leak: LeakStatus, grown: Vec<GrownSite>) -> Explanation {
    let before = snapshot(10, &[(AllocBytes, 20), (Used, 30)]);
    let now = snapshot(70, &[(AllocBytes, 60), (Used, 70)]);
    let mut status = status(now, Vec::new(), forecast(Growth::Objects, 0.6));
    (status.leak, status.surfaces.profile) = (leak, true);
    Explanation::of(&Facts {
        status: &status,
        oldest: Some(&before),
        before: Some(&before),
        caches_before: &[],
        events: &[],
        scope: Scope::Process,
        grown: Some(GrownSince { since_secs: 300.0, sites: grown }),
    })
}

#[test]
fn before_it_is_a_leak_the_profile_says_what_grows() {
    let sites = vec![site("search::remember", 30.0), site("search::log", 2.0)];
    let explanation = explained(leak(LeakVerdict::None, vec![]), sites);
    says(
        &explanation,
        &[
            "in 5m the heap profile saw grow: search::remember (30.0 MiB, standard error 256.0 KiB), search::log",
        ],
    );
    let step = &explanation.next_steps[0];
    assert!(step.what.contains("was allocated in search::remember"), "{step}");
    assert_eq!(step.tool, Some("get_heap_profile"));
}

#[test]
fn a_confirmed_leak_is_the_last_word_and_the_first_step() {
    let confirmed = leak(LeakVerdict::Confirmed, vec![site("search::remember", 11.0)]);
    let explanation = explained(confirmed, vec![site("search::fill", 30.0)]);
    let last = explanation.verdict.last().expect("three sentences");
    assert_eq!(
        last,
        "A leak is confirmed: what no cache holds grew by 12.0 MiB in 2days: search::remember (11.0 MiB, standard error 256.0 KiB)."
    );
    assert_eq!(explanation.verdict.len(), 3);
    let steps: Vec<_> = explanation.next_steps.iter().map(|step| step.what.as_str()).collect();
    assert!(steps[0].starts_with("look at search::remember"), "{steps:?}");
    assert_eq!(steps.len(), 1, "said once");
}

#[test]
fn a_suspicion_without_names_says_how_to_get_them() {
    let explanation = explained(leak(LeakVerdict::Suspected, vec![]), vec![]);
    says(&explanation, &["A leak is suspected: what no cache holds grew by 12.0 MiB in 2days."]);
    assert_eq!(explanation.next_steps[0].setting, Some("PLIMSOLL_HEAP_PROFILE"));
    assert!(explained(leak(LeakVerdict::Growing, vec![]), vec![]).verdict.len() == 2);
}
