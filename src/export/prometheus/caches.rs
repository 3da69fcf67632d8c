//! What each cache holds, was asked for, claimed and gave, by its name; and the last eviction.

use super::text::{Family, Number, Page};
use crate::eviction::CacheStatus;
use crate::export::status::EvictionSummary;

/// A figure of a cache's, and how it is found.
type Column = (Family<'static>, fn(&CacheStatus) -> Option<Number>);

const COLUMNS: [Column; 10] = [
    (
        Family::gauge(
            "plimsoll_cache_usage_bytes",
            "bytes",
            "What the cache says it holds (reported).",
        ),
        |cache| cache.usage_bytes.map(Number::from),
    ),
    (
        Family::gauge(
            "plimsoll_cache_ceiling_bytes",
            "bytes",
            "What the cache may hold; absent without a ceiling.",
        ),
        |cache| cache.ceiling_bytes.map(Number::from),
    ),
    (
        Family::counter("plimsoll_cache_asks", "", "Times the cache was asked for memory."),
        |cache| Some(cache.asks.into()),
    ),
    (
        Family::counter("plimsoll_cache_asked_bytes", "bytes", "What the cache was asked for."),
        |cache| Some(cache.asked_bytes.into()),
    ),
    (
        Family::counter(
            "plimsoll_cache_claimed_bytes",
            "bytes",
            "What the cache said it freed (reported).",
        ),
        |cache| Some(cache.claimed_bytes.into()),
    ),
    (
        Family::counter(
            "plimsoll_cache_evicted_bytes",
            "bytes",
            "What the cache freed, measured; claimed where nothing is counted.",
        ),
        |cache| Some(cache.given_bytes.into()),
    ),
    (
        Family::counter(
            "plimsoll_cache_strikes",
            "",
            "Answers of less than a quarter of the ask, or none.",
        ),
        |cache| Some(cache.strikes.into()),
    ),
    (
        Family::gauge(
            "plimsoll_cache_quarantined",
            "",
            "1 while the cache is left alone for having panicked or hung.",
        ),
        |cache| Some(cache.quarantined.into()),
    ),
    (
        Family::gauge(
            "plimsoll_cache_honesty_ratio",
            "ratio",
            "Measured over claimed, lately (estimate).",
        ),
        |cache| cache.honesty.map(Number::from),
    ),
    (
        Family::gauge(
            "plimsoll_cache_page_yield_ratio",
            "ratio",
            "How far the kernel's figure fell for what the cache freed, lately (estimate).",
        ),
        |cache| cache.page_yield.map(Number::from),
    ),
];

pub(super) fn write(page: &mut Page<'_>, caches: &[CacheStatus]) {
    for (family, figure) in COLUMNS {
        let samples = caches.iter().map(|cache| ([("cache", cache.name.as_str())], figure(cache)));
        page.family(family, samples);
    }
}

/// Whether the last one came to what was wanted, when it was and how long it took.
pub(super) fn last_eviction(page: &mut Page<'_>, evictions: &EvictionSummary) {
    let last = evictions.recent.last();
    let help = "1 when the last eviction freed at least 80 % of its target.";
    let family = Family::gauge("plimsoll_last_eviction_success", "", help);
    page.one(family, last.map(|last| last.success));
    let help = "When the last eviction ended, in seconds since 1970.";
    let family = Family::gauge("plimsoll_last_eviction_timestamp_seconds", "seconds", help);
    page.one(family, last.map(|last| last.timestamp));
    let help = "How long the last eviction took.";
    let family = Family::gauge("plimsoll_last_eviction_duration_seconds", "seconds", help);
    page.one(family, last.map(|last| last.duration_seconds));
}
