//! The section on a budget that holds.

use super::markdown::{rows, table, text};
use serde_json::Value;

/// A figure's name, and its words for one contestant.
type Row = (&'static str, fn(&Value) -> String);

const ROWS: [Row; 14] = [
    ("ended", ended),
    ("OOM kills, by the kernel's count", |c| known(&c["oom_kills"], |kills| format!("{kills:.0}"))),
    ("requests answered", |c| whole(&c["answered"])),
    ("requests lost", |c| whole(&c["lost"])),
    ("time over the budget", |c| seconds(&c["over_budget_seconds"])),
    ("time over the limit", |c| seconds(&c["over_limit_seconds"])),
    ("highest memory, MiB", |c| mib(&c["peak_bytes"])),
    ("evicted on command, MiB", |c| mib(&c["evicted_bytes"])),
    ("replaced by full caches, MiB", |c| mib(&c["replaced_bytes"])),
    ("hit rate: all; labels; tiles", hit_rates),
    ("caches kept, of the budget, on average", |c| percent(&c["kept_share"])),
    ("latency p50; p99; longest, ms", latencies),
    ("until memory stays below 80 % of the budget", |c| seconds(&c["below_after_seconds"])),
    ("until the level is `healthy`", |c| seconds(&c["healthy_after_seconds"])),
];

pub(crate) fn section(found: &Value) -> String {
    let contestants = rows(found, "contestants");
    let names = contestants.iter().map(|contestant| text(contestant, "strategy"));
    let heads: Vec<&str> = std::iter::once("").chain(names).collect();
    let line = |(name, words): &Row| {
        std::iter::once((*name).to_owned()).chain(contestants.iter().map(words)).collect()
    };
    let lines: Vec<Vec<String>> = ROWS.iter().map(line).collect();
    format!("## A budget that holds\n\n{}\n{}\n{NOTES}", head(found), table(&heads, &lines))
}

fn head(found: &Value) -> String {
    let quick = if found["quick"] == true { " A quick run." } else { "" };
    let (limit, budget) = (mib(&found["limit_bytes"]), mib(&found["budget_bytes"]));
    let (rounds, round) = (&found["rounds"], whole(&found["round_seconds"]));
    let (date, load) = (text(&found["machine"], "date"), &found["machine"]["load"]);
    format!(
        "`examples/governed_cache`, three times at once, {}: limit {limit} MiB, budget {budget} MiB, a working set of \
         three times the limit, load and rest of {round} s, {rounds} of them. {date} UTC, load before {load}.{quick}\n\n\
         ![Memory over time](governed.svg)\n",
        text(found, "place")
    )
}

const NOTES: &str = "\
*ungoverned*: both caches grow without bound. *evict-only*: what is often written by hand, a thread that looks at the \
resident memory once a second and, above 80 % of the budget, evicts a quarter of each cache. *governed*: \
`Monitor::builder()` with both caches registered. The requests are the same, at the same times, for all three: a request \
that comes while others wait is late from the moment at which it was due. *Lost* are the requests that had no answer when \
the process was killed. Memory is the control group's charge, or the resident memory without one, looked at every 5 ms. \
Time until normal counts from the last request. Hit rates of a process that was killed end with it.
";

fn ended(contestant: &Value) -> String {
    let at = contestant["lived_seconds"].as_f64().unwrap_or_default();
    match contestant["signal"].as_u64() {
        Some(signal) => format!("**killed at {at:.1} s**, signal {signal}"),
        None => "by itself".into(),
    }
}

fn hit_rates(contestant: &Value) -> String {
    ["hit_rate", "labels_hit_rate", "tiles_hit_rate"]
        .map(|field| percent(&contestant[field]))
        .join("; ")
}

fn latencies(contestant: &Value) -> String {
    let millis =
        |field: &str| known(&contestant[field], |micros| format!("{:.1}", micros / 1000.0));
    ["p50_micros", "p99_micros", "max_micros"].map(millis).join("; ")
}

/// A dash for what is unknown, or never came.
fn known(value: &Value, words: impl Fn(f64) -> String) -> String {
    value.as_f64().map_or("-".into(), words)
}

fn whole(value: &Value) -> String {
    known(value, super::markdown::thousands)
}

fn seconds(value: &Value) -> String {
    known(value, |seconds| format!("{seconds:.2} s"))
}

fn mib(value: &Value) -> String {
    known(value, |bytes| format!("{:.0}", bytes / f64::from(1 << 20)))
}

fn percent(value: &Value) -> String {
    known(value, |share| format!("{:.1} %", share * 100.0))
}
