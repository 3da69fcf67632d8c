//! Who held it: the places in the program, from the profiles that were kept beside the recording.

#[cfg(feature = "profile")]
use crate::profile::{HeapProfile, ProfileSite, SiteGrowth};
use crate::recorder::ProfileKind;
use serde::Serialize;
use std::path::PathBuf;

/// Places that are told.
#[cfg(feature = "profile")]
const MOST_SITES: usize = 20;
/// Functions that are told of a place's stack.
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

/// A place in the program, and what it held: estimates.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteHeld {
    /// The function that it is in.
    pub name: String,
    /// The same for the same place in another profile.
    pub key: String,
    /// The library's function that allocated for it.
    pub via: Option<String>,
    /// The tag in force.
    pub tag: Option<String>,
    /// The thread's name, where threads are kept apart.
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
    /// The functions on its stack, the innermost first.
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
        let growth = self.earlier.as_ref().map(|earlier| profile.difference(earlier));
        let held = |site| held(profile, site, growth.as_deref());
        let mut sites: Vec<_> = profile.sites.iter().map(held).collect();
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

#[cfg(feature = "profile")]
fn held(profile: &HeapProfile, site: &ProfileSite, growth: Option<&[SiteGrowth]>) -> SiteHeld {
    let grown = growth.map(|all| all.iter().find(|grown| grown.key == site.key));
    let stack = profile.shown(site).map(|function| function.name.clone());
    SiteHeld {
        name: site.name().to_owned(),
        key: site.key.clone(),
        via: site.via.clone(),
        tag: site.tag.clone(),
        thread: site.thread.clone(),
        live_bytes: site.live_bytes.value,
        live_standard_error: site.live_bytes.standard_error,
        live_objects: site.live_objects.value,
        // One that did not change is not among those that did.
        grown_bytes: grown.map(|grown| grown.map_or(0.0, |grown| grown.bytes)),
        grown_standard_error: grown.map(|grown| grown.map_or(0.0, |it| it.standard_error)),
        stack: stack.take(MOST_FRAMES).collect(),
    }
}
