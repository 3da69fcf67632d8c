//! What the sampler holds at one moment, as plain data: the samples, and the sites they were taken at.

use super::bucket::Record;
use super::is_running;
use super::sites::Entry;
use super::stack::DEPTH;
use super::state::{LostTotals, state};
use super::tag;
use crate::sync::Ordering;
use std::collections::HashMap;

/// Everything that the sampler knows at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Whether samples are taken now.
    pub(crate) is_running: bool,
    /// Mean bytes between two samples that is in force, or was when sampling stopped; 0 before the first start.
    pub(crate) mean_bytes: u64,
    /// The sites that were ever sampled.
    pub(crate) sites: Vec<RawSite>,
    /// The sampled objects that are live.
    pub(crate) samples: Vec<RawSample>,
    /// Objects that were due and are not in the profile.
    pub(crate) lost: Lost,
}

/// One place in the program: a stack, and what labels it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawSite {
    /// Return addresses, the innermost first; frames of the allocator itself are left out.
    pub(crate) frames: Vec<usize>,
    /// Whether there were more frames than are kept.
    pub(crate) is_cut: bool,
    /// The tag in force.
    pub(crate) tag: Option<&'static str>,
    /// The thread's name, where sites are kept apart by it.
    pub(crate) thread: Option<String>,
    /// Samples taken here so far, whether or not their objects are live.
    pub(crate) samples: u64,
    /// Objects allocated here while sampling ran: an unbiased estimate, the sum of 1 / p over the samples.
    pub(crate) allocated_objects: f64,
    /// Bytes allocated here (growth by `realloc` too) while sampling ran: an unbiased estimate.
    pub(crate) allocated_bytes: f64,
    /// The variance of `allocated_objects`, estimated without bias.
    pub(crate) allocated_objects_variance: f64,
    /// The variance of `allocated_bytes`, estimated without bias.
    pub(crate) allocated_bytes_variance: f64,
}

/// One sampled object that is live.
///
/// An object of `s` bytes is in the sample with the chance p = 1 - exp(-s / mean), whatever its history: growth may bring
/// it in, shrinking may drop it (it is thinned out by the ratio of the chances).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawSample {
    /// The index of its site in [`Reading::sites`].
    pub(crate) site: u32,
    /// Its size now, as asked for, in bytes.
    pub(crate) size: u64,
    /// The mean that was in force when it was sampled.
    pub(crate) mean_bytes: u64,
}

/// Objects that were due for a sample and are not in the profile, by reason. Totals that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The table of live samples had no room.
    pub(crate) table_full: u64,
    /// The table of sites had no room.
    pub(crate) sites_full: u64,
    /// The inner allocator refused the page-aligned request; the object was given out as it was.
    pub(crate) refused: u64,
    /// The thread was inside the sampler already: a signal handler, or the unwinder's own needs.
    pub(crate) busy: u64,
}

/// What is known now. Objects that come and go meanwhile may be in it or not.
pub(crate) fn read() -> Reading {
    let Some(state) = state() else { return Reading::default() };
    // First the samples: their sites are there before them.
    let records: Vec<Record> = state.table.records().collect();
    let (numbers, sites): (Vec<u32>, Vec<RawSite>) =
        state.sites.entries().filter_map(|(number, entry)| Some((number, site(entry)?))).unzip();
    let places: HashMap<u32, u32> = numbers.into_iter().zip(0..).collect();
    let samples = records.iter().filter_map(|record| {
        let site = *places.get(&record.site?)?;
        Some(RawSample { site, size: record.size, mean_bytes: record.mean })
    });
    Reading {
        is_running: is_running(),
        mean_bytes: state.mean.load(Ordering::Relaxed),
        samples: samples.collect(),
        sites,
        lost: lost(&state.lost),
    }
}

/// `None` while nothing was sampled there.
fn site(entry: &Entry) -> Option<RawSite> {
    let samples = entry.samples.load(Ordering::Relaxed);
    if samples == 0 {
        return None;
    }
    let depth = (entry.depth.load(Ordering::Relaxed) as usize).min(DEPTH);
    let frames = entry.frames.iter().take(depth);
    Some(RawSite {
        frames: frames.map(|frame| frame.load(Ordering::Relaxed) as usize).collect(),
        is_cut: entry.is_cut.load(Ordering::Relaxed) != 0,
        tag: tag::name(entry.tag.load(Ordering::Relaxed)),
        thread: thread_name(entry),
        samples,
        allocated_objects: entry.objects.get(),
        allocated_bytes: entry.bytes.get(),
        allocated_objects_variance: entry.objects_variance.get(),
        allocated_bytes_variance: entry.bytes_variance.get(),
    })
}

fn thread_name(entry: &Entry) -> Option<String> {
    let letters = entry.thread.iter().flat_map(|half| half.load(Ordering::Relaxed).to_ne_bytes());
    let name: Vec<u8> = letters.take_while(|byte| *byte != 0).collect();
    (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
}

fn lost(totals: &LostTotals) -> Lost {
    Lost {
        table_full: totals.table_full.load(Ordering::Relaxed),
        sites_full: totals.sites_full.load(Ordering::Relaxed),
        refused: totals.refused.load(Ordering::Relaxed),
        busy: totals.busy.load(Ordering::Relaxed),
    }
}
