//! Where the usage is going: growth by window with its bounds, and when the budget is reached.

use super::text::{Family, Number, Page};
use crate::policy::forecast::{Forecast, Growth, Rate, Trend};

/// As the JSON of the report has them.
const KINDS: [(Growth, &str); 7] = [
    (Growth::Unknown, "unknown"),
    (Growth::Steady, "steady"),
    (Growth::Shrinking, "shrinking"),
    (Growth::Objects, "objects"),
    (Growth::Buffers, "buffers"),
    (Growth::OutsideTheHeap, "outside_the_heap"),
    (Growth::Uncounted, "uncounted"),
];

pub(super) fn write(page: &mut Page<'_>, forecast: &Forecast) {
    growth(page, forecast);
    time_to_budget(page, forecast);
    let help = "What grows: 1 at the kind in force.";
    let is_it = |growth: Growth| Some((forecast.growth == growth).into());
    let kinds = KINDS.map(|(growth, word)| ([("growth", word)], is_it(growth)));
    page.family(Family::gauge("plimsoll_forecast_growth", "", help), kinds);
    let help = "Live bytes per live object of what grows: the size to look for (estimate).";
    let family = Family::gauge("plimsoll_forecast_object_bytes", "bytes", help);
    page.one(family, forecast.bytes_per_object);
    let help = "Standard deviation of the usage around its trend (estimate).";
    page.one(Family::gauge("plimsoll_forecast_noise_bytes", "bytes", help), forecast.noise_bytes);
}

fn growth(page: &mut Page<'_>, forecast: &Forecast) {
    let help =
        "How fast the usage grows over a window, with the bounds of its 90 % interval (estimate).";
    let family =
        Family::gauge("plimsoll_forecast_growth_bytes_per_second", "bytes_per_second", help);
    let windows =
        [("10s", forecast.ten_seconds), ("1m", forecast.minute), ("5m", forecast.five_minutes)];
    let samples = windows.into_iter().filter_map(|(window, trend)| Some(bounds(window, trend?)));
    page.family(family, samples.flatten());
}

type Bound = ([(&'static str, &'static str); 2], Option<Number>);

fn bounds(window: &'static str, trend: Trend) -> [Bound; 3] {
    let Rate { at_least, likely, at_most } = trend.usage_bytes_per_sec;
    [("at_least", at_least), ("likely", likely), ("at_most", at_most)]
        .map(|(bound, rate)| ([("window", window), ("bound", bound)], Some(rate.into())))
}

fn time_to_budget(page: &mut Page<'_>, forecast: &Forecast) {
    let help = "When the usage reaches the budget if it goes on as it grows; absent at a rate that does not grow (estimate).";
    let family = Family::gauge("plimsoll_forecast_time_to_budget_seconds", "seconds", help);
    let time = forecast.time_to_budget;
    let bounds = [
        ("soonest", time.soonest_secs),
        ("likely", time.likely_secs),
        ("latest", time.latest_secs),
    ];
    let samples = bounds.map(|(bound, seconds)| ([("bound", bound)], seconds.map(Number::from)));
    page.family(family, samples);
}
