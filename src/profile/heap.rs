//! `HeapProfile`: what was live and what was allocated, by site, as plain data.

use super::estimate::Estimate;
use super::mapping::Mapping;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The heap at one moment, by the places that allocated it.
///
/// Everything in it is estimated from samples, and says how well: see [`Estimate`]. A site with less than some two means
/// (1 MiB at the default of 512 KiB) may not be in it at all.
///
/// ```
/// let profile = plimsoll::HeapProfiler::read().with_symbols();
/// for site in profile.sites.iter().take(10) {
///     println!("{:>12.0} bytes {}", site.live_bytes.value, site.name());
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeapProfile {
    /// Rises when a key changes its meaning.
    pub schema_version: u32,
    /// Seconds since 1970 by the wall clock.
    pub timestamp: f64,
    /// Whether samples were still taken.
    pub is_running: bool,
    /// Mean bytes between two samples; 0 when none was ever taken.
    pub mean_bytes: u64,
    /// Live objects that were allocated while the profiler ran.
    pub live_objects: Estimate,
    /// Their bytes, as asked for.
    pub live_bytes: Estimate,
    /// Objects allocated while the profiler ran, live or not.
    pub allocated_objects: Estimate,
    /// Their bytes, growth by `realloc` too.
    pub allocated_bytes: Estimate,
    /// Live objects that were sampled: what the estimates stand on.
    pub live_samples: u64,
    /// Samples that were due and are not in the profile: it says too little by some mean each.
    pub lost: LostSamples,
    /// Whether the names of functions were looked up.
    pub has_symbols: bool,
    /// The sites, by live bytes and then by allocated bytes, the largest first.
    pub sites: Vec<ProfileSite>,
    /// The places in the code that the sites' stacks are made of.
    pub locations: Vec<Location>,
    /// The files whose code it is.
    pub mappings: Vec<Mapping>,
}

impl HeapProfile {
    /// The version of the keys.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The functions of a site's whole stack, the innermost first, inlined ones among them; empty without symbols.
    pub fn functions<'a>(&'a self, site: &'a ProfileSite) -> impl Iterator<Item = &'a Function> {
        self.stack(site).flat_map(|location| &location.functions)
    }

    /// The sites by what `of` tells of each; the largest first in every group.
    pub(crate) fn grouped<'a, K: Ord>(
        &'a self,
        of: impl Fn(&'a ProfileSite) -> K,
    ) -> impl Iterator<Item = Vec<&'a ProfileSite>> {
        let mut groups: BTreeMap<K, Vec<&ProfileSite>> = BTreeMap::new();
        for site in &self.sites {
            groups.entry(of(site)).or_default().push(site);
        }
        groups.into_values()
    }

    /// The places of a site's stack, the innermost first.
    pub fn stack<'a>(&'a self, site: &'a ProfileSite) -> impl Iterator<Item = &'a Location> {
        site.stack.iter().filter_map(|index| self.locations.get(*index as usize))
    }
}

/// A place that allocates: a stack, with the tag and, if threads are kept apart, the thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfileSite {
    /// The same for the same place in another profile, of another run of the same program too: 16 hexadecimal digits.
    pub key: String,
    pub(crate) name: String,
    /// The function that allocated for the one that gives the name, where there is one between: a library's, as a rule.
    pub via: Option<String>,
    /// The [`Tag`](crate::Tag) that was in force.
    pub tag: Option<String>,
    /// The thread's name, where threads are kept apart.
    pub thread: Option<String>,
    /// Its live objects.
    pub live_objects: Estimate,
    /// Their bytes.
    pub live_bytes: Estimate,
    /// The objects that it allocated while the profiler ran.
    pub allocated_objects: Estimate,
    /// Their bytes, growth by `realloc` too.
    pub allocated_bytes: Estimate,
    /// Its sampled objects that are live.
    pub live_samples: u64,
    /// Its samples so far.
    pub samples: u64,
    /// Indices into [`HeapProfile::locations`], the innermost first.
    pub stack: Vec<u32>,
    /// Whether the stack went on.
    pub is_cut: bool,
}

impl ProfileSite {
    /// The function that it is in: the first on its stack that belongs to the program and not to the machinery below it, with
    /// its file if its path is not known; without symbols the file and where in it, and the site's key.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A place in the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The return address.
    pub address: u64,
    /// The index of its file in [`HeapProfile::mappings`].
    pub mapping: Option<u32>,
    /// The functions there, an inlined one before the one that it was inlined into; empty without symbols.
    pub functions: Vec<Function>,
}

/// A function, and the line it was at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Function {
    /// Its name as people write it, at most 400 characters.
    pub name: String,
    /// The source file; `None` when the program was built without line tables.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

/// Samples that were due and were not taken, by reason: totals that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LostSamples {
    /// The table of live samples was full.
    pub table_full: u64,
    /// The table of sites was full.
    pub sites_full: u64,
    /// The allocator refused a page-aligned object.
    pub refused: u64,
    /// The thread was inside the sampler already.
    pub busy: u64,
}
