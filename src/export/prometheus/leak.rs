//! Whether memory leaks.

use super::text::{Family, Page};
use crate::policy::leak::{LeakStatus, LeakVerdict};

const VERDICTS: [LeakVerdict; 4] =
    [LeakVerdict::None, LeakVerdict::Growing, LeakVerdict::Suspected, LeakVerdict::Confirmed];

/// `is_known` says whether live bytes are counted: without them nothing is judged.
pub(super) fn write(page: &mut Page<'_>, leak: &LeakStatus, is_known: bool) {
    let help = "1 while a leak is suspected or confirmed.";
    let suspected = is_known.then(|| leak.verdict.is_alarm());
    page.one(Family::gauge("plimsoll_leak_suspected", "", help), suspected);
    let help = "Whether live bytes of no cache leak: 1 at the verdict in force.";
    let is_it = |verdict| is_known.then(|| (leak.verdict == verdict).into());
    let verdicts = VERDICTS.map(|verdict| ([("verdict", verdict.as_str())], is_it(verdict)));
    page.family(Family::gauge("plimsoll_leak_verdict", "", help), verdicts);
    let help = "Live bytes of no cache at the lowest point of the last epoch.";
    page.one(Family::gauge("plimsoll_leak_floor_bytes", "bytes", help), leak.floor_bytes);
    let help = "By how much that has risen since it began to; absent while nothing grows.";
    page.one(Family::gauge("plimsoll_leak_growth_bytes", "bytes", help), leak.growth_bytes);
}
