//! The sites that hold most, as JSON: what the API, the tools and the dashboard show.

use crate::profile::{Estimate, Function, HeapProfile, LostSamples, Owner, ProfileSite};
use serde::Serialize;

/// So many functions of a stack are told.
const DEPTH: usize = 24;

/// A profile's largest sites, as plain data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TopSites {
    /// Rises when a key changes its meaning.
    pub schema_version: u32,
    /// Seconds since 1970 by the wall clock.
    pub timestamp: f64,
    /// Whether samples are taken.
    pub is_running: bool,
    /// Mean bytes between two samples; `None` when none was ever taken.
    pub mean_bytes: Option<u64>,
    /// Whether functions have their names.
    pub has_symbols: bool,
    /// All that is live of what was allocated while the profiler ran.
    pub live_objects: Estimate,
    /// Its bytes.
    pub live_bytes: Estimate,
    /// All that was allocated while the profiler ran.
    pub allocated_objects: Estimate,
    /// Its bytes.
    pub allocated_bytes: Estimate,
    /// What the live estimates stand on.
    pub live_samples: u64,
    /// What is missing.
    pub lost: LostSamples,
    /// The functions that hold most, each with all of its sites.
    pub functions: Vec<TopFunction>,
    /// How many sites there are.
    pub sites_total: usize,
    /// The largest of them by live bytes; by growth in a difference.
    pub sites: Vec<TopSite>,
}

/// A function, with what all of its sites hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TopFunction {
    /// Its name: see [`ProfileSite::name`].
    pub name: String,
    /// How many sites it has: stacks that differ, tags, threads.
    pub sites: usize,
    /// The key of the one that holds most.
    pub largest_site: String,
    /// Its live bytes in percent of all that are live in the profile; `None` when there are none.
    pub share_percent: Option<f64>,
    /// Live objects.
    pub live_objects: Estimate,
    /// Live bytes.
    pub live_bytes: Estimate,
    /// Bytes allocated while the profiler ran.
    pub allocated_bytes: Estimate,
    /// Its sampled objects that are live.
    pub live_samples: u64,
}

impl TopFunction {
    /// Of the sites of one name, the largest first.
    fn of(profile: &HeapProfile, sites: &[&ProfileSite]) -> Option<Self> {
        let largest = sites.first()?;
        let sum = |of: fn(&ProfileSite) -> Estimate| sites.iter().map(|site| of(site)).sum();
        let live_bytes: Estimate = sum(|site| site.live_bytes);
        Some(TopFunction {
            name: largest.name().to_owned(),
            sites: sites.len(),
            largest_site: largest.key.clone(),
            share_percent: profile.share(live_bytes.value),
            live_objects: sum(|site| site.live_objects),
            live_bytes,
            allocated_bytes: sum(|site| site.allocated_bytes),
            live_samples: sites.iter().map(|site| site.live_samples).sum(),
        })
    }
}

/// A site, with its stack as text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TopSite {
    /// See [`ProfileSite::key`].
    pub key: String,
    /// See [`ProfileSite::name`].
    pub name: String,
    /// See [`ProfileSite::via`].
    pub via: Option<String>,
    /// See [`ProfileSite::tag`].
    pub tag: Option<String>,
    /// See [`ProfileSite::thread`].
    pub thread: Option<String>,
    /// Its live bytes in percent of all that are live in the profile; `None` when there are none.
    pub share_percent: Option<f64>,
    /// Live objects.
    pub live_objects: Estimate,
    /// Live bytes.
    pub live_bytes: Estimate,
    /// Objects allocated while the profiler ran.
    pub allocated_objects: Estimate,
    /// Bytes allocated while the profiler ran.
    pub allocated_bytes: Estimate,
    /// Its sampled objects that are live.
    pub live_samples: u64,
    /// Its functions, the innermost first, with file and line where they are known, without the standard library's; at
    /// most 24.
    pub stack: Vec<String>,
    /// Whether the stack goes on.
    pub is_cut: bool,
}

impl HeapProfile {
    /// The `limit` sites that hold most, with their stacks as text.
    ///
    /// ```
    /// let top = plimsoll::HeapProfiler::read().with_symbols().top(5);
    /// println!("{}", serde_json::to_string_pretty(&top)?);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn top(&self, limit: usize) -> TopSites {
        TopSites {
            schema_version: self.schema_version,
            timestamp: self.timestamp,
            is_running: self.is_running,
            mean_bytes: (self.mean_bytes > 0).then_some(self.mean_bytes),
            has_symbols: self.has_symbols,
            live_objects: self.live_objects,
            live_bytes: self.live_bytes,
            allocated_objects: self.allocated_objects,
            allocated_bytes: self.allocated_bytes,
            live_samples: self.live_samples,
            lost: self.lost,
            functions: self.top_functions(limit),
            sites_total: self.sites.len(),
            sites: self.sites.iter().take(limit).map(|site| self.top_site(site)).collect(),
        }
    }

    /// The `limit` functions that hold most.
    fn top_functions(&self, limit: usize) -> Vec<TopFunction> {
        let by_name = self.grouped(ProfileSite::name);
        let mut functions: Vec<_> =
            by_name.filter_map(|sites| TopFunction::of(self, &sites)).collect();
        functions.sort_by(|a, b| b.live_bytes.value.total_cmp(&a.live_bytes.value));
        functions.truncate(limit);
        functions
    }

    /// In percent of all live bytes.
    fn share(&self, bytes: f64) -> Option<f64> {
        let all = self.live_bytes.value;
        (all > 0.0).then(|| (bytes / all * 1e4).round() / 1e2)
    }

    fn top_site(&self, site: &ProfileSite) -> TopSite {
        let mut stack = self.lines(site);
        let is_cut = site.is_cut || stack.len() > DEPTH;
        stack.truncate(DEPTH);
        TopSite {
            key: site.key.clone(),
            name: site.name().to_owned(),
            via: site.via.clone(),
            tag: site.tag.clone(),
            thread: site.thread.clone(),
            share_percent: self.share(site.live_bytes.value),
            live_objects: site.live_objects,
            live_bytes: site.live_bytes,
            allocated_objects: site.allocated_objects,
            allocated_bytes: site.allocated_bytes,
            live_samples: site.live_samples,
            stack,
            is_cut,
        }
    }

    fn lines(&self, site: &ProfileSite) -> Vec<String> {
        // A chain of iterators is a dozen functions of the standard library, none of which anybody asked for.
        let named = self.shown(site).filter(|function| function.owner() != Owner::Machinery);
        let named: Vec<_> = named.map(line).collect();
        if named.is_empty() { self.places(site).collect() } else { named }
    }
}

fn line(function: &Function) -> String {
    match (&function.file, function.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", function.name),
        (Some(file), None) => format!("{} ({file})", function.name),
        _ => function.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::export::profile::tests::{profile, without_symbols};

    #[test]
    fn the_largest_sites_with_their_stacks() {
        let top = profile().top(1);
        assert_eq!((top.sites.len(), top.sites_total), (1, 2));
        let site = &top.sites[0];
        assert_eq!(site.name, "service::index::insert");
        assert_eq!(site.via.as_deref(), Some("serde_json::de::from_slice"));
        assert_eq!(site.share_percent, Some(98.46));
        let stack = [
            "serde_json::de::from_slice (/root/.cargo/registry/src/a/serde_json/src/de.rs:7)",
            "service::index::insert (src/index.rs:42)",
            "service::main",
        ];
        assert_eq!(site.stack, stack);
    }

    #[test]
    fn sites_of_one_function_are_summed_up() {
        let mut profile = profile();
        let second = profile.sites[0].clone();
        profile.sites.insert(1, second);
        let top = profile.top(1);
        let function = &top.functions[0];
        assert_eq!((function.name.as_str(), function.sites), ("service::index::insert", 2));
        assert_eq!(function.live_bytes.value, (128 << 20) as f64);
        assert_eq!(function.live_samples, 2);
    }

    #[test]
    fn without_names_it_says_where() {
        let top = without_symbols().top(1);
        assert!(!top.has_symbols);
        assert_eq!(top.sites[0].stack[0], "service+0x410");
        assert_eq!(top.sites[0].name, format!("service+0x410, site {}", top.sites[0].key));
    }
}
