//! What changed between two profiles of one program, by site, with its error.

use super::estimate::Estimate;
use super::heap::{HeapProfile, Location, ProfileSite};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, hash_map::Entry};

/// What the live bytes and objects of one site grew by between two profiles.
///
/// The standard errors are of the growth: what was live in both profiles is in both with the same samples, and adds nothing
/// to them. So a leak of some megabytes shows at a site that holds a gigabyte.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SiteGrowth {
    /// The site's key: see [`ProfileSite::key`].
    pub key: String,
    /// The site's name: see [`ProfileSite::name`].
    pub name: String,
    /// The tag that was in force.
    pub tag: Option<String>,
    /// The thread's name, where threads are kept apart.
    pub thread: Option<String>,
    /// Live bytes more than before, estimated; negative when they became fewer.
    pub bytes: f64,
    /// The standard error of `bytes`.
    pub standard_error: f64,
    /// Live objects more than before, estimated.
    pub objects: f64,
    /// The standard error of `objects`.
    pub objects_standard_error: f64,
    /// Live bytes in the later profile, estimated.
    pub live_bytes: f64,
}

impl SiteGrowth {
    /// Whether the site has grown beyond doubt: by more than `errors` standard errors.
    pub fn is_beyond(&self, errors: f64) -> bool {
        self.bytes > 0.0 && self.bytes > errors * self.standard_error
    }

    /// Summed up by function and tag, the largest growth first, without those that did not change: the key is that of the first.
    pub(crate) fn by_function(sites: Vec<SiteGrowth>) -> Vec<SiteGrowth> {
        let mut functions: HashMap<(String, Option<String>), SiteGrowth> = HashMap::new();
        for site in sites {
            match functions.entry((site.name.clone(), site.tag.clone())) {
                Entry::Vacant(entry) => drop(entry.insert(site)),
                Entry::Occupied(mut entry) => entry.get_mut().add(site),
            }
        }
        let mut functions: Vec<_> = functions.into_values().filter(Self::has_changed).collect();
        functions.sort_by(|a, b| b.bytes.total_cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
        functions
    }

    fn has_changed(&self) -> bool {
        self.bytes != 0.0 || self.objects != 0.0
    }

    /// Adds another site of the same function: other samples, so that variances add up.
    fn add(&mut self, other: SiteGrowth) {
        self.bytes += other.bytes;
        self.standard_error = self.standard_error.hypot(other.standard_error);
        self.objects += other.objects;
        self.objects_standard_error =
            self.objects_standard_error.hypot(other.objects_standard_error);
        self.live_bytes += other.live_bytes;
        // Of several threads, none is the one.
        self.thread = self.thread.take().filter(|thread| other.thread.as_ref() == Some(thread));
    }
}

/// What one kind of figure of a site was, before and later: live, and allocated until then.
#[derive(Clone, Copy)]
struct Pair {
    live: (Estimate, Estimate),
    allocated: (Estimate, Estimate),
    /// Whether both count from the same start.
    is_continued: bool,
}

impl Pair {
    fn growth(&self) -> Estimate {
        let (before, later) = self.live;
        Estimate::of_difference(later.value - before.value, self.variance(), self.weight())
    }

    /// The variance of the growth.
    ///
    /// With N the samples that are new and G those that are gone, the growth is N - G, and what is in both profiles
    /// cancels out: var = V(N) + V(G). V(G) = V(before) - V(both) and V(both) = V(later) - V(N), so that
    /// var = V(before) - V(later) + 2 V(N); and V(N) is no more than V(later), nor than the variance of all that was allocated
    /// between the two.
    fn variance(&self) -> f64 {
        let variance = |estimate: Estimate| estimate.standard_error.powi(2);
        let (before, later) = (variance(self.live.0), variance(self.live.1));
        let allocated = variance(self.allocated.1) - variance(self.allocated.0);
        if !self.is_continued || allocated < 0.0 {
            return before + later;
        }
        (before - later + 2.0 * allocated.min(later)).max((later - before).abs())
    }

    /// What one sample more or less weighs.
    fn weight(&self) -> f64 {
        let of = |estimate: Estimate| match estimate.value > 0.0 {
            true => estimate.standard_error.powi(2) / estimate.value,
            false => 0.0,
        };
        of(self.live.0).max(of(self.live.1))
    }
}

/// The same site in both profiles.
struct Both<'a> {
    before: Option<&'a ProfileSite>,
    later: Option<&'a ProfileSite>,
    is_continued: bool,
}

impl Both<'_> {
    fn pair(
        &self,
        live: fn(&ProfileSite) -> Estimate,
        allocated: fn(&ProfileSite) -> Estimate,
    ) -> Pair {
        let both = |of: fn(&ProfileSite) -> Estimate| {
            (self.before.map(of).unwrap_or_default(), self.later.map(of).unwrap_or_default())
        };
        let is_continued = self.is_continued && self.later.is_some();
        Pair { live: both(live), allocated: both(allocated), is_continued }
    }

    fn bytes(&self) -> Pair {
        self.pair(|site| site.live_bytes, |site| site.allocated_bytes)
    }

    fn objects(&self) -> Pair {
        self.pair(|site| site.live_objects, |site| site.allocated_objects)
    }

    fn growth(&self) -> Option<SiteGrowth> {
        let site = self.later.or(self.before)?;
        let (bytes, objects) = (self.bytes().growth(), self.objects().growth());
        Some(SiteGrowth {
            key: site.key.clone(),
            name: site.name.clone(),
            tag: site.tag.clone(),
            thread: site.thread.clone(),
            bytes: bytes.value,
            standard_error: bytes.standard_error,
            objects: objects.value,
            objects_standard_error: objects.standard_error,
            live_bytes: self.later.map_or(0.0, |site| site.live_bytes.value),
        })
    }

    /// The site with what changed in place of what is.
    fn changed(&self) -> Option<ProfileSite> {
        let site = self.later.or(self.before)?;
        let (bytes, objects) = (self.bytes(), self.objects());
        let samples = |of: fn(&ProfileSite) -> u64| {
            self.later.map_or(0, of).saturating_sub(self.before.map_or(0, of))
        };
        Some(ProfileSite {
            live_objects: objects.growth(),
            live_bytes: bytes.growth(),
            allocated_objects: more(objects.allocated),
            allocated_bytes: more(bytes.allocated),
            live_samples: samples(|site| site.live_samples),
            samples: samples(|site| site.samples),
            ..site.clone()
        })
    }
}

/// What a total that only grows has grown by; nothing when it began anew.
fn more((before, later): (Estimate, Estimate)) -> Estimate {
    let variance = later.standard_error.powi(2) - before.standard_error.powi(2);
    let value = (later.value - before.value).max(0.0);
    Estimate::of_difference(value, variance, 0.0)
}

impl HeapProfile {
    /// What has grown and shrunk since `earlier`, by site, the largest growth first. Sites that did not change are left out.
    ///
    /// ```
    /// use plimsoll::HeapProfiler;
    ///
    /// let before = HeapProfiler::read();
    /// let growth = HeapProfiler::read().difference(&before);
    /// assert!(growth.iter().all(|site| !site.is_beyond(4.0)), "{growth:?}");
    /// ```
    pub fn difference(&self, earlier: &HeapProfile) -> Vec<SiteGrowth> {
        let mut growths = self.growths(earlier);
        growths.retain(SiteGrowth::has_changed);
        growths
    }

    /// As [`HeapProfile::difference`], by function and tag.
    #[cfg_attr(
        not(any(feature = "mcp", feature = "recorder")),
        allow(dead_code, reason = "nobody asks")
    )]
    pub(crate) fn difference_by_function(&self, earlier: &HeapProfile) -> Vec<SiteGrowth> {
        // Those that did not change hold something too.
        SiteGrowth::by_function(self.growths(earlier))
    }

    /// Of all sites, the largest growth first.
    fn growths(&self, earlier: &HeapProfile) -> Vec<SiteGrowth> {
        let growths = self.both(earlier).into_iter().filter_map(|both| both.growth());
        let mut growths: Vec<_> = growths.collect();
        growths.sort_by(|a, b| b.bytes.total_cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
        growths
    }

    /// What a later profile's difference to this one needs: without stacks and mappings, most of the memory.
    #[cfg_attr(not(feature = "mcp"), allow(dead_code, reason = "nobody keeps one"))]
    pub(crate) fn without_stacks(mut self) -> HeapProfile {
        self.sites.iter_mut().for_each(|site| site.stack = Vec::new());
        HeapProfile { locations: Vec::new(), mappings: Vec::new(), ..self }
    }

    /// A profile of what changed since `earlier`: live figures are growth and may be negative, allocated ones are what was
    /// allocated between the two.
    #[must_use]
    pub fn since(&self, earlier: &HeapProfile) -> HeapProfile {
        let pair = |live: fn(&HeapProfile) -> Estimate, all: fn(&HeapProfile) -> Estimate| Pair {
            live: (live(earlier), live(self)),
            allocated: (all(earlier), all(self)),
            is_continued: self.continues(earlier),
        };
        let bytes = pair(|it| it.live_bytes, |it| it.allocated_bytes);
        let objects = pair(|it| it.live_objects, |it| it.allocated_objects);
        let mut change = HeapProfile {
            live_objects: objects.growth(),
            live_bytes: bytes.growth(),
            allocated_objects: more(objects.allocated),
            allocated_bytes: more(bytes.allocated),
            sites: Vec::new(),
            ..self.clone()
        };
        for both in self.both(earlier) {
            let is_gone = both.later.is_none();
            if let Some(mut site) = both.changed().filter(has_changed) {
                if is_gone {
                    site.stack = change.adopt(earlier, &site);
                }
                change.sites.push(site);
            }
        }
        let size = |site: &ProfileSite| site.live_bytes.value;
        change.sites.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.key.cmp(&b.key)));
        change
    }

    /// Whether this profile counts on where `earlier` stood.
    fn continues(&self, earlier: &HeapProfile) -> bool {
        self.mean_bytes == earlier.mean_bytes
            && self.allocated_objects.value >= earlier.allocated_objects.value
    }

    /// The sites of both profiles, matched by their keys.
    fn both<'a>(&'a self, earlier: &'a HeapProfile) -> Vec<Both<'a>> {
        let is_continued = self.continues(earlier);
        let mut before: HashMap<&str, &ProfileSite> =
            earlier.sites.iter().map(|site| (site.key.as_str(), site)).collect();
        let later = self.sites.iter().map(|site| {
            let before = before.remove(site.key.as_str());
            Both { before, later: Some(site), is_continued }
        });
        let mut both: Vec<_> = later.collect();
        both.extend(before.into_values().map(|site| Both {
            before: Some(site),
            later: None,
            is_continued,
        }));
        both
    }

    /// Takes over the stack of a site of `other`: the indices it has here.
    fn adopt(&mut self, other: &HeapProfile, site: &ProfileSite) -> Vec<u32> {
        let locations: Vec<Location> = other.stack(site).cloned().collect();
        let mut indices = Vec::with_capacity(locations.len());
        for mut location in locations {
            location.mapping = location
                .mapping
                .and_then(|index| other.mappings.get(index as usize))
                .and_then(|mapping| self.mappings.iter().position(|own| own == mapping))
                .map(|index| index as u32);
            let known = self.locations.iter().position(|own| own.address == location.address);
            indices.push(known.unwrap_or(self.locations.len()) as u32);
            if known.is_none() {
                self.locations.push(location);
            }
        }
        indices
    }
}

fn has_changed(site: &ProfileSite) -> bool {
    let figures =
        [site.live_objects, site.live_bytes, site.allocated_objects, site.allocated_bytes];
    figures.iter().any(|figure| figure.value != 0.0)
}

#[cfg(test)]
mod tests;
