//! `get_heap_profile`: the functions and the sites that hold most, and what grew since an earlier call.

use super::answer::{Answer, Failure, found};
use super::arguments::{Profile, SITES, within};
use super::server::Server;
use crate::export::{TopFunction, TopSite};
use crate::profile::{Estimate, HeapProfile, SiteGrowth};
use crate::surface::profiles::{self, NoProfile, Symbols};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// Earlier profiles that a later one can be held against. Of each only what a difference needs.
const MOST_KEPT: usize = 4;

/// So many functions of a stack are told.
const DEPTH: usize = 4;

/// And so many characters of each.
const LINE: usize = 120;

/// The last few profiles, by their numbers.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    taken: u64,
    profiles: VecDeque<(u64, Arc<HeapProfile>)>,
}

impl Kept {
    fn get(&self, wanted: u64) -> Result<Arc<HeapProfile>, Failure> {
        let shelf = self.0.lock();
        let found = shelf.profiles.iter().find(|(id, _)| *id == wanted);
        found.map(|(_, profile)| profile.clone()).ok_or_else(|| {
            let known: Vec<_> = shelf.profiles.iter().map(|(id, _)| id.to_string()).collect();
            let known = if known.is_empty() { "none yet".into() } else { known.join(", ") };
            let expected =
                format!("the profile_id of one of the last {MOST_KEPT} answers ({known})");
            Failure::argument("since", wanted, &expected)
        })
    }

    /// Keeps `profile`, and says by which number.
    fn put(&self, profile: HeapProfile) -> u64 {
        let profile = Arc::new(profile.without_stacks());
        let mut shelf = self.0.lock();
        shelf.taken += 1;
        let id = shelf.taken;
        if shelf.profiles.len() == MOST_KEPT {
            shelf.profiles.pop_front();
        }
        shelf.profiles.push_back((id, profile));
        id
    }
}

pub(super) async fn profile(server: &Server, arguments: Profile) -> Answer {
    let limit = within("limit", arguments.limit, &SITES)? as usize;
    let before = arguments.since.map(|id| server.profiles.get(id)).transpose()?;
    let encode = move |profile: HeapProfile| {
        let grown = |before: Arc<HeapProfile>| {
            let told =
                |grown: Vec<SiteGrowth>| grown.iter().take(limit).map(growth).collect::<Vec<_>>();
            json!({
                "since_profile_id": arguments.since,
                "seconds": profile.timestamp - before.timestamp,
                "functions": told(profile.difference_by_function(&before)),
                "sites": told(profile.difference(&before)),
            })
        };
        (before.map(grown), profile.top(limit), profile)
    };
    let made = profiles::take(&server.handle, Symbols::Auto, encode).await;
    let (growth, top, profile) = made.map_err(failure)?;
    let id = server.profiles.put(profile);
    let next_step = match (&growth, top.sites.is_empty()) {
        (_, true) => "nothing was sampled yet: ask again when the program has done some work".to_owned(),
        (None, _) => format!("call again later with since {id} to see which functions grow"),
        (Some(_), _) => {
            "what is grown beyond_doubt and goes on growing is where to look; explain_memory says what else grows".into()
        }
    };
    let json = json!({
        "profile_id": id,
        "is_running": top.is_running,
        "mean_bytes": top.mean_bytes,
        "exactness": "estimated from samples; low and high enclose the truth with 95 %",
        "live_bytes": brief(&top.live_bytes),
        "live_objects": brief(&top.live_objects),
        "allocated_bytes": brief(&top.allocated_bytes),
        "live_samples": top.live_samples,
        "lost_samples": top.lost,
        "has_symbols": top.has_symbols,
        "functions": top.functions.iter().map(function).collect::<Vec<_>>(),
        "sites_total": top.sites_total,
        "sites": top.sites.iter().map(site).collect::<Vec<_>>(),
        "growth": growth,
    });
    found(json, next_step)
}

/// In whole bytes or objects: agents pay for each digit.
fn brief(estimate: &Estimate) -> Value {
    let whole = |figure: f64| figure.round() as i64;
    json!({
        "value": whole(estimate.value), "low": whole(estimate.low), "high": whole(estimate.high),
    })
}

/// With all of its sites.
fn function(function: &TopFunction) -> Value {
    json!({
        "function": shortened(&function.name), "sites": function.sites,
        "largest_site": function.largest_site, "share_percent": function.share_percent,
        "live_bytes": brief(&function.live_bytes),
        "live_objects": function.live_objects.value.round() as i64,
    })
}

fn site(site: &TopSite) -> Value {
    json!({
        "key": site.key, "function": shortened(&site.name),
        "via": site.via.as_deref().map(shortened), "tag": site.tag, "thread": site.thread,
        "share_percent": site.share_percent,
        "live_bytes": brief(&site.live_bytes),
        "live_objects": site.live_objects.value.round() as i64,
        "allocated_bytes": site.allocated_bytes.value.round() as i64,
        "stack": site.stack.iter().take(DEPTH).map(|line| shortened(line)).collect::<Vec<_>>(),
    })
}

fn growth(site: &SiteGrowth) -> Value {
    json!({
        "key": site.key, "function": shortened(&site.name), "tag": site.tag, "thread": site.thread,
        "bytes": site.bytes.round() as i64,
        "standard_error": site.standard_error.round() as i64,
        "objects": site.objects.round() as i64,
        "live_bytes": site.live_bytes.round() as i64,
        "beyond_doubt": site.is_beyond(3.0),
    })
}

/// The end of a line tells more than its beginning.
fn shortened(line: &str) -> String {
    let length = line.chars().count();
    if length <= LINE {
        return line.to_owned();
    }
    ['…'].into_iter().chain(line.chars().skip(length - LINE)).collect()
}

fn failure(why: NoProfile) -> Failure {
    match why {
        NoProfile::Busy => {
            let error = "four profiles are made at the moment";
            Failure::new("monitoring_error", error, "call again in some seconds")
        }
        NoProfile::NeverRan => Failure::new(
            "monitoring_error",
            "the heap profile was never started, so that nothing is known of call sites",
            "call configure_memory with heap_profile on, let the program work for a while, and call again; what was \
             allocated before is in no profile",
        ),
        NoProfile::Failed(error) => {
            Failure::of(&error, "call again; the system is short of threads")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_are_kept() {
        let kept = Kept::default();
        for expected in 1..=6 {
            assert_eq!(kept.put(HeapProfile::default()), expected);
        }
        assert!(kept.get(3).is_ok() && kept.get(6).is_ok());
        assert!(kept.get(2).is_err());
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let long = format!("{}::insert", "a".repeat(500));
        let short = shortened(&long);
        assert_eq!(short.chars().count(), LINE + 1);
        assert!(short.ends_with("a::insert"));
    }
}
