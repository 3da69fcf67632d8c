//! Who held it: the program's functions, from the profiles that were kept beside the recording.

#[cfg(feature = "profile")]
use crate::profile::{Estimate, Function, HeapProfile, ProfileSite, SiteGrowth};
use crate::recorder::ProfileKind;
use serde::Serialize;
#[cfg(feature = "profile")]
use std::collections::HashSet;
use std::path::PathBuf;

/// Functions that are told.
#[cfg(feature = "profile")]
const MOST_SITES: usize = 20;
/// Functions that are told of a stack.
#[cfg(feature = "profile")]
const MOST_FRAMES: usize = 16;

/// The profile that the sites are from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeptProfile {
    /// Its file.
    pub path: PathBuf,
    /// Why it was kept.
    pub kind: ProfileKind,
    /// When it was taken, in seconds since 1970.
    pub timestamp: f64,
    /// The earlier one that growth is reckoned from; `None` when there is no other.
    pub since: Option<f64>,
    /// Mean bytes between two samples.
    pub mean_bytes: u64,
    /// Live bytes of all sites: an estimate.
    pub live_bytes: f64,
    /// Its standard error.
    pub live_standard_error: f64,
    /// Samples that were due and are missing.
    pub lost: u64,
    /// Where the names are from: `process`, `program` (its file, afterwards), `none`.
    pub symbols: &'static str,
}

/// A function, and what it held: estimates, each the sum over all of its stacks with the same tag, of the 256 largest stacks
/// where the directory had no room for more.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteHeld {
    /// Its name.
    pub name: String,
    /// How many stacks it is the sum of.
    pub stacks: usize,
    /// The key of the stack that holds most: the same for the same stack in another profile.
    pub key: String,
    /// The library's function that allocated for it, on that stack.
    pub via: Option<String>,
    /// The tag in force.
    pub tag: Option<String>,
    /// The thread's name on that stack, where threads are kept apart.
    pub thread: Option<String>,
    /// Live bytes.
    pub live_bytes: f64,
    /// The standard error of `live_bytes`.
    pub live_standard_error: f64,
    /// Live objects.
    pub live_objects: f64,
    /// Live bytes more than in the earlier profile; `None` when there is none.
    pub grown_bytes: Option<f64>,
    /// The standard error of `grown_bytes`.
    pub grown_standard_error: Option<f64>,
    /// The functions on the stack that holds most, the innermost first.
    pub stack: Vec<String>,
}

/// What chance would show once in 40 times.
const CERTAIN: f64 = 2.0;

impl SiteHeld {
    /// Whether it has grown by more than chance would show.
    pub fn has_grown(&self) -> bool {
        let errors = self.grown_standard_error.unwrap_or(f64::INFINITY);
        self.grown_bytes.is_some_and(|bytes| bytes > 0.0 && bytes > CERTAIN * errors)
    }
}

/// What was read of the kept profiles.
#[derive(Debug, Default)]
pub(super) struct Kept {
    #[cfg(feature = "profile")]
    pub(super) latest: Option<(KeptProfile, HeapProfile)>,
    /// From which growth is reckoned.
    #[cfg(feature = "profile")]
    pub(super) earlier: Option<HeapProfile>,
    pub(super) damage: Vec<String>,
}

#[cfg(not(feature = "profile"))]
impl Kept {
    pub(super) fn sites(&self) -> (Option<KeptProfile>, Vec<SiteHeld>) {
        (None, Vec::new())
    }
}

#[cfg(feature = "profile")]
impl Kept {
    /// Those that grew most first; without an earlier profile those that held most.
    pub(super) fn sites(&self) -> (Option<KeptProfile>, Vec<SiteHeld>) {
        let Some((kept, profile)) = &self.latest else { return (None, Vec::new()) };
        let growth = self.earlier.as_ref().map(|earlier| growth(profile, earlier));
        let functions = profile.grouped(|site| (site.name(), &site.tag));
        let held = functions.filter_map(|sites| held(profile, &sites, growth.as_deref()));
        let mut sites: Vec<_> = held.collect();
        sites.sort_by(|a, b| order(b).total_cmp(&order(a)).then_with(|| a.key.cmp(&b.key)));
        sites.retain(|site| site.live_bytes > 0.0);
        sites.truncate(MOST_SITES);
        (Some(kept.clone()), sites)
    }
}

#[cfg(feature = "profile")]
fn order(site: &SiteHeld) -> f64 {
    site.grown_bytes.unwrap_or(site.live_bytes)
}

/// By function. A file that had no room for all sites has the largest: one that it does not have may still hold something.
#[cfg(feature = "profile")]
fn growth(profile: &HeapProfile, earlier: &HeapProfile) -> Vec<SiteGrowth> {
    let samples = profile.sites.iter().map(|site| site.live_samples);
    let told = samples.fold(0, u64::saturating_add);
    if told >= profile.live_samples {
        return profile.difference_by_function(earlier);
    }
    let known: HashSet<_> = profile.sites.iter().map(|site| &site.key).collect();
    let mut earlier = earlier.clone();
    earlier.sites.retain(|site| known.contains(&site.key));
    profile.difference_by_function(&earlier)
}

/// Of all the sites of a function, the largest first.
#[cfg(feature = "profile")]
fn held(
    profile: &HeapProfile,
    sites: &[&ProfileSite],
    growth: Option<&[SiteGrowth]>,
) -> Option<SiteHeld> {
    let largest = sites.first()?;
    let sum = |of: fn(&ProfileSite) -> Estimate| sites.iter().map(|site| of(site)).sum();
    let live: Estimate = sum(|site| site.live_bytes);
    let objects: Estimate = sum(|site| site.live_objects);
    let is_it = |grown: &&SiteGrowth| grown.name == largest.name() && grown.tag == largest.tag;
    let grown = growth.map(|all| all.iter().find(is_it));
    let stack = profile.shown(largest).map(Function::told);
    Some(SiteHeld {
        name: largest.name().to_owned(),
        stacks: sites.len(),
        key: largest.key.clone(),
        via: largest.via.clone(),
        tag: largest.tag.clone(),
        thread: largest.thread.clone(),
        live_bytes: live.value,
        live_standard_error: live.standard_error,
        live_objects: objects.value,
        // One that did not change is not among those that did.
        grown_bytes: grown.map(|grown| grown.map_or(0.0, |grown| grown.bytes)),
        grown_standard_error: grown.map(|grown| grown.map_or(0.0, |it| it.standard_error)),
        stack: stack.take(MOST_FRAMES).collect(),
    })
}
