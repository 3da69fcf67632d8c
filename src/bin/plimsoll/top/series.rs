//! `Series`: what was used over the last minutes, bounded; and how caches have grown.

use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// Seconds that are drawn.
pub(super) const SPAN: f64 = 600.0;
/// One a second, and what the history had beside them.
const MOST_POINTS: usize = 1200;
/// Growth of a cache is told over so many seconds.
const RECENTLY: f64 = 60.0;
/// Caches whose growth is followed: as many as a monitor takes.
const MOST_CACHES: usize = 256;

/// A figure over time, oldest first: seconds since 1970, and bytes.
#[derive(Debug, Default)]
pub(super) struct Series(VecDeque<(f64, f64)>);

impl Series {
    /// Nothing older than what is drawn; nothing out of order.
    pub(super) fn push(&mut self, time: f64, bytes: f64) {
        if self.0.back().is_some_and(|(last, _)| *last >= time) {
            return;
        }
        self.0.push_back((time, bytes));
        self.forget(time - SPAN);
        while self.0.len() > MOST_POINTS {
            self.0.pop_front();
        }
    }

    pub(super) fn put_before(&mut self, earlier: &[(f64, f64)]) {
        let seen = std::mem::take(&mut self.0);
        let earlier = earlier.iter().copied();
        earlier.chain(seen).for_each(|(time, bytes)| self.push(time, bytes));
    }

    fn forget(&mut self, before: f64) {
        while self.0.front().is_some_and(|(time, _)| *time < before) {
            self.0.pop_front();
        }
    }

    /// As `x` seconds before the last point, and bytes.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let last = self.0.back().map_or(0.0, |(time, _)| *time);
        self.0.iter().map(|(time, bytes)| (time - last, *bytes)).collect()
    }

    pub(super) fn most(&self) -> f64 {
        self.0.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max)
    }

    /// Bytes from the first point of the last minute to now; `None` of a single point.
    pub(super) fn grown(&self) -> Option<f64> {
        let (now, bytes) = *self.0.back()?;
        let first = self.0.iter().find(|(time, _)| *time >= now - RECENTLY)?;
        (first.0 < now).then_some(bytes - first.1)
    }
}

/// A column of the history, as far as it is known.
pub(super) fn column(history: &Value, name: &str) -> Vec<(f64, f64)> {
    let of = |name: &str| history["figures"][name].as_array().map_or(&[][..], Vec::as_slice);
    let pairs = of("timestamp").iter().zip(of(name));
    pairs.filter_map(|(time, bytes)| Some((time.as_f64()?, bytes.as_f64()?))).collect()
}

/// What each cache has held.
#[derive(Debug, Default)]
pub(super) struct Caches(BTreeMap<String, Series>);

impl Caches {
    pub(super) fn push(&mut self, status: &Value) {
        let caches = status["caches"].as_array().map_or(&[][..], Vec::as_slice);
        let is_there = |name: &String| caches.iter().any(|cache| cache["name"] == name.as_str());
        self.0.retain(|name, _| is_there(name));
        let time = status["timestamp"].as_f64().unwrap_or(0.0);
        for cache in caches.iter().take(MOST_CACHES) {
            if let (Some(name), Some(bytes)) =
                (cache["name"].as_str(), cache["usage_bytes"].as_f64())
            {
                self.0.entry(name.to_owned()).or_default().push(time, bytes);
            }
        }
    }

    pub(super) fn grown(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.grown()
    }
}
