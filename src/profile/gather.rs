//! From what the sampler holds to a profile: samples are summed up by site, addresses are put where they belong.

use super::estimate::{Sum, chance};
use super::heap::{HeapProfile, Location, LostSamples, ProfileSite};
use super::key;
use super::mapping::Mapping;
use crate::sampler::{Lost, RawSample, RawSite, Reading};
use crate::snapshot::Moment;
use std::collections::HashMap;

/// What makes a site: two of the sampler's with the same are one.
type Identity<'a> = (&'a [usize], bool, Option<&'a str>, Option<&'a str>);

/// Live and allocated, objects and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    live_objects: Sum,
    live_bytes: Sum,
    allocated_objects: Sum,
    allocated_bytes: Sum,
    live_samples: u64,
    samples: u64,
}

impl Sums {
    fn live(&mut self, sample: &RawSample) {
        let chance = chance(sample.size, sample.mean_bytes);
        self.live_objects.add(1.0, chance);
        self.live_bytes.add(sample.size as f64, chance);
        self.live_samples += 1;
    }

    fn allocated(&mut self, site: &RawSite) {
        let objects = Sum::of(site.allocated_objects, site.allocated_objects_variance);
        let bytes = Sum::of(site.allocated_bytes, site.allocated_bytes_variance);
        self.allocated_objects = self.allocated_objects.plus(objects);
        self.allocated_bytes = self.allocated_bytes.plus(bytes);
        self.samples += site.samples;
    }

    fn plus(self, other: &Sums) -> Self {
        Sums {
            live_objects: self.live_objects.plus(other.live_objects),
            live_bytes: self.live_bytes.plus(other.live_bytes),
            allocated_objects: self.allocated_objects.plus(other.allocated_objects),
            allocated_bytes: self.allocated_bytes.plus(other.allocated_bytes),
            live_samples: self.live_samples + other.live_samples,
            samples: self.samples + other.samples,
        }
    }
}

/// The raw sites that are one, and their sums.
struct Merged<'a> {
    site: &'a RawSite,
    sums: Sums,
}

impl HeapProfile {
    /// What `reading` says.
    pub(crate) fn of(reading: &Reading, mappings: Vec<Mapping>, moment: Moment) -> Self {
        let merged = merge(reading);
        let total = merged.iter().fold(Sums::default(), |total, it| total.plus(&it.sums));
        let mut profile = HeapProfile {
            schema_version: HeapProfile::SCHEMA_VERSION,
            timestamp: moment.epoch_secs(),
            is_running: reading.is_running,
            mean_bytes: reading.mean_bytes,
            live_objects: total.live_objects.estimate(total.allocated_objects.weight()),
            live_bytes: total.live_bytes.estimate(total.allocated_bytes.weight()),
            allocated_objects: total.allocated_objects.estimate(0.0),
            allocated_bytes: total.allocated_bytes.estimate(0.0),
            live_samples: total.live_samples,
            lost: reading.lost.into(),
            mappings,
            ..HeapProfile::default()
        };
        profile.place(&merged);
        profile.name_sites();
        profile
    }

    /// Puts in the sites, the largest first, with their stacks.
    fn place(&mut self, merged: &[Merged<'_>]) {
        let mut known = HashMap::new();
        for Merged { site, sums } in merged {
            // The outermost frame may be none: where a thread begins there is no caller.
            let frames = site.frames.iter().filter(|frame| **frame != 0);
            let stack = frames.map(|frame| self.location(*frame as u64, &mut known));
            let stack = stack.collect();
            self.sites.push(ProfileSite { stack, ..self.site(site, sums) });
        }
        let size = |site: &ProfileSite| (site.live_bytes.value, site.allocated_bytes.value);
        self.sites.sort_by(|a, b| {
            let by_size = size(b).partial_cmp(&size(a)).unwrap_or(std::cmp::Ordering::Equal);
            by_size.then_with(|| a.key.cmp(&b.key))
        });
    }

    fn site(&self, site: &RawSite, sums: &Sums) -> ProfileSite {
        ProfileSite {
            key: key::of(site, &self.mappings),
            tag: site.tag.map(str::to_owned),
            thread: site.thread.clone(),
            live_objects: sums.live_objects.estimate(sums.allocated_objects.weight()),
            live_bytes: sums.live_bytes.estimate(sums.allocated_bytes.weight()),
            allocated_objects: sums.allocated_objects.estimate(0.0),
            allocated_bytes: sums.allocated_bytes.estimate(0.0),
            live_samples: sums.live_samples,
            samples: sums.samples,
            is_cut: site.is_cut,
            ..ProfileSite::default()
        }
    }

    /// The index of the location at `address`, which is put in if it is new.
    fn location(&mut self, address: u64, known: &mut HashMap<u64, u32>) -> u32 {
        *known.entry(address).or_insert_with(|| {
            let mapping = key::mapping_of(address, &self.mappings);
            let mapping = mapping.map(|index| index as u32);
            self.locations.push(Location { address, mapping, functions: Vec::new() });
            (self.locations.len() - 1) as u32
        })
    }
}

fn merge(reading: &Reading) -> Vec<Merged<'_>> {
    let mut places: HashMap<Identity<'_>, usize> = HashMap::new();
    let mut merged: Vec<Merged<'_>> = Vec::new();
    let mut place_of = Vec::with_capacity(reading.sites.len());
    for site in &reading.sites {
        let identity = (&site.frames[..], site.is_cut, site.tag, site.thread.as_deref());
        let place = *places.entry(identity).or_insert(merged.len());
        if place == merged.len() {
            merged.push(Merged { site, sums: Sums::default() });
        }
        merged[place].sums.allocated(site);
        place_of.push(place);
    }
    for sample in &reading.samples {
        // The sampler never tells of a site that it does not name.
        if let Some(place) = place_of.get(sample.site as usize) {
            merged[*place].sums.live(sample);
        }
    }
    merged
}

impl From<Lost> for LostSamples {
    fn from(lost: Lost) -> Self {
        let Lost { table_full, sites_full, refused, busy } = lost;
        LostSamples { table_full, sites_full, refused, busy }
    }
}

#[cfg(test)]
mod tests;
